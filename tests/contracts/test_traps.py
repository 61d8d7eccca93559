"""Calls that other libraries answer wrongly or surprisingly, each beside the right answer (mpmath, 50 digits)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from mpmath import exp, log, log1p, mp, mpf, sqrt

import crossentropy as ce
from crossentropy._contracts import VALUE_ULP
from crossentropy._dispatch import IMPLEMENTATIONS
from crossentropy.testing import ulp_distance

INF, NAN = math.inf, math.nan
Exact = Callable[[], Any]


def right(value: Any, exact: Exact) -> None:
    """Each value within the stated error of the one exact number."""
    with mp.workdps(50):
        number = mpf(exact())
        high = float(number)
        low = float(number - mpf(high)) if math.isfinite(high) else 0.0
    ulps = ulp_distance(value, (high, low))
    assert (ulps <= VALUE_ULP).all(), f"got {value!r}, not {high!r}: {ulps.max():.3g} ULP away"


def float32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


@pytest.fixture(params=IMPLEMENTATIONS, autouse=True)
def _implementation(request: pytest.FixtureRequest) -> Any:
    with ce.use_implementation(request.param):
        yield


@pytest.mark.parametrize("gap", [10, 15, 17, 40, 80])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_promise_8_the_loss_of_a_row_that_is_right_by_a_gap(gap: int, dtype: str) -> None:
    """Not 0 from 17 on in float32, nor 17 % off at 15; and the gradient at the label is not p - 1."""
    z = np.array([[gap, 0.0]], dtype=dtype)
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, [0])
    right(value, lambda: log1p(exp(-gap)))
    right(gradient[0, 0], lambda: -1 / (1 + exp(gap)))
    right(gradient[0, 1], lambda: 1 / (1 + exp(gap)))
    right(ce.softmax_cross_entropy(z, [1]), lambda: gap + log1p(exp(-gap)))


@pytest.mark.parametrize("offset", [0.0, 1e6, -1e6, 2.0**22])
def test_promise_7_a_common_offset_does_not_swallow_the_gap(offset: float) -> None:
    """0.0486 for a gap of 3 wherever it lies, not 0.0625, the spacing of float32 at a million."""
    z = float32(3.0, 0.0) + np.float32(offset)
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, 0)
    assert f"{value:.4f}" == "0.0486"
    right(value, lambda: log1p(exp(-3)))
    right(gradient[0], lambda: -1 / (1 + exp(3)))
    right(gradient[1], lambda: 1 / (1 + exp(3)))


@pytest.mark.parametrize("targets", [[0], [[1.0, 0.0, 0.0]]], ids=["index", "one-hot"])
@pytest.mark.parametrize("way", ["-inf", "class_mask"])
def test_promise_6_a_masked_class_beside_a_one_hot_target(targets: Any, way: str) -> None:
    """1.3133 for either kind of target; 0 · (-inf) is 0, not NaN."""
    z = float32(1.0, 2.0, -INF if way == "-inf" else 5.0)[np.newaxis]
    options = {} if way == "-inf" else {"class_mask": [True, True, False]}
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, targets, **options)
    assert f"{value:.4f}" == "1.3133"
    right(value, lambda: log1p(exp(1)))
    right(gradient[0, 1], lambda: 1 / (1 + exp(-1)))
    assert gradient[0, 2] == 0.0


@pytest.mark.parametrize("way", ["-inf", "class_mask"])
def test_promise_6_and_16_smoothing_beside_a_masked_class(way: str) -> None:
    """Smoothing spreads over the two classes that are allowed: finite, 0.95 and 0.05."""
    z = float32(1.0, 2.0, -INF if way == "-inf" else 5.0)[np.newaxis]
    options = {} if way == "-inf" else {"class_mask": [True, True, False]}
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, [0], label_smoothing=0.1, **options)
    right(value, lambda: mpf("0.95") * log1p(exp(1)) + mpf("0.05") * log1p(exp(-1)))
    right(gradient[0, 0], lambda: 1 / (1 + exp(1)) - mpf("0.95"))
    assert gradient[0, 2] == 0.0


@pytest.mark.parametrize(
    ("z", "target", "loss", "slope"),
    [
        (INF, 1, 0.0, 0.0),
        (-INF, 0, 0.0, 0.0),
        (INF, 0, INF, 1.0),
        (-INF, 1, INF, -1.0),
        (INF, 1.0, 0.0, 0.0),
        (-INF, 0.0, 0.0, 0.0),
    ],
)
def test_promise_9_binary_cross_entropy_at_infinite_logits(z: float, target: float, loss: float, slope: float) -> None:
    """The limits, never NaN: certain and right costs 0, certain and wrong inf."""
    for dtype in ("float32", "float64"):
        value, gradient = ce.sigmoid_cross_entropy.value_and_grad(np.array([z], dtype=dtype), np.array([target]))
        assert (value, gradient[0]) == (loss, slope)


@pytest.mark.parametrize("margin", [-88.0, -89.0, -104.0, -1e4, -1e38])
def test_promise_9_soft_margin_of_a_large_negative_margin(margin: float) -> None:
    """e^89 overflows in float32; the loss is 89, and its gradient -1, not NaN."""
    for scores, sign in ((float32(margin), 1), (float32(-margin), -1)):
        value, gradient = ce.soft_margin.value_and_grad(scores, [sign])
        assert value == np.float32(-margin)
        assert gradient.tolist() == [-sign]


@pytest.mark.parametrize(
    "targets", [[0, 1], np.eye(2), np.eye(2, dtype=np.float32)], ids=["index", "one-hot", "float32"]
)
def test_promise_11_and_15_a_class_weighted_mean(targets: Any) -> None:
    """The divisor is the sum of weights, 5, for any kind of target; the number of rows would give 2.5 times as much."""
    z = np.array([[2.0, 0.0], [0.0, 1.0]], dtype=np.float32)
    options = {"class_weight": [1.0, 4.0]}
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, targets, **options)
    right(value, lambda: (log1p(exp(-2)) + 4 * log1p(exp(-1))) / 5)
    right(gradient[1, 0], lambda: 4 / (5 * (1 + exp(1))))
    assert ce.softmax_cross_entropy(z, targets, return_weight=True, **options)[1] == 5.0


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "softmax_kl_divergence"])
def test_promise_17_the_mean_of_a_batch_whose_rows_are_all_ignored(name: str) -> None:
    """NaN with a warning, or what the caller says; the sum is 0 and the gradient 0, never NaN."""
    loss, z, labels = getattr(ce, name), np.array([[2.0, NAN], [INF, INF]]), [-100, -100]
    with pytest.warns(RuntimeWarning, match="^reduction: expected a row of positive weight for 'mean', got none"):
        mean, gradient = loss.value_and_grad(z, labels, ignore_index=-100)
    assert math.isnan(mean)
    assert gradient.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert loss(z, labels, ignore_index=-100, empty=0.0) == 0.0
    assert loss(z, labels, ignore_index=-100, reduction="sum") == 0.0
    assert loss(z, labels, ignore_index=-100, reduction="none").tolist() == [0.0, 0.0]


@pytest.mark.parametrize("label", [3, -1, -100, 2**31, -(2**63)])
def test_promise_12_a_label_out_of_range(label: int) -> None:
    """An IndexError, not a finite loss, a silent NaN, or a read outside the row; no input is changed."""
    z = np.zeros((2, 3))
    with pytest.raises(IndexError) as caught:
        ce.softmax_cross_entropy.value_and_grad(z, [0, label], inplace=True)
    assert str(caught.value) == (
        f"targets: expected class indices in [0, 3), got {label} in row 1; "
        f"correct the label, or drop such rows with ignore_index={label}"
    )
    assert not z.any()


def test_promise_19_the_loss_of_bfloat16_logits_is_not_rounded_to_bfloat16() -> None:
    """12.46198, where bfloat16 has nothing between 12.4375 and 12.5."""
    z = np.array([[0.0, 12.25, 10.625, 9.0, 4.5]]).astype(ml_dtypes.bfloat16)
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, [0])
    assert value.dtype == np.float32
    assert f"{value:.5f}" == "12.46198"
    right(value, lambda: log(1 + exp(mpf("12.25")) + exp(mpf("10.625")) + exp(9) + exp(mpf("4.5"))))
    assert float(value.astype(ml_dtypes.bfloat16)) == 12.4375
    assert gradient.dtype == z.dtype


def test_promise_16_smoothing_spreads_over_the_whole_vocabulary() -> None:
    """Not over the part of it that lies on one device: half of 8 classes would double the mass on each."""
    z, smoothing = np.array([0.0, 1.0, -1.0, 0.5, 2.0, -2.0, 0.25, -0.5]), 0.5

    def smoothed(classes: int) -> Any:
        lse = log(mp.fsum(exp(mpf(x)) for x in z))
        return lse - (1 - mpf(smoothing)) * mpf(z[4]) - mpf(smoothing) / classes * mp.fsum(map(mpf, z[:classes]))

    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, 4, label_smoothing=smoothing)
    right(value, lambda: smoothed(8))
    assert abs(value - float(smoothed(4))) > 0.04
    np.testing.assert_allclose(gradient, ce.softmax(z) - 0.5 / 8 - 0.5 * np.eye(8)[4], rtol=1e-14)


@pytest.mark.parametrize("classes", [3, 200])
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"temperature": 2.0}, {"z_loss": 0.01}])
def test_promise_26_gradients_without_a_reduction(classes: int, options: dict[str, float]) -> None:
    """Each row with respect to itself, as if alone; those of ignored rows are exactly 0."""
    z = np.random.default_rng(classes).normal(size=(5, classes))
    labels = np.array([0, -100, 2, 1, -100])
    losses, gradient = ce.softmax_cross_entropy.value_and_grad(
        z, labels, ignore_index=-100, reduction="none", **options
    )
    for row in (0, 2, 3):
        value, slopes = ce.softmax_cross_entropy.value_and_grad(z[row], labels[row], **options)
        assert losses[row] == pytest.approx(value, rel=2e-15)
        np.testing.assert_allclose(gradient[row], slopes, rtol=1e-13)
        assert np.abs(slopes).max() > 0.01
    assert not losses[[1, 4]].any()
    assert not gradient[[1, 4]].any()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_promise_2_the_same_probabilities_cost_the_same_in_every_dtype(dtype: str) -> None:
    """A certain mistake costs inf, not 18.02, 7.97 or 3.46 by the number of digits."""
    kind = np.dtype(getattr(ml_dtypes, dtype) if dtype == "bfloat16" else dtype)
    certain = np.array([[1.0, 0.0], [1.0, 0.0]]).astype(kind)
    assert ce.categorical_cross_entropy(certain, [0, 1], reduction="none").tolist() == [0.0, INF]
    assert ce.categorical_cross_entropy(certain, [0, 1]) == INF
    exact_in_all = np.array([[0.75, 0.25], [1.0 - 2.0**-8, 2.0**-8]]).astype(kind)
    right(ce.categorical_cross_entropy(exact_in_all, [1, 1]), lambda: 5 * log(2))
    right(ce.negative_log_likelihood(np.log(certain[:, :1].astype(float)), [0, 0]), lambda: 0)


def test_promise_3_nothing_is_normalised_silently() -> None:
    for call in (lambda: ce.entropy([0.5, 0.6]), lambda: ce.kl_divergence([0.5, 0.6], [0.5, 0.5])):
        with pytest.raises(ValueError, match=r"^p: ") as caught:
            call()
        assert str(caught.value) == (
            "p: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 1.1; "
            "pass normalize=True to divide by the sum, or correct the values"
        )
    right(ce.entropy([1.0, 3.0], normalize=True), lambda: log(4) - 3 * log(3) / 4)


def test_promise_4_the_jensen_shannon_distance_is_the_root_of_the_divergence() -> None:
    def divergence() -> Any:
        halves = [(mpf(p), (mpf(p) + mpf(q)) / 2) for p, q in ((0.5, 0.875), (0.5, 0.125), (0.875, 0.5), (0.125, 0.5))]
        return mp.fsum(a * log(a / m) for a, m in halves) / 2

    p, q = [0.5, 0.5], [0.875, 0.125]
    right(ce.js_divergence(p, q), divergence)
    right(ce.js_distance(p, q), lambda: sqrt(divergence()))
    right(ce.js_distance(p, q, base=2), lambda: sqrt(divergence() / log(2)))


@pytest.mark.parametrize(
    ("p", "dtype"),
    [
        (2.0**-20, "float16"),
        (2.0**-24, "float32"),
        (2.0**-120, "float32"),
        (2.0**-149, "float32"),
        (2.0**-1000, "float64"),
    ],
)
def test_promise_2_binary_cross_entropy_from_probabilities_is_not_capped(p: float, dtype: str) -> None:
    """Neither at 100 nor at -log(1e-7) = 16.1."""
    probabilities = np.array([p], dtype=dtype)
    value, gradient = ce.binary_cross_entropy.value_and_grad(probabilities, [1])
    right(value, lambda: -log(mpf(p)))
    assert gradient[0] == (-1.0 / p if 1.0 / p <= float(np.finfo(dtype).max) else -INF)
    right(ce.categorical_cross_entropy(np.array([[p, 1.0]], dtype=dtype), [0]), lambda: -log(mpf(p)))


def test_promise_2_an_impossible_event_costs_infinity() -> None:
    for dtype in ("float16", "float32", "float64"):
        value, gradient = ce.binary_cross_entropy.value_and_grad(np.zeros(1, dtype=dtype), [1])
        assert (value, gradient[0]) == (INF, -INF)
        assert ce.binary_cross_entropy(np.ones(1, dtype=dtype), [0]) == INF
        assert ce.binary_cross_entropy(np.array([0.0, 1.0], dtype=dtype), [0, 1]) == 0.0
