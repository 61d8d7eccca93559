"""Writes losses_*.json: every loss by its plain textbook formula at hundreds of digits, derived numerically in mpmath.

Run ``python -m tests.oracle.losses`` at the root of the repository. Nothing here is arranged for floating point, and
nothing is shared with the library: derivatives are differences of the formula itself at a step far below the last
digit kept, and infinite inputs are limits. The only second formulas are the sizes of the terms that a result is a
difference of, which say in which units its error counts (docs/conventions.md, promise 20).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mpmath import mp, mpf

from tests.oracle._exact import (
    Results,
    Vector,
    entry,
    gradient,
    hessian_diagonal,
    hessian_times,
    limit,
    precision,
    write,
)
from tests.oracle.loss_cases import LossCase, cases
from tests.oracle.loss_scales import binary_scales, own_scales, sigmoid_scales, softmax_scales

_exponentials: dict[Any, Any] = {}


def main() -> None:
    tables: dict[str, list[Any]] = {}
    for case in cases():
        inputs = {"predictions": case.predictions, "targets": case.targets, "v": case.v}
        results = {name: pair for name, pair in solve(case).items() if name in case.results}
        table = tables.setdefault(_TABLES.get(case.loss, "losses_other"), [])
        table.append(entry(case.name, case.loss, inputs, case.options, results))
    for name, table in tables.items():
        write(name, table)


def solve(case: LossCase) -> Results:
    solution = _SOLUTIONS[case.loss]
    smallest = min((abs(x) for x in case.targets + case.probabilities if x != 0.0), default=1.0)
    temperature = case.options.get("temperature", 1.0)
    logits = [z / min(1.0, temperature) for z in case.predictions]
    with mp.workdps(precision(logits, smallest=smallest, infinite=case.infinite)):
        _exponentials.clear()
        if case.undefined:
            return _undefined(case, solution)
        return limit(lambda size: solution(case, size), infinite=case.infinite)


def _undefined(case: LossCase, solution: Callable[[LossCase, int], Results]) -> Results:
    """NaN everywhere but in the weight, which the targets alone decide."""
    nothing = [mp.nan] * len(case.predictions)
    names = {"value": mp.nan, "gradient": nothing, "hvp": nothing, "hessian_diagonal": nothing}
    weights = {name: value for name, value in case.options.items() if name == "class_weight"}
    defined = replace(case, predictions=[0.0] * len(case.predictions), options=weights)
    return {name: (value, value) for name, value in names.items()} | {"weight": solution(defined, 0)["weight"]}


def solve_softmax(case: LossCase, size: int) -> Results:
    """The softmax family. A dropped class is one whose logit moves to minus infinity, past softcap and smoothing."""
    o = case.options
    keep = o.get("class_mask", [True] * len(case.predictions))
    dropped = [not k or z == -mp.inf for z, k in zip(case.predictions, keep, strict=True)]
    z = [mpf(-size if d else _finite(x, size)) for x, d in zip(case.predictions, dropped, strict=True)]
    t = _smoothed(case.targets, o.get("label_smoothing", 0.0), [not d for d in dropped])
    a = [w * t_c for w, t_c in zip(_numbers(o.get("class_weight"), len(t)), t, strict=True)]
    gamma, z_loss = mpf(o.get("focal_gamma", 0.0)), mpf(o.get("z_loss", 0.0))
    temperature = mpf(o.get("temperature", 1.0))
    present = [not d or size > 0 for d in dropped]  # with nothing infinite around, a dropped class is simply not there

    def transformed(z: Vector) -> Vector:
        cap = o.get("softcap")
        return [
            (x if cap is None or d else cap * mp.tanh(x / cap)) / temperature for x, d in zip(z, dropped, strict=True)
        ]

    def loss(z: Vector) -> Any:
        x = transformed(z)
        partition = mp.fsum(_exp(x_c) for x_c, here in zip(x, present, strict=True) if here)
        cost = mpf(0)
        for c, a_c in enumerate(a):
            if a_c != 0:
                p = _exp(x[c]) / partition
                cost += a_c * ((1 - p) ** gamma * -mp.log(p) + z_loss * mp.log(partition) ** 2)
                if case.loss == "softmax_kl_divergence":
                    cost += a_c * mp.log(t[c])
        return cost

    scales = softmax_scales(case, z=z, x=transformed(z), dropped=dropped, t=t, a=a)
    return _results(case, loss, z, scales, mp.fsum(a))


def solve_sigmoid(case: LossCase, size: int) -> Results:
    gamma = mpf(case.options.get("focal_gamma", 0.0))
    one, zero = _binary_masses(case)
    z = [mpf(_finite(x, size)) for x in case.predictions]

    def element(i: int, z_i: Any) -> Any:
        p = 1 / (1 + mp.exp(-z_i))
        q = 1 / (1 + mp.exp(z_i))
        return one[i] * q**gamma * -mp.log(p) + zero[i] * p**gamma * -mp.log(q)

    return _elementwise(case, element, z, sigmoid_scales(z, case.v, one, zero, gamma), _sums(one, zero))


def solve_multilabel(case: LossCase, size: int) -> Results:
    """A mean of elements: each result is the elements' own, divided by their number."""
    k = len(case.predictions)
    elements = solve_sigmoid(case, size)

    def mean(pair: tuple[Any, Any]) -> tuple[Any, Any]:
        return mp.fsum(pair[0]) / k, mp.fsum(pair[0]) / k

    def shared(pair: tuple[Any, Any]) -> tuple[Any, Any]:
        return [x / k for x in pair[0]], [x / k for x in pair[1]]

    return {name: mean(pair) if name in ("value", "weight") else shared(pair) for name, pair in elements.items()}


def solve_binary(case: LossCase, size: int) -> Results:
    one, zero = _binary_masses(case)
    edge = mpf(10) ** -(size // 4)  # well within the digits kept
    p = [edge if x == 0 else 1 - edge if x == 1 else mpf(x) for x in case.predictions]

    def element(i: int, p_i: Any) -> Any:
        return one[i] * -mp.log(p_i) + zero[i] * -mp.log(1 - p_i)

    return _elementwise(case, element, p, binary_scales(p, one, zero), _sums(one, zero))


def solve_categorical(case: LossCase, size: int) -> Results:
    """A sum of elements, one per class: derivatives are the elements' own."""
    k = len(case.predictions)
    t = _smoothed(case.targets, case.options.get("label_smoothing", 0.0), [True] * k)
    a = [w * t_c for w, t_c in zip(_numbers(case.options.get("class_weight"), k), t, strict=True)]
    from_logs = case.loss == "negative_log_likelihood"
    edge = mpf(10) ** -(size // 4)  # well within the digits kept
    x = [mpf(_finite(x, size)) if from_logs else mpf(x) or edge for x in case.predictions]

    def element(c: int, x_c: Any) -> Any:
        return a[c] * -(x_c if from_logs else mp.log(x_c)) if a[c] else mpf(0)

    elements = _elementwise(case, element, x, None, a)
    sums = {name: mp.fsum(elements[name][0]) for name in ("value", "weight")}
    return elements | {name: (value, value) for name, value in sums.items()}


def solve_soft_margin(case: LossCase, size: int) -> Results:
    s = [mpf(_finite(x, size)) for x in case.predictions]
    ones = [mpf(1)] * len(s)
    return _elementwise(case, lambda i, s_i: mp.log(1 + mp.exp(-case.targets[i] * s_i)), s, None, ones)


def solve_squared_error(case: LossCase, size: int) -> Results:
    x = [mpf(x) for x in case.predictions]
    return _elementwise(case, lambda i, x_i: (x_i - mpf(case.targets[i])) ** 2, x, None, [mpf(1)] * len(x))


def _results(
    case: LossCase, loss: Callable[[Vector], Any], z: Vector, scales: Mapping[str, Any] | None, weight: Any
) -> Results:
    diagonal = hessian_diagonal(loss, z)
    exact = {
        "value": loss(z),
        "gradient": gradient(loss, z),
        "hvp": hessian_times(loss, z, [mpf(v) for v in case.v], diagonal),
        "hessian_diagonal": diagonal,
        "weight": weight,
    }
    return own_scales(exact, scales)


def _elementwise(
    case: LossCase,
    element: Callable[[int, Any], Any],
    z: Vector,
    scales: Mapping[str, Any] | None,
    weight: Vector,
) -> Results:
    """Each element is its own function of its own number."""
    second = [mp.diff(lambda x, i=i: element(i, x), z_i, 2) for i, z_i in enumerate(z)]
    exact = {
        "value": [element(i, z_i) for i, z_i in enumerate(z)],
        "gradient": [mp.diff(lambda x, i=i: element(i, x), z_i) for i, z_i in enumerate(z)],
        "hvp": [v * s for v, s in zip(case.v, second, strict=True)],
        "hessian_diagonal": second,
        "weight": weight,
    }
    return own_scales(exact, scales)


def _smoothed(targets: list[float], epsilon: float, kept: list[bool]) -> Vector:
    share = mpf(epsilon) / max(1, sum(kept))
    return [(1 - mpf(epsilon)) * mpf(t) + (share if k else 0) for t, k in zip(targets, kept, strict=True)]


def _binary_masses(case: LossCase) -> tuple[Vector, Vector]:
    k, o = len(case.predictions), case.options
    w, positive = _numbers(o.get("class_weight"), k), _numbers(o.get("pos_weight"), k)
    epsilon = mpf(o.get("label_smoothing", 0.0))
    t = [(1 - epsilon) * mpf(t_i) + epsilon / 2 for t_i in case.targets]
    return [w[i] * positive[i] * t[i] for i in range(k)], [w[i] * (1 - t[i]) for i in range(k)]


def _numbers(option: Any, k: int) -> Vector:
    """A weight per class from None, a number or a list."""
    return [mpf(x) for x in (option if isinstance(option, list) else [1.0 if option is None else option] * k)]


def _sums(one: Vector, zero: Vector) -> Vector:
    return [x + y for x, y in zip(one, zero, strict=True)]


def _finite(x: float, size: int) -> Any:
    return mpf(x) if mp.isfinite(x) else mpf(size if x > 0 else -size)


def _exp(x: Any) -> Any:
    """exp, remembered: moving one logit of a row leaves the others' exponentials as they were."""
    key = (x, mp.prec)
    if key not in _exponentials:
        _exponentials[key] = mp.exp(x)
    return _exponentials[key]


_TABLES = {"softmax_cross_entropy": "losses_softmax", "softmax_kl_divergence": "losses_softmax_kl"}
_SOLUTIONS: dict[str, Callable[[LossCase, int], Results]] = {
    "softmax_cross_entropy": solve_softmax,
    "softmax_kl_divergence": solve_softmax,
    "sigmoid_cross_entropy": solve_sigmoid,
    "multilabel_soft_margin": solve_multilabel,
    "binary_cross_entropy": solve_binary,
    "categorical_cross_entropy": solve_categorical,
    "negative_log_likelihood": solve_categorical,
    "soft_margin": solve_soft_margin,
    "mean_squared_error": solve_squared_error,
}

if __name__ == "__main__":
    main()
