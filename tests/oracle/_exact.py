"""What both programs share: derivatives of a plain formula at many digits, limits, and how results are written."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

Vector = list[Any]
Results = dict[str, tuple[Any, Any]]  # name: (exact numbers, the larger of the terms behind each), nested alike

#: Numbers below this are written as 0: float64 ends at 5e-324.
_VANISHING = mpf(10) ** -400
_DIGITS = 26

#: Stand-ins for infinity. What grows from one to the next is infinite, what shrinks fast is 0,
#: what stays is the limit.
_INFINITIES = (1000, 2000)


def precision(logits: Sequence[float], *, smallest: float = 1.0, infinite: bool = False) -> int:
    """Digits enough to survive plain formulas: the spread of exponentials, the size of logits, tiny probabilities."""
    largest = max((abs(x) for x in logits if math.isfinite(x)), default=0.0)
    # Exponentials of a wider spread vanish, unless it is that of a stand-in for infinity, which has to show its growth.
    spread = _INFINITIES[1] if infinite else min(2.0 * largest, 1000.0)
    return 60 + int(spread / math.log(10.0) + math.log10(1.0 + largest) - math.log10(smallest))


def gradient(f: Callable[[Vector], Any], z: Vector) -> Vector:
    return [mp.diff(lambda d, j=j: f(_moved(z, j, d)), 0) for j in range(len(z))]


def hessian_times(f: Callable[[Vector], Any], z: Vector, v: Vector, diagonal: Vector) -> Vector:
    """e_j·H v = ((e_j + v)·H (e_j + v) - e_j·H e_j - v·H v) / 2: second derivatives along lines only."""
    along_v = _bend(f, z, v)
    return [(_bend(f, z, _moved(v, j, 1)) - diagonal[j] - along_v) / 2 for j in range(len(z))]


def hessian_diagonal(f: Callable[[Vector], Any], z: Vector) -> Vector:
    return [_bend(f, z, _moved([0] * len(z), j, 1)) for j in range(len(z))]


def _bend(f: Callable[[Vector], Any], z: Vector, direction: Vector) -> Any:
    """The second derivative of f along a direction."""
    return mp.diff(lambda d: f([z_c + d * v_c if v_c else z_c for z_c, v_c in zip(z, direction, strict=True)]), 0, 2)


def _moved(z: Vector, j: int, d: Any) -> Vector:
    return [*z[:j], z[j] + d, *z[j + 1 :]]


def limit(results: Callable[[int], Results], *, infinite: bool) -> Results:
    """``results(size)`` as size, the stand-in for infinity, grows; evaluated once where nothing is infinite."""
    if not infinite:
        return results(0)
    near, far = (results(size) for size in _INFINITIES)
    return {name: (_limit(near[name][0], far[name][0]), far[name][1]) for name in near}


def _limit(near: Any, far: Any) -> Any:
    if isinstance(near, list):
        return [_limit(a, b) for a, b in zip(near, far, strict=True)]
    if abs(near) < mpf(10) ** -50 and abs(far) <= abs(near) * mpf(10) ** -50:
        return mpf(0)
    if abs(far - near) < abs(near) * mpf(10) ** -50:
        return far
    if abs(far) > 1.4 * abs(near):
        return mp.inf if far > 0 else -mp.inf
    raise ArithmeticError(f"neither grows nor settles: {mp.nstr(near)} then {mp.nstr(far)}")


def entry(
    name: str, function: str, inputs: Mapping[str, Any], options: Mapping[str, Any], results: Results
) -> dict[str, Any]:
    """One case as JSON: inputs as exact hexadecimal floats, results as digits with the exponent of their scale."""
    return {
        "name": name,
        "function": function,
        "dtype": "float32"
        if _fits_float32([inputs, [o for o in options.values() if isinstance(o, list)]])
        else "float64",
        "inputs": _nested(_hex, inputs),
        "options": _nested(_hex, options),
        "results": {
            result: {"digits": _nested(_decimal, exact), "exponent": _nested(_exponent, scale)}
            for result, (exact, scale) in results.items()
        },
    }


def write(table: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """One case per line, so that a changed digit shows in a diff."""
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in entries)
    path = Path(__file__).parent / f"{table}.json"
    path.write_text(f'{{"cases":[\n{lines}\n]}}\n', encoding="utf-8")


def _nested(convert: Callable[[Any], Any], value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _nested(convert, item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_nested(convert, item) for item in value]
    return convert(value)


def _hex(value: bool | float) -> bool | str:
    if isinstance(value, bool):
        return value
    mantissa, mark, exponent = float(value).hex().partition("p")
    return (mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa) + mark + exponent


def _decimal(value: Any) -> str:
    if mp.isnan(value):
        return "nan"
    if abs(value) < _VANISHING:
        return "0"
    if abs(value) > 1 / _VANISHING:
        return "inf" if value > 0 else "-inf"
    with mp.workdps(2 * _DIGITS):
        return (
            str(mp.nstr(value, _DIGITS, min_fixed=0, max_fixed=0))
            .replace(".0e", "e")
            .removesuffix("e+0")
            .removesuffix(".0")
        )


def _exponent(scale: Any) -> int:
    """The largest e with 2**e <= scale, within what float64 can say."""
    if not mp.isfinite(scale):
        return 0
    if scale == 0:
        return -1074
    return max(-1074, min(1023, int(mp.frexp(scale)[1]) - 1))


def _fits_float32(value: Any) -> bool:
    if isinstance(value, Mapping | list | tuple):
        return all(_fits_float32(item) for item in (value.values() if isinstance(value, Mapping) else value))
    with np.errstate(over="ignore"):
        return bool(np.isnan(value) or float(np.float32(value)) == float(value))
