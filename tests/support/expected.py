"""What a call of a loss must return: the reference's formulas in float64, reduced here, each with its tolerance.

Errors count as docs/conventions.md, 20 says: in ULP of the larger of the terms that a result is a difference of
(``scales``) in the dtype of the computation, float32 at least; a result of fewer digits is rounded once, last (19).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import crossentropy as ce
from crossentropy._conventions import result_dtype
from crossentropy._dispatch import engine
from crossentropy._problems import Order
from crossentropy.reference.losses import FOCAL_ULP, SOFTCAP_ULP
from tests.support.calls import Call
from tests.support.scales import scales

Doubles = NDArray[np.float64]


def extra_ulp(options: Mapping[str, Any]) -> float:
    """What tanh and the power add to the stated ULP, in proportion to what they stretch (docs/conventions.md, 20)."""
    softcap = (options.get("softcap") or 0.0) / options.get("temperature", 1.0)
    return FOCAL_ULP * options.get("focal_gamma", 0.0) + SOFTCAP_ULP * softcap


@dataclass(frozen=True)
class Expected:
    """One exact result; ``allowed`` is how many ULP of ``size``, that of its terms, a result may be off."""

    exact: Doubles
    size: Doubles
    allowed: float
    dtype: np.dtype[Any]

    def check(self, actual: Any) -> None:
        assert np.asarray(actual).dtype == self.dtype
        assert np.shape(actual) == self.exact.shape
        given = np.asarray(actual, dtype=np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = self.exact.astype(self.dtype)
            size = np.maximum(np.abs(self.exact), np.where(np.isfinite(self.size), self.size, 0.0))
            computed = np.float64 if self.dtype == np.float64 else np.float32
            tolerance = self.allowed * np.spacing(size.astype(computed)).astype(np.float64)
            if self.dtype.itemsize < 4:
                tolerance += 0.5 * np.spacing(np.abs(rounded)).astype(np.float64)
            same = (given == rounded) | (np.isnan(given) & np.isnan(rounded))
            wrong = np.asarray(~same & ~(np.abs(given - self.exact) <= tolerance))
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            off = abs(given[at] - self.exact[at]) / np.spacing(size[at])
            raise AssertionError(
                f"at {at}: got {given[at]!r}, expected {self.exact[at]!r} within {tolerance[at]:.3g}, "
                f"off by {off:.3g} of {self.allowed:g} ULP of {size[at]:.3g}"
            )


@dataclass(frozen=True)
class Prepared:
    """A call as the reference sees it: dense targets, and the weight that each row's derivative is multiplied by."""

    problem: Any
    reference: Any
    weight: float
    divisor: float
    row_weight: Doubles


def prepared(call: Call) -> Prepared:
    problem = call.loss._problem((call.predictions, call.targets), call.options)
    with ce.use_implementation("reference"):
        reference: Any = engine(problem)
    weight, finding = reference.weigh()
    if finding is not None:
        raise ValueError(finding)
    reducing, divisor = problem.reducing, 1.0
    if reducing.kind == "mean":
        divisor = reducing.normalizer if reducing.normalizer is not None else weight or 1.0
    row_weight = np.asarray(reference.sample_weight) / divisor
    if row_weight.ndim < problem.predictions.ndim:
        row_weight = row_weight[..., np.newaxis]
    return Prepared(problem, reference, weight, divisor, row_weight)


def expected(call: Call) -> dict[str, Expected]:
    """What ``value``, ``weight``, ``gradient``, ``hvp`` and ``hessian_diagonal`` of a call must be."""
    found = prepared(call)
    problem, reference, weight, divisor = found.problem, found.reference, found.weight, found.divisor
    reducing, options = problem.reducing, reference.options
    v = problem.inside(call.v).astype(np.float64)
    terms = scales(problem.family, reference.predictions, reference.targets, v, options)
    losses = np.empty(problem.loss_shape)
    reference.run(Order.VALUE, 1.0, losses, None, None)
    row_sizes = np.maximum(np.abs(losses), reference.sample_weight * terms["value"])
    contract, dtype = call.loss.contract, problem.predictions.dtype
    of_loss = result_dtype(dtype)
    more = extra_ulp(options) + (v.shape[-1] if v.ndim else 1) / 16.0  # the reference adds rows up in the plain way
    if reducing.kind == "none":
        value, size = losses, row_sizes
    else:
        empty = reducing.kind == "mean" and reducing.normalizer is None and weight == 0.0
        mean_of_nothing = math.nan if reducing.empty is None else reducing.empty
        value = np.asarray(mean_of_nothing if empty else _sum(losses) / divisor)
        size = np.asarray(_sum(row_sizes) / divisor)
    results = {
        "value": Expected(value, size, contract.value_ulp + more, of_loss),
        "weight": Expected(np.asarray(weight), np.zeros(()), contract.value_ulp + more, np.dtype(np.float64)),
    }
    for order, direction, ulp in (
        (Order.GRADIENT, None, contract.gradient_ulp),
        (Order.HVP, v, contract.hessian_ulp),
        (Order.HESSIAN_DIAGONAL, None, contract.hessian_ulp),
    ):
        name = order.name.lower()
        exact, sizes = (np.zeros(problem.outside(v).shape) for _ in range(2))
        reference.run(order, divisor, None, problem.inside(exact), direction)
        problem.inside(sizes)[...] = found.row_weight * terms[name]
        results[name] = Expected(exact, sizes, ulp + more, dtype)
    return results


def _sum(values: Doubles) -> float:
    return math.fsum(values.flat) if np.isfinite(values).all() else float(values.sum())
