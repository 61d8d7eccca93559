"""Every implementation over the frozen table of exact results, where the extremes are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from crossentropy._loss import LOSSES
from crossentropy.reference.losses import SECOND_ULP_FROM
from crossentropy.testing import ulp_distance
from tests.oracle import Case, load
from tests.support.expected import extra_ulp

TABLE = [
    pytest.param(case, np.dtype(dtype), id=f"{case}, {dtype}")
    for case in load("losses")
    for dtype in ("float32", "float64")
    if dtype in ("float64", case.dtype)
]
#: Second derivatives are computed in float64 throughout: half a unit for the one rounding, next to nothing before it.
ONCE_ROUNDED = 0.51


@pytest.mark.parametrize(("case", "dtype"), TABLE)
def test_mpmath_table(case: Case, dtype: np.dtype[Any], engine: str) -> None:
    """Promises 2, 6, 7, 8, 9, 15, 16, 19 and 20: every result within the stated ULP of the exact one."""
    loss = LOSSES[case.function]
    x, t, v = (case.inputs[name] for name in ("predictions", "targets", "v"))
    of_rows = "axis" in loss.contract.options
    shape = x.shape if of_rows else (1, *x.shape)  # weights of columns need columns
    x, v = x.astype(dtype).reshape(shape), v.reshape(shape)
    for targets in written(loss, t):
        targets = np.reshape(targets, shape) if np.ndim(targets) else targets
        results = evaluated(loss, x, targets, v, {**case.options, "reduction": "none"})
        for name, exact in case.results.items():
            if name == "weight":
                continue
            actual = results[name]
            second = name in ("hvp", "hessian_diagonal")
            scale = np.maximum(exact.scale, SECOND_ULP_FROM) if second else exact.scale
            ulps = ulp_distance(np.reshape(actual, exact.high.shape), exact.pair, scale=scale)
            stated = {"value": loss.contract.value_ulp, "gradient": loss.contract.gradient_ulp}
            allowed = stated.get(name, loss.contract.hessian_ulp) + extra_ulp(case.options)
            if second and dtype != np.float64:
                allowed = ONCE_ROUNDED
            worst = ulps.argmax()
            got, there = np.asarray(actual).flat[worst], exact.high.flat[worst]
            assert ulps.flat[worst] <= allowed, f"{name}: got {got!r}, not {there!r}, off by {ulps.flat[worst]:.2f} ULP"


def evaluated(loss, x, targets, v, options):
    value, gradient = loss.value_and_grad(x, targets, **options)
    assert value.dtype == gradient.dtype == x.dtype
    return {
        "value": value,
        "gradient": gradient,
        "hvp": loss.hvp(x, targets, v, **options),
        "hessian_diagonal": loss.hessian_diagonal(x, targets, **options),
    }


def written(loss, dense):
    """The dense targets, and where they are a label, that too: implementations treat it in ways of its own."""
    yield dense
    if "index" in loss.contract.target_kinds and np.count_nonzero(dense) == 1 and dense.max() == 1.0:
        yield int(dense.argmax())
    if "binary" in loss.contract.target_kinds and np.isin(dense, [0.0, 1.0]).all():
        yield dense.astype(np.int8)


@pytest.mark.parametrize("case", [case for case in load("losses") if "weight" in case.results], ids=str)
def test_promise_15_weights_of_rows_are_the_exact_ones(case: Case) -> None:
    loss, exact = LOSSES[case.function], case.results["weight"]
    x, t = case.inputs["predictions"], case.inputs["targets"]
    if "axis" not in loss.contract.options:
        x, t = x[np.newaxis], t[np.newaxis]
    _, weight = loss(x, t, **case.options, reduction="sum", return_weight=True)
    total = float(exact.high.sum())
    assert ulp_distance(weight, total) <= 4.0 * max(1, exact.high.size)
