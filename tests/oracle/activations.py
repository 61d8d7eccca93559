"""Writes activations.json: every activation by its plain formula at hundreds of digits, derived numerically in mpmath.

Run ``python -m tests.oracle.activations`` at the root of the repository. Infinite inputs are limits; nothing is shared
with the library.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from mpmath import mp, mpf

from tests.oracle._exact import Results, Vector, entry, gradient, limit, precision, write
from tests.oracle.loss_cases import GAPS, INF
from tests.oracle.loss_scales import centred_scale, deviation_scale, own_scales

_MARGINS = sorted({*GAPS, *(-g for g in GAPS), 0.3, -0.3, 2.7, -2.7, 1e300, -1e300, 5e-324, 0.1 + 0.2, 100.1, -100.1})
_ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
    "log_sigmoid": lambda z: mp.log(1 / (1 + mp.exp(-z))),
    "softplus": lambda z: mp.log(1 + mp.exp(z)),
}
_ROWS: list[tuple[str, list[float]]] = [
    *((f"gap {gap:g}", [gap, 0.0, -1.0]) for gap in GAPS),
    ("gap 700 below", [0.0, 0.5, -700.0, -745.0]),
    ("differences that round", [1.1, -63.2, -3.7, 0.1]),
    ("offset 2**20", [2.0**20 + x for x in (0.25, -1.5, 3.0)]),
    ("offset -1e6", [-1e6 + x for x in (0.25, -1.5, 3.0)]),
    ("offset 1e15", [1e15 + x for x in (0.25, -1.5, 3.0)]),
    ("offset 1e300", [1e300, 1e300, math.nextafter(1e300, 0.0)]),
    ("offset -1e300", [-1e300, -1e300, math.nextafter(-1e300, 0.0)]),
    ("one class", [3.7]),
    ("ties", [2.0, 2.0, 2.0]),
    ("tie at the top", [5.0, -3.0, 5.0]),
    ("lse near 0", [-0.75, -0.625]),
    ("ten classes", [random.Random(5 + i).randrange(-640, 641) / 64.0 for i in range(10)]),
    ("-inf", [1.0, -INF, 2.0]),
    ("+inf", [1.0, INF, 2.0]),
    ("+inf and -inf", [-INF, INF, 2.0, 0.5]),
]


def main() -> None:
    entries = []
    for function, f in _ELEMENTWISE.items():
        for name, z in (("margins", _MARGINS), ("infinite", [INF, -INF])):
            cotangent = [(1.0, -2.0, 0.75)[i % 3] for i in range(len(z))]
            entries.append(_solve(function, name, z, cotangent, _elementwise(f, with_derivative=function == "sigmoid")))
    for function, solve in (("logsumexp", _logsumexp), ("softmax", _softmax), ("log_softmax", _log_softmax)):
        for name, z in _ROWS:
            if function != "logsumexp" or INF not in z:  # its limit is +inf, and its derivative softmax's
                cotangent = [(1.0, -2.0, 0.75, 3.0)[i % 4] for i in range(len(z))]
                entries.append(_solve(function, name, z, cotangent[0] if function == "logsumexp" else cotangent, solve))
    write("activations", entries)


def _solve(
    function: str, name: str, z: list[float], cotangent: Any, solve: Callable[[Vector, Any], Results]
) -> dict[str, Any]:
    infinite = any(map(math.isinf, z))

    def results(size: int) -> Results:
        return solve([mpf(x) if math.isfinite(x) else mpf(math.copysign(size, x)) for x in z], cotangent)

    with mp.workdps(precision(z, infinite=infinite)):
        return entry(name, function, {"z": z, "cotangent": cotangent}, {}, limit(results, infinite=infinite))


def _elementwise(f: Callable[[Any], Any], *, with_derivative: bool) -> Callable[[Vector, Any], Results]:
    def solve(z: Vector, cotangent: Any) -> Results:
        slopes = [mp.diff(f, x) for x in z]
        exact = {"value": [f(x) for x in z], "vjp": [g * s for g, s in zip(cotangent, slopes, strict=True)]}
        return own_scales(exact | ({"derivative": slopes} if with_derivative else {}), None)

    return solve


def _logsumexp(z: Vector, cotangent: Any) -> Results:
    exact = {"value": _lse(z), "vjp": [cotangent * s for s in gradient(_lse, z)]}
    largest = max(z)
    return own_scales(exact, {"value": max(abs(largest), _lse([x - largest for x in z]))})


def _softmax(z: Vector, cotangent: Any) -> Results:
    def probabilities(z: Vector) -> Vector:
        e = [mp.exp(x) for x in z]
        return [x / mp.fsum(e) for x in e]

    p = probabilities(z)
    jacobian = [gradient(lambda z, i=i: probabilities(z)[i], z) for i in range(len(z))]
    exact = {"value": p, "vjp": _times(cotangent, jacobian), "jacobian": jacobian}
    return own_scales(exact, {"vjp": [p_j * deviation_scale(p, cotangent, j) for j, p_j in enumerate(p)]})


def _log_softmax(z: Vector, cotangent: Any) -> Results:
    def logs(z: Vector) -> Vector:
        e = [mp.exp(x) for x in z]
        return [mp.log(x / mp.fsum(e)) for x in e]

    p = [mp.exp(x) for x in logs(z)]
    q = [1 - x for x in p]
    jacobian = [gradient(lambda z, i=i: logs(z)[i], z) for i in range(len(z))]
    sizes = [abs(mpf(g)) for g in cotangent]
    exact = {"value": logs(z), "vjp": _times(cotangent, jacobian)}
    return own_scales(exact, {"vjp": [centred_scale(p, q, sizes, j) for j in range(len(z))]})


def _times(cotangent: Any, jacobian: list[Vector]) -> Vector:
    return [mp.fsum(g * row[j] for g, row in zip(cotangent, jacobian, strict=True)) for j in range(len(jacobian))]


def _lse(z: Vector) -> Any:
    return mp.log(mp.fsum(mp.exp(x) for x in z))


if __name__ == "__main__":
    main()
