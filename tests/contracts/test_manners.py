"""Promises 22, 25 and 26: sizes and axes, implementations, derivatives; and weights as repetitions (15)."""

from __future__ import annotations

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2, -3, -4])
def test_any_axis_promise_22(axis: int) -> None:
    z = np.random.default_rng(2).normal(size=(2, 3, 4, 5))
    last = np.moveaxis(z, axis, -1)
    y = np.random.default_rng(3).integers(0, last.shape[-1], last.shape[:-1])
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, y, axis=axis)
    expected, slopes = ce.softmax_cross_entropy.value_and_grad(np.ascontiguousarray(last), y)
    assert value == expected
    np.testing.assert_array_equal(np.moveaxis(gradient, axis, -1), slopes)
    np.testing.assert_array_equal(
        np.moveaxis(ce.softmax_cross_entropy.hvp(z, y, z, axis=axis), axis, -1),
        ce.softmax_cross_entropy.hvp(last, y, last),
    )


def test_rows_beyond_two_to_the_31_elements_are_reached_promise_22() -> None:
    # one row of float16 repeated by a stride of 0: 2^31 + 2^12 elements that take no memory
    row = np.array([0.5] * 4095 + [1.5], dtype=np.float16)
    rows = 2**19 + 1
    z = np.broadcast_to(row, (rows, 4096))
    assert z.size > 2**31
    y = np.zeros(rows, dtype=np.uint16)
    y[-1] = 4095
    losses = ce.softmax_cross_entropy(z, y, reduction="none")
    one = ce.softmax_cross_entropy(row, 0)
    assert losses[0] == losses[-2] == one
    assert losses[-1] == ce.softmax_cross_entropy(row, 4095)


def test_which_implementation_runs_can_be_asked_and_forced_promise_25() -> None:
    served = ce.show_config()["implementations"]
    assert set(served["losses"].values()) == {"native core"}
    assert set(served["losses"]) == set(LOSSES)
    with ce.use_implementation("reference"):
        assert set(ce.show_config()["implementations"]["losses"].values()) == {"reference (float64 NumPy)"}
    assert ce.show_config()["implementations"]["activations"] == "native core"
    with (
        pytest.raises(ValueError, match=r"^name: expected one of 'native', 'reference', got 'numpy'; "),
        ce.use_implementation("numpy"),  # type: ignore[arg-type]
    ):
        pass


def call(name: str, rows: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets that fit a loss."""
    rng = np.random.default_rng(11)
    z = rng.normal(size=(rows, 3))
    domain = LOSSES[name].contract.domain
    kinds = LOSSES[name].contract.target_kinds
    if domain == "probabilities":
        z = ce.softmax(z)
    if domain == "log-probabilities":
        z = ce.log_softmax(z)
    if "index" in kinds:
        return z, rng.integers(0, 3, rows)
    if "sign" in kinds:
        return z, rng.choice([-1, 1], size=z.shape)
    return z, rng.integers(0, 2, size=z.shape)


@pytest.mark.parametrize("name", LOSSES)
def test_weighting_a_row_by_two_repeats_it_promise_15(name: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    weights = np.array([1.0, 2.0, 1.0, 1.0, 2.0, 1.0])
    again = np.repeat(np.arange(6), weights.astype(int))
    value, gradient = loss.value_and_grad(x, t, sample_weight=weights, reduction="sum")
    expected, slopes = loss.value_and_grad(x[again], t[again], reduction="sum")
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(gradient, np.add.reduceat(slopes, np.searchsorted(again, np.arange(6))), rtol=1e-14)
    assert loss(x, t, sample_weight=weights) == pytest.approx(loss(x[again], t[again]), rel=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_knows_its_derivatives_promise_26(name: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    value, gradient = loss.value_and_grad(x, t)
    assert value == loss(x, t)
    diagonal = loss.hessian_diagonal(x, t)
    units = np.zeros_like(x)
    for column in range(3):
        units[:] = 0.0
        units[:, column] = 1.0
        product = loss.hvp(x, t, units)
        np.testing.assert_allclose(product[:, column], diagonal[:, column], rtol=1e-12, atol=1e-300)
        step = 1e-6
        ahead = loss.value_and_grad(x + step * units, t)[1] if loss.contract.domain in ("logits", "scores") else None
        if ahead is not None:
            behind = loss.value_and_grad(x - step * units, t)[1]
            np.testing.assert_allclose(product, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-9)
    assert gradient.shape == diagonal.shape == x.shape
    with pytest.raises(TypeError, match=r"^v: expected a direction, got nothing; pass it as third argument$"):
        loss.hvp(x, t)
    with pytest.raises(
        ValueError, match=r"^v: expected shape \(6, 3\) \(the shape of the predictions\), got shape \(3,\)"
    ):
        loss.hvp(x, t, np.ones(3))
