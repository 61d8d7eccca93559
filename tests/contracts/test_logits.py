"""Promises 6 to 10: what extreme logits do."""

from __future__ import annotations

import math

import numpy as np
import pytest

import crossentropy as ce

INF = math.inf
ON_LOGITS = [ce.softmax_cross_entropy, ce.softmax_kl_divergence]
IDS = [loss.contract.name for loss in ON_LOGITS]


@pytest.mark.parametrize("loss", ON_LOGITS, ids=IDS)
@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize(
    "option", [{}, {"label_smoothing": 0.2}, {"softcap": 3.0}, {"temperature": 2.0}, {"z_loss": 0.1}]
)
def test_a_minus_inf_logit_is_a_class_that_is_not_there_promise_6(loss, soft, option) -> None:
    z = np.array([[1.0, -INF, 0.3, -0.7]])
    without = z[:, [0, 2, 3]]
    targets, fewer = (np.array([[0.2, 0.0, 0.5, 0.3]]), np.array([[0.2, 0.5, 0.3]])) if soft else ([2], [1])
    value, gradient = loss.value_and_grad(z, targets, **option)
    expected, slopes = loss.value_and_grad(without, fewer, **option)
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(gradient[:, [0, 2, 3]], slopes, rtol=1e-14)
    assert gradient[0, 1] == 0.0
    masked = loss.value_and_grad(np.where(np.isinf(z), 7.0, z), targets, class_mask=np.isfinite(z[0]), **option)
    assert masked[0] == value
    np.testing.assert_array_equal(masked[1], gradient)


@pytest.mark.parametrize("targets", [[1], [[0.5, 0.5, 0.0]]], ids=["index", "soft"])
def test_target_mass_on_a_minus_inf_logit_costs_inf_promise_6(targets) -> None:
    value, gradient = ce.softmax_cross_entropy.value_and_grad([[1.0, -INF, 0.0]], targets)
    assert value == INF
    t = np.array([0.0, 1.0, 0.0]) if targets == [1] else np.array(targets[0])
    p = np.array([1.0, 0.0, math.exp(-1.0)]) / (1.0 + math.exp(-1.0))
    np.testing.assert_allclose(gradient[0], p - t, rtol=1e-15)


def test_one_plus_inf_logit_is_the_limit_and_two_are_nan_promise_6() -> None:
    z = [[INF, 0.0, 1.0], [INF, 0.0, 1.0], [INF, INF, 1.0]]
    losses, gradient = ce.softmax_cross_entropy.value_and_grad(z, [0, 1, 0], reduction="none")
    np.testing.assert_array_equal(losses, [0.0, INF, np.nan])
    np.testing.assert_array_equal(gradient[:2], [[0.0, 0.0, 0.0], [1.0, -1.0, 0.0]])
    assert np.isnan(gradient[2]).all()


@pytest.mark.parametrize("offset", [1e6, -1e6, 2.0**100])
@pytest.mark.parametrize("loss", ON_LOGITS, ids=IDS)
def test_a_common_offset_changes_nothing_promise_7(loss, offset: float) -> None:
    # multiples of 1/16 stay exact beside 1e6 in float32; beside 2^100 all logits are equal, and so is the answer
    z = np.array([[3.0, 0.0, -1.0625], [0.5, 0.25, 0.0]], dtype=np.float32)
    shifted = (z + np.float32(offset)).astype(np.float32)
    there = (shifted.astype(np.float64) - offset).astype(np.float32)
    value, gradient = loss.value_and_grad(shifted, [0, 2])
    expected, slopes = loss.value_and_grad(there, [0, 2])
    assert value == expected
    np.testing.assert_array_equal(gradient, slopes)


@pytest.mark.parametrize("gap", [15.0, 17.0, 40.0, 80.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_small_losses_keep_their_digits_promise_8(gap: float, dtype) -> None:
    z = np.array([[gap, 0.0, 0.0]], dtype=dtype)
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, [0])
    rest = 2.0 * math.exp(-gap)
    tolerance = 4.0 * float(np.finfo(dtype).eps)
    assert value == pytest.approx(math.log1p(rest), rel=tolerance, abs=0.0)
    assert gradient[0, 0] == pytest.approx(-rest / (1.0 + rest), rel=tolerance, abs=0.0)
    if dtype is np.float32 and gap == 80.0:
        assert f"{ce.softmax_cross_entropy(np.array([[80.0, 0.0]], dtype=dtype), [0]):.1e}" == "1.8e-35"


def test_sigmoid_forms_have_exact_limits_and_never_overflow_promise_9() -> None:
    z = np.array([INF, -INF, INF, -INF, 1e4, -1e4], dtype=np.float32)
    losses, gradient = ce.sigmoid_cross_entropy.value_and_grad(z, [1, 0, 0, 1, 0, 1], reduction="none")
    np.testing.assert_array_equal(losses, [0.0, 0.0, INF, INF, 1e4, 1e4])
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 1.0, -1.0, 1.0, -1.0])
    value, slope = ce.soft_margin.value_and_grad(np.float32(-1e4), 1)
    assert (value, slope) == (1e4, -1.0)


ROWS = {
    "softmax_cross_entropy": [0, 1, 0],
    "softmax_kl_divergence": [0, 1, 0],
    "sigmoid_cross_entropy": np.eye(3)[[0, 1, 0]],
    "soft_margin": 2.0 * np.eye(3)[[0, 1, 0]] - 1.0,
    "multilabel_soft_margin": np.eye(3)[[0, 1, 0]],
    "mean_squared_error": np.eye(3)[[0, 1, 0]],
}


@pytest.mark.parametrize("name", ROWS)
def test_nan_stays_in_its_row_promise_10(name: str) -> None:
    loss, targets = getattr(ce, name), ROWS[name]
    clean = np.array([[1.0, 2.0, 0.5], [0.1, 0.2, 0.3], [3.0, 1.0, 2.0]])
    z = clean.copy()
    z[1, 2] = np.nan
    losses, gradient = loss.value_and_grad(z, targets, reduction="none")
    expected, slopes = loss.value_and_grad(clean, targets, reduction="none")
    np.testing.assert_array_equal(np.delete(losses, 1, axis=0), np.delete(expected, 1, axis=0))
    np.testing.assert_array_equal(np.delete(gradient, 1, axis=0), np.delete(slopes, 1, axis=0))
    assert np.isnan(losses[1]).any()
    assert np.isnan(gradient[1, 2])
    _, of_mean = loss.value_and_grad(z, targets)
    assert np.isfinite(np.delete(of_mean, 1, axis=0)).all()


def test_a_row_of_only_minus_inf_is_nan_and_named_in_checked_mode_promise_10() -> None:
    z = [[0.0, 1.0], [-INF, -INF], [1.0, 2.0]]
    with ce.checked(), pytest.warns(RuntimeWarning) as caught:
        losses = ce.softmax_cross_entropy(z, [0, 0, 1], reduction="none")
    np.testing.assert_array_equal(np.isnan(losses), [False, True, False])
    assert [str(w.message) for w in caught] == [
        "logits: expected a logit above -inf in each row, got only -inf in row 1; its loss is NaN"
    ]


def test_checked_mode_names_nan_and_is_silent_otherwise_promise_10() -> None:
    with ce.checked():
        ce.softmax_cross_entropy([[0.0, 1.0]], [0])
        with pytest.warns(RuntimeWarning) as caught:
            ce.sigmoid_cross_entropy([[0.0, np.nan]], [[0, 1]])
    assert [str(w.message) for w in caught] == [
        "logits: expected numbers whose loss is defined, got NaN or more than one +inf in row (0, 1); its loss is NaN"
    ]
