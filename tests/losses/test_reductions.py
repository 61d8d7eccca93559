"""Weights, reductions, smoothing, and batches with nothing in them: promises 15, 16 and 17 of docs/conventions.md."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossentropy as ce
from crossentropy._loss import LOSSES
from tests.support.calls import calls, quietly
from tests.support.expected import prepared

pytestmark = pytest.mark.usefixtures("instruction_set")

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
losses_of_rows = pytest.mark.parametrize(
    "loss", [loss for loss in LOSSES.values() if "index" in loss.contract.target_kinds], ids=lambda loss: loss.__name__
)
#: Finite results: class_mask may leave rows without a class.
TAME = {"dtypes": ("float64",), "tame": True, "without": ("class_mask",)}
NOTHING = (
    "reduction: expected a row of positive weight for 'mean', got none (all ignored, or of weight 0); "
    "the mean is NaN; pass empty=0.0 to get 0 instead"
)


def reduced(call, **options):
    """Value and derivatives of the call under another reduction."""
    kept = {
        name: o for name, o in call.options.items() if name not in ("reduction", "normalizer", "return_weight", "empty")
    }
    again = replace(call, options=kept | options)
    value, gradient = quietly(again.value_and_grad)
    return value, [gradient, quietly(again.hvp), quietly(again.hessian_diagonal)]


@every_loss
@given(data=st.data())
def test_promise_15_reductions_are_sums_and_quotients_of_row_losses(loss, data):
    """Promises 15, 26: the derivatives share the value's scale; with "none", rows are differentiated by themselves."""
    call = data.draw(calls(loss, **TAME))
    (rows, weight), each = reduced(call, reduction="none", return_weight=True)
    total, of_sum = reduced(call, reduction="sum")
    mean, of_mean = reduced(call, reduction="mean", empty=0.0)
    part, of_part = reduced(call, reduction="mean", normalizer=7.5)
    assert total == pytest.approx(np.sum(rows), rel=1e-13, abs=1e-13)
    assert part == pytest.approx(np.sum(rows) / 7.5, rel=1e-13, abs=1e-13)
    assert mean == pytest.approx(np.sum(rows) / weight if weight else 0.0, rel=1e-13, abs=1e-13)
    for alone, summed, averaged, divided in zip(each, of_sum, of_mean, of_part, strict=True):
        np.testing.assert_array_equal(alone, summed)
        largest = np.max(np.abs(summed), initial=0.0)
        np.testing.assert_allclose(averaged * (weight or 1.0), summed, rtol=1e-14, atol=1e-15 * largest)
        np.testing.assert_allclose(divided * 7.5, summed, rtol=1e-14, atol=1e-15 * largest)


@every_loss
@given(data=st.data())
def test_promise_15_sample_weights_multiply_rows_and_their_weight(loss, data):
    call = data.draw(calls(loss, **TAME))
    plain = {name: o for name, o in call.options.items() if name != "sample_weight"}
    s = np.random.default_rng(8).choice([0.0, 0.5, 3.0], size=prepared(call).problem.loss_shape)

    def of_rows(sample_weight):
        options = plain | {"sample_weight": sample_weight}
        return reduced(replace(call, options=options), reduction="none", return_weight=True)[0]

    rows, _ = of_rows(np.ones(s.shape))
    weighted, weight = of_rows(s)
    np.testing.assert_allclose(weighted, np.where(s == 0.0, 0.0, s * rows), rtol=1e-15)
    alone = [of_rows(np.where(np.arange(s.size).reshape(s.shape) == i, s, 0.0))[1] for i in range(s.size)]
    assert weight == pytest.approx(math.fsum(alone), rel=1e-14)


@losses_of_rows
@given(data=st.data())
def test_promise_15_parts_of_a_batch_add_up_to_the_whole(loss, data):
    call = data.draw(calls(loss, **TAME).filter(lambda call: call.predictions.ndim == 2))
    rows = call.predictions.shape[1 - call.options["axis"] % 2]
    s = call.options.get("sample_weight", np.ones(rows))

    def part(mine):
        again = replace(call, options=call.options | {"sample_weight": np.where(mine, s, 0.0)})
        value, derivatives = reduced(again, reduction="mean", return_weight=True, normalizer=7.5)
        return *value, derivatives[0]

    value, weight, gradient = part(np.arange(rows) >= 0)
    one, one_weight, one_gradient = part(np.arange(rows) % 3 == 0)
    two, two_weight, two_gradient = part(np.arange(rows) % 3 != 0)
    assert weight == pytest.approx(one_weight + two_weight, rel=1e-15)
    np.testing.assert_allclose(value, one + two, rtol=1e-14, atol=1e-14)
    np.testing.assert_array_equal(gradient, one_gradient + two_gradient)


def test_promise_15_a_batch_in_pieces_is_the_batch_to_the_last_digit():
    random = np.random.default_rng(9)
    z, y, w = random.normal(size=(64, 10)), random.integers(0, 10, 64), np.ldexp(1.0, random.integers(-2, 3, 10))
    mean, weight = ce.softmax_cross_entropy(z, y, class_weight=w, return_weight=True)
    pieces = [
        ce.softmax_cross_entropy.value_and_grad(
            z[i : i + 16], y[i : i + 16], class_weight=w, normalizer=weight, return_weight=True
        )
        for i in range(0, 64, 16)
    ]
    assert sum(part_weight for (_, part_weight), _ in pieces) == weight
    assert math.fsum(value for (value, _), _ in pieces) == pytest.approx(mean, rel=2e-16)
    _, gradient = ce.softmax_cross_entropy.value_and_grad(z, y, class_weight=w)
    np.testing.assert_array_equal(np.concatenate([part for _, part in pieces]), gradient)


def test_promise_15_each_element_of_the_sigmoid_family_is_a_row_of_its_own():
    z, t = np.array([[0.5, -2.0], [1.0, 3.0]]), np.array([[1, 0], [0, 1]])
    for loss, x in ((ce.sigmoid_cross_entropy, z), (ce.binary_cross_entropy, ce.sigmoid(z))):
        _, weight = loss(x, t, pos_weight=[3.0, 5.0], class_weight=[1.0, 10.0], return_weight=True)
        assert weight == 3.0 + 10.0 + 1.0 + 50.0
    _, weight = ce.multilabel_soft_margin(z, t, class_weight=[1.0, 10.0], sample_weight=[1.0, 2.0], return_weight=True)
    assert weight == (1.0 + 2.0) * 11.0 / 2.0


@pytest.mark.parametrize("loss", [ce.softmax_cross_entropy, ce.softmax_kl_divergence], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("masked", [True, False], ids=["class_mask", "-inf"])
def test_promise_16_smoothing_spreads_over_the_allowed_classes(loss, masked):
    z = np.array([[0.5, -1.0, 2.0, 0.25], [1.0, 0.0, -0.5, 3.0]])
    allowed = np.array([True, False, True, True])
    mixed = 0.9 * np.eye(4)[[0, 3]] + 0.1 * allowed / 3.0
    options = {"class_mask": allowed} if masked else {}
    hidden = z if masked else np.where(allowed, z, -np.inf)
    smoothed = loss.value_and_grad(hidden, [0, 3], label_smoothing=0.1, **options)
    written_out = loss.value_and_grad(hidden, mixed, **options)
    assert np.isfinite(smoothed[0])
    assert smoothed[0] == pytest.approx(written_out[0], rel=1e-14)
    np.testing.assert_allclose(smoothed[1], written_out[1], rtol=1e-14, atol=1e-17)


@pytest.mark.parametrize(
    "loss",
    [loss for loss in LOSSES.values() if "label_smoothing" in loss.contract.options],
    ids=lambda loss: loss.__name__,
)
def test_promise_16_smoothing_mixes_with_the_uniform_distribution(loss):
    z = np.array([[0.5, -1.0, 2.0]])
    x = {"logits": z, "log-probabilities": ce.log_softmax(z), "probabilities": ce.softmax(z)}[loss.contract.domain]
    of_rows = "index" in loss.contract.target_kinds
    targets, uniform = ([2], 1.0 / 3.0) if of_rows else ([[0, 0, 1]], 0.5)
    mixed = 0.75 * np.eye(3)[[2]] + 0.25 * uniform
    assert loss(x, targets, label_smoothing=0.25) == pytest.approx(loss(x, mixed), rel=1e-14)


def call_of_nothing(loss, rows):
    """Predictions and targets of ``rows`` rows, with options that drop them all."""
    of_rows = "index" in loss.contract.target_kinds
    x = np.log(np.full((rows, 2), 0.5)) if loss.contract.domain == "log-probabilities" else np.full((rows, 2), 0.5)
    if of_rows:
        return x, np.full(rows, -100), {"ignore_index": -100}
    shape = rows if "axis" in loss.contract.options else (rows, 2)
    return x, np.ones((rows, 2), dtype=int), {"sample_weight": np.zeros(shape)}


@every_loss
@pytest.mark.parametrize("rows", [0, 3], ids=["no rows", "all dropped"])
def test_promise_17_of_no_rows_the_sum_is_0_and_the_mean_undefined(loss, rows):
    x, targets, options = call_of_nothing(loss, rows)
    total, gradient = loss.value_and_grad(x, targets, reduction="sum", **options)
    assert (total, gradient.tolist()) == (0.0, [[0.0, 0.0]] * rows)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (mean, weight), gradient = loss.value_and_grad(x, targets, return_weight=True, **options)
    assert [(warning.category, str(warning.message)) for warning in caught] == [(RuntimeWarning, NOTHING)]
    assert caught[0].filename == __file__
    assert np.isnan(mean)
    assert (weight, gradient.tolist()) == (0.0, [[0.0, 0.0]] * rows)
    for empty in (0.0, 5, -1.5):
        assert loss(x, targets, empty=empty, **options) == empty
    assert loss(x, targets, normalizer=2.0, **options) == 0.0
    assert not loss(x, targets, reduction="none", **options).any()
    for second in (
        loss.hessian_diagonal(x, targets, empty=0.0, **options),
        loss.hvp(x, targets, x, empty=0.0, **options),
    ):
        assert second.tolist() == [[0.0, 0.0]] * rows
