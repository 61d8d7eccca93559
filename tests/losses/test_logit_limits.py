"""Infinite, offset and far-apart logits: promises 6 to 10 of docs/conventions.md."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES
from crossentropy.testing import ulp_distance
from tests.support.layouts import FLOATS

pytestmark = pytest.mark.usefixtures("instruction_set")

INF, NAN = math.inf, math.nan
SOFTMAX = [loss for loss in LOSSES.values() if "class_mask" in loss.contract.options]
SIGMOID = [ce.sigmoid_cross_entropy, ce.multilabel_soft_margin]

softmax_losses = pytest.mark.parametrize("loss", SOFTMAX, ids=lambda loss: loss.__name__)
softmax_options = pytest.mark.parametrize(
    "options",
    [
        {},
        {"label_smoothing": 0.1},
        {"temperature": 0.7},
        {"softcap": 5.0},
        {"z_loss": 0.01},
        {"focal_gamma": 2.0},
        {"label_smoothing": 0.1, "temperature": 0.7, "softcap": 5.0, "z_loss": 0.01},
    ],
    ids=lambda options: "+".join(options) or "plain",
)


def results(loss, z, t, **options):
    """Value, gradient, Hessian product with 1, 2, … and Hessian diagonal."""
    z = np.asarray(z, dtype=np.float64)
    v = np.arange(1.0, z.shape[-1] + 1.0) * np.ones(z.shape)
    value, gradient = loss.value_and_grad(z, t, **options)
    return [value, gradient, loss.hvp(z, t, v, **options), loss.hessian_diagonal(z, t, **options)]


def known(loss, options):
    return {name: option for name, option in options.items() if name in loss.contract.options}


@softmax_losses
@softmax_options
@pytest.mark.parametrize("targets", [1, [0.25, 0.75]], ids=["index", "soft"])
def test_promise_6_a_logit_of_minus_infinity_is_no_class(loss, options, targets):
    options = known(loss, options)
    without = results(loss, [0.5, -1.0], targets, **options)
    more = targets if isinstance(targets, int) else [*targets, 0.0]
    value, *derivatives = results(loss, [0.5, -1.0, -INF], more, **options)
    assert value == pytest.approx(without[0], rel=1e-15)
    for derivative, expected in zip(derivatives, without[1:], strict=True):
        np.testing.assert_allclose(derivative[:2], expected, rtol=1e-14)
        assert derivative[2] == 0.0


@softmax_losses
@softmax_options
@pytest.mark.parametrize("targets", [0, 2, [0.5, 0.5, 0.0], [0.0, 0.25, 0.75]], ids=str)
def test_promise_6_a_masked_class_is_one_of_minus_infinity(loss, options, targets):
    options, mask = known(loss, options), [True, True, False]
    expected = results(loss, [0.5, -1.0, -INF], targets, **options)
    for hidden in (3.0, NAN, INF, -INF):
        masked = results(loss, [0.5, -1.0, hidden], targets, class_mask=mask, **options)
        for result, same in zip(masked, expected, strict=True):
            np.testing.assert_array_equal(result, same)


@softmax_losses
def test_promise_6_mass_on_a_class_of_probability_0_costs_infinity(loss):
    value, gradient, _, _ = results(loss, [1.0, -INF, 2.0], 1)
    p = ce.softmax([1.0, 2.0])
    assert value == INF
    np.testing.assert_allclose(gradient, [p[0], -1.0, p[1]], rtol=1e-15)


@softmax_losses
def test_promise_6_one_logit_of_plus_infinity_is_the_limit(loss):
    at_label, elsewhere = results(loss, [1.0, INF, 2.0], 1), results(loss, [1.0, INF, 2.0], 0)
    for result in at_label:
        assert not np.any(result)
    assert elsewhere[0] == INF
    assert elsewhere[1].tolist() == [-1.0, 1.0, 0.0]
    for result in results(loss, [1.0, INF, INF], 1):
        assert np.isnan(result).all()


@softmax_losses
@pytest.mark.parametrize("offset", [2.0**k * sign for k in (10, 20, 22) for sign in (1, -1)] + [1e6])
def test_promise_7_a_common_offset_changes_nothing(loss, offset):
    z = np.array([[0.0, -3.0, 1.5], [2.0, 2.0, -0.5]], dtype=np.float32)
    moved = z + np.float32(offset)
    assert (moved - np.float32(offset) == z).all()
    exact = loss.value_and_grad(z.astype(np.float64), [0, 2])
    for there, here in zip(loss.value_and_grad(moved, [0, 2]), exact, strict=True):
        assert ulp_distance(there, here).max() <= 2.0


def test_promise_7_a_gap_of_3_at_a_million_costs_what_it_costs_at_0():
    z = np.array([1e6, 1e6 - 3.0], dtype=np.float32)
    value = ce.softmax_cross_entropy(z, 0)
    assert value == pytest.approx(0.048587352, rel=1e-6)
    assert ulp_distance(value, math.log1p(math.exp(-3.0))) <= 3.0


@softmax_losses
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("gap", [15.0, 17.0, 40.0, 80.0])
def test_promise_8_small_losses_and_their_gradients_keep_their_digits(loss, gap, dtype):
    z = np.array([gap, 0.0, -1.0]).astype(FLOATS[dtype])
    others = [math.exp(-gap), math.exp(-gap - 1.0)]
    total = 1.0 + sum(others)
    value, gradient = loss.value_and_grad(z, 0)
    exact = [-sum(others) / total, others[0] / total, others[1] / total]
    assert value == pytest.approx(math.log1p(sum(others)), rel=1e-7 if dtype != "float64" else 1e-15)
    np.testing.assert_allclose(
        gradient.astype(np.float64), exact, rtol=2.0 * float(np.finfo(dtype).eps) if dtype != "bfloat16" else 2.0**-8
    )


def test_promise_8_logits_80_apart_cost_1_8e_minus_35():
    value, gradient = ce.softmax_cross_entropy.value_and_grad(np.array([80.0, 0.0], dtype=np.float32), 0)
    assert value == np.float32(1.8048514e-35)
    assert gradient.tolist() == [-value, value]


@pytest.mark.parametrize("loss", SIGMOID, ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("z", [INF, 1e300, 800.0, -800.0, -1e300, -INF])
def test_promise_9_sigmoid_losses_have_exact_limits(loss, z):
    positive, slope = loss.value_and_grad([z], [1], reduction="sum")
    negative, other_slope = loss.value_and_grad([z], [0], reduction="sum")
    assert (positive, negative) == (max(-z, 0.0), max(z, 0.0))
    assert (slope.tolist(), other_slope.tolist()) == ([-1.0 if z < 0 else 0.0], [1.0 if z > 0 else 0.0])
    assert loss.hessian_diagonal([z], [1]).tolist() == loss.hvp([z], [1], [3.0]).tolist() == [0.0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_promise_9_a_margin_of_minus_1e4_costs_1e4(dtype):
    scores = np.array([-1e4, 1e4, -89.0, INF, -INF], dtype=dtype)
    value, gradient = ce.soft_margin.value_and_grad(scores, [1, -1, 1, 1, 1], reduction="none")
    assert value.tolist() == [1e4, 1e4, 89.0, 0.0, INF]
    assert gradient.tolist() == [-1.0, 1.0, -1.0, 0.0, -1.0]


@pytest.mark.parametrize(
    "loss",
    [loss for loss in LOSSES.values() if loss.contract.domain in ("logits", "scores")],
    ids=lambda loss: loss.__name__,
)
def test_promise_10_nan_stays_in_its_row(loss):
    z = np.array([[0.5, -1.0], [NAN, 2.0], [1.0, 0.0]])
    targets = {"index": [0, 1, 1], "binary": [[0, 1]] * 3, "sign": [[-1, 1]] * 3}[loss.contract.target_kinds[0]]
    good = [0, 2]
    value, *derivatives = (
        loss(z, targets, reduction="none"),
        loss.value_and_grad(z, targets, reduction="none")[1],
        loss.hvp(z, targets, np.ones((3, 2)), reduction="none"),
        loss.hessian_diagonal(z, targets, reduction="none"),
    )
    assert np.isnan(value[1]).any()
    np.testing.assert_array_equal(value[good], loss(z[good], np.asarray(targets)[good], reduction="none"))
    for derivative in derivatives:
        assert np.isnan(derivative[1, 0])
        assert np.isfinite(derivative[good]).all()
    assert np.isnan(loss(z, targets))


@softmax_losses
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([-INF, -INF], "logits: expected a logit above -inf in each row, got only -inf in row 1; its loss is NaN"),
        (
            [NAN, 0.0],
            "logits: expected numbers whose loss is defined, got NaN or more than one +inf in row 1; its loss is NaN",
        ),
        (
            [INF, INF],
            "logits: expected numbers whose loss is defined, got NaN or more than one +inf in row 1; its loss is NaN",
        ),
    ],
    ids=["only -inf", "NaN", "two +inf"],
)
def test_promise_10_checked_names_the_row_that_has_no_loss(loss, row, message):
    z = [[0.0, 1.0], row, [2.0, 0.0]]
    with warnings.catch_warnings(record=True) as unchecked:
        warnings.simplefilter("always")
        assert np.isnan(loss(z, [0, 0, 0], reduction="none")).tolist() == [False, True, False]
    assert unchecked == []
    with ce.checked(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss(z, [0, 0, 0])
        loss(z[:1], [0])
    assert [str(warning.message) for warning in caught] == [message]
    assert caught[0].category is RuntimeWarning
    assert caught[0].filename == __file__


def test_promise_10_checked_counts_a_masked_row_as_one_of_minus_infinity():
    with ce.checked(), pytest.warns(RuntimeWarning) as caught:
        value = ce.softmax_cross_entropy([[0.0, 1.0]], [0], class_mask=[False, False])
    assert np.isnan(value)
    assert (
        str(caught[0].message)
        == "logits: expected a logit above -inf in each row, got only -inf in row 0; its loss is NaN"
    )
