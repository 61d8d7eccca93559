"""Promises 15 to 17: weights, reductions, smoothing, and batches with nothing left in them."""

from __future__ import annotations

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES

OF_ROWS = ["softmax_cross_entropy", "softmax_kl_divergence", "categorical_cross_entropy", "negative_log_likelihood"]
NOTHING_LEFT = (
    "reduction: expected a row of positive weight for 'mean', got none (all ignored, or of weight 0); "
    "the mean is NaN; pass empty=0.0 to get 0 instead"
)


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


def test_weighted_mean_is_the_weighted_mean_promise_15() -> None:
    z = np.array([[1.0, 0.0], [0.0, 2.0], [0.5, 0.5]])
    y, w, s = np.array([0, 1, 1]), np.array([2.0, 0.5]), np.array([1.0, 3.0, 2.0])
    rows = -ce.log_softmax(z)[np.arange(3), y] * w[y]
    options = {"class_weight": w, "sample_weight": s}
    np.testing.assert_allclose(ce.softmax_cross_entropy(z, y, reduction="none", **options), s * rows, rtol=1e-15)
    assert ce.softmax_cross_entropy(z, y, reduction="sum", **options) == pytest.approx((s * rows).sum(), rel=1e-15)
    mean, weight = ce.softmax_cross_entropy(z, y, return_weight=True, **options)
    assert weight == (s * w[y]).sum()
    assert mean == pytest.approx((s * rows).sum() / weight, rel=1e-15)


def test_positive_weight_counts_in_the_mean_promise_15() -> None:
    z, t = np.array([[0.3, -1.0], [2.0, 0.1]]), np.array([[1, 0], [0, 1]])
    pos, w = np.array([3.0, 0.5]), np.array([2.0, 1.0])
    terms = w * (pos * t * ce.softplus(-z) + (1 - t) * ce.softplus(z))
    weights = w * (pos * t + 1 - t)
    value, weight = ce.sigmoid_cross_entropy(z, t, pos_weight=pos, class_weight=w, return_weight=True)
    assert weight == pytest.approx(weights.sum(), rel=1e-15)
    assert value == pytest.approx(terms.sum() / weights.sum(), rel=1e-15)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_of_a_batch_add_up_to_the_whole_promise_15(name: str, dtype) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    x = x.astype(dtype)
    (whole, weight), gradient = loss.value_and_grad(x, t, return_weight=True)
    parts = [slice(0, 1), slice(1, 4), slice(4, 6)]
    weights = [loss(x[p], t[p], reduction="sum", return_weight=True)[1] for p in parts]
    assert sum(weights) == weight
    pieces = [loss.value_and_grad(x[p], t[p], normalizer=weight) for p in parts]
    np.testing.assert_allclose(sum(float(value) for value, _ in pieces), whole, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(np.concatenate([g for _, g in pieces]), gradient)


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
def test_a_row_of_weight_zero_is_dropped_whatever_it_holds_promise_15(name: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    keep = np.array([True, True, False, True, False, True])
    if loss.contract.domain in ("logits", "scores", "real numbers"):
        x[~keep] = np.nan
    value, gradient = loss.value_and_grad(x, t, sample_weight=keep.astype(float))
    assert value == pytest.approx(loss(x[keep], t[keep]), rel=1e-15)
    assert (gradient[~keep] == 0.0).all()


def test_smoothing_spreads_over_allowed_classes_only_promise_16() -> None:
    z = np.array([[1.0, 0.5, -0.5, 2.0]])
    mask = np.array([True, True, False, True])
    p = ce.softmax(z[0, mask])
    t = 0.7 * np.array([0.0, 1.0, 0.0]) + 0.3 / 3.0
    expected = -(t * np.log(p)).sum()
    assert ce.softmax_cross_entropy(z, [1], class_mask=mask, label_smoothing=0.3) == pytest.approx(expected, rel=1e-15)
    z[0, 2] = -np.inf
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, [1], label_smoothing=0.3)
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(gradient[0, mask], p - t, rtol=1e-14)
    assert gradient[0, 2] == 0.0


@pytest.mark.parametrize("name", [n for n in LOSSES if "label_smoothing" in LOSSES[n].contract.options])
def test_full_smoothing_forgets_the_target_promise_16(name: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    other = (t + 1) % 3 if t.ndim == 1 else 1 - t
    assert loss(x, t, label_smoothing=1.0) == pytest.approx(loss(x, other, label_smoothing=1.0), rel=1e-15)


@pytest.mark.parametrize("name", OF_ROWS)
def test_all_rows_ignored_promise_17(name: str) -> None:
    loss = LOSSES[name]
    x, _ = call(name)
    ignored = {"targets": np.full(6, -100), "ignore_index": -100}
    assert loss(x, reduction="sum", **ignored) == 0.0
    with pytest.warns(RuntimeWarning) as caught:
        value, gradient = loss.value_and_grad(x, **ignored)
    assert [str(w.message) for w in caught] == [NOTHING_LEFT]
    assert np.isnan(value)
    np.testing.assert_array_equal(gradient, np.zeros_like(x))
    assert loss(x, empty=0.25, **ignored) == 0.25


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("way", ["no rows", "weight 0"])
def test_no_row_left_promise_17(name: str, way: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    options = {} if way == "no rows" else {"sample_weight": np.zeros(6)}
    if way == "no rows":
        x, t = x[:0], t[:0]
    assert loss(x, t, reduction="sum", **options) == 0.0
    with pytest.warns(RuntimeWarning) as caught:
        assert np.isnan(loss(x, t, **options))
    assert [str(w.message) for w in caught] == [NOTHING_LEFT]
    value, gradient = loss.value_and_grad(x, t, empty=0.0, **options)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.zeros_like(x))
    assert loss.hvp(x, t, x, empty=0.0, **options).shape == x.shape


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"reduction": "avg"}, ValueError,
         "reduction: expected one of 'mean', 'sum', 'none', got 'avg'; pass one of these words"),
        ({"normalizer": 3.0, "reduction": "sum"}, ValueError,
         "normalizer: expected reduction='mean', whose divisor it replaces, got reduction='sum'; "
         "leave one of the two out"),
        ({"normalizer": 0.0}, ValueError,
         "normalizer: expected a finite number above 0, got 0.0; pass one such number"),
        ({"empty": "0"}, TypeError, "empty: expected a number, got '0'; pass the mean of no rows, e.g. 0.0"),
        ({"sample_weight": [1.0, -1.0]}, ValueError,
         "sample_weight: expected finite weights of at least 0, got -1 at index 1; correct it; 0 drops what it weighs"),
        ({"sample_weight": [1.0]}, ValueError,
         "sample_weight: expected shape (2,) (one for each row), got shape (1,); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
        ({"class_weight": [1.0, np.inf, 1.0]}, ValueError,
         "class_weight: expected finite weights of at least 0, got inf at index 1; correct it; 0 drops what it weighs"),
        ({"label_smoothing": 1.5}, ValueError,
         "label_smoothing: expected a finite number at least 0 and at most 1, got 1.5; pass one such number"),
        ({"temperature": 0.0}, ValueError,
         "temperature: expected a finite number above 0, got 0.0; pass one such number"),
        ({"softcap": True}, TypeError, "softcap: expected a finite number above 0, got True; pass one such number"),
    ],
)  # fmt: skip
def test_errors_of_options_say_what_to_do(options, error, sentence) -> None:
    with pytest.raises(error) as caught:
        ce.softmax_cross_entropy(np.zeros((2, 3)), [0, 1], **options)
    assert str(caught.value) == sentence


def test_unknown_and_missing_arguments_are_named() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'weight'"):
        ce.softmax_cross_entropy([[0.0]], [0], weight=[1.0])
    with pytest.raises(TypeError, match="unexpected keyword argument 'focal_gamma'"):
        ce.softmax_kl_divergence([[0.0]], [0], focal_gamma=2.0)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'targets'"):
        ce.softmax_cross_entropy([[0.0]])
    assert ce.softmax_cross_entropy(targets=[0], logits=[[0.0, 0.0]]) == np.log(2.0)
