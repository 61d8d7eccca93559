"""Options that do not fit, of every loss that has them: whole sentences (promise 24)."""

from __future__ import annotations

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES

PAIRED = "reshape or broadcast it yourself, so that nothing is paired by accident"
FRACTION = "expected a finite number at least 0 and at most 1, got {}; pass one such number"
POSITIVE = "expected a finite number above 0, got {}; pass one such number"
NOT_NEGATIVE = "expected a finite number at least 0, got {}; pass one such number"
WEIGHTS = "expected finite weights of at least 0, got {}; correct it; 0 drops what it weighs"
INTEGER = "expected an integer, got {}; pass e.g. -100"
AXIS = "expected an axis of {}, which has 2 dimensions, got 2; pass an array with that axis, or an axis in range"
REALS = (
    "expected real numbers (float16, bfloat16, float32, float64, integers), got dtype {}; "
    "convert it, for example with .astype('float64')"
)
MASK = (
    "expected shape (2,) or the predictions' shape (2, 2), got shape {}; "
    "pass one mask of classes for all rows, or one for each"
)
#: (option, value, error, sentence after the option's name), for every loss with that option, given two rows of two.
FOR_ALL = [
    ("axis", 2, ValueError, AXIS),
    ("axis", 1.0, TypeError, "expected an integer, got 1.0; name one axis of the array"),
    ("axis", True, TypeError, "expected an integer, got True; name one axis of the array"),
    ("label_smoothing", -0.1, ValueError, FRACTION.format(-0.1)),
    ("label_smoothing", "0.1", TypeError, FRACTION.format("'0.1'")),
    ("temperature", -1, ValueError, POSITIVE.format(-1)),
    ("temperature", np.inf, ValueError, POSITIVE.format("inf")),
    ("softcap", 0.0, ValueError, POSITIVE.format(0.0)),
    ("z_loss", -1e-4, ValueError, NOT_NEGATIVE.format(-0.0001)),
    ("focal_gamma", -2.0, ValueError, NOT_NEGATIVE.format(-2.0)),
    ("focal_gamma", float("nan"), ValueError, NOT_NEGATIVE.format("nan")),
    ("reduction", None, ValueError, "expected one of 'mean', 'sum', 'none', got None; pass one of these words"),
    ("normalizer", -3, ValueError, POSITIVE.format(-3)),
    ("normalizer", [1.0], TypeError, POSITIVE.format([1.0])),
    ("empty", True, TypeError, "expected a number, got True; pass the mean of no rows, e.g. 0.0"),
    ("sample_weight", [1.0, np.nan], ValueError, WEIGHTS.format("nan at index 1")),
    ("sample_weight", ["a", "b"], TypeError, REALS.format("<U1")),
    ("class_weight", [1.0, -2.0], ValueError, WEIGHTS.format("-2 at index 1")),
    ("class_weight", [1.0, 1j], TypeError, REALS.format("complex128")),
    ("pos_weight", -1.0, ValueError, WEIGHTS.format("-1 at index 0")),
    ("pos_weight", [1.0] * 3, ValueError, f"expected shape (2,) (one for each column), got shape (3,); {PAIRED}"),
    ("class_mask", [1, 0], TypeError,
     "expected bools, True for the classes to keep, got dtype int64; write mask.astype(bool)"),
    ("class_mask", [True], ValueError, MASK.format((1,))),
    ("ignore_index", True, TypeError, INTEGER.format(True)),
    ("ignore_index", -100.0, TypeError, INTEGER.format(-100.0)),
]  # fmt: skip
CALLS = [
    pytest.param(loss, option, value, error, sentence, id=f"{loss.__name__}, {option}={value!r}")
    for option, value, error, sentence in FOR_ALL
    for loss in LOSSES.values()
    if option in loss.contract.options
]


def arguments(loss):
    x = {"log-probabilities": np.log([[0.5, 0.5]] * 2)}.get(loss.contract.domain, np.full((2, 2), 0.5))
    return x, np.zeros(2, dtype=int) if "index" in loss.contract.target_kinds else np.ones((2, 2))


@pytest.mark.parametrize(("loss", "option", "value", "error", "sentence"), CALLS)
def test_promise_24_an_option_that_does_not_fit_is_named(loss, option, value, error, sentence):
    x, targets = arguments(loss)
    for call in (loss, loss.value_and_grad, loss.hessian_diagonal):
        with pytest.raises(error) as raised:
            call(x, targets, **{option: value})
        assert str(raised.value) == f"{option}: {sentence.format(loss.contract.arguments[0])}"
        assert type(raised.value) is error


@pytest.mark.parametrize("loss", [ce.sigmoid_cross_entropy, ce.binary_cross_entropy], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("option", ["class_weight", "pos_weight"])
@pytest.mark.parametrize("shape", [(), (2,)], ids=["scalar", "vector"])
def test_promise_24_weights_of_columns_need_columns(loss, option, shape):
    x, targets = np.full(shape, 0.5), np.ones(shape)
    with pytest.raises(ValueError) as raised:
        loss(x, targets, **{option: [1.0, 2.0]})
    assert str(raised.value) == (
        f"{option}: expected one number, since the predictions have no class axis, got shape (2,); "
        "pass a number, or predictions of shape (N, K)"
    )
    assert loss(x, targets, reduction="sum", **{option: 2.0}) == 2.0 * loss(x, targets, reduction="sum")


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_promise_24_sample_weights_have_the_shape_of_the_losses(loss):
    x, targets = arguments(loss)
    with pytest.raises(ValueError) as raised:
        loss(x, targets, sample_weight=np.ones(3))
    expected = "(2, 2) (one for each element, or one for each row of the last axis)"
    if "axis" in loss.contract.options:
        expected = "(2,) (one for each row)"
    assert str(raised.value) == f"sample_weight: expected shape {expected}, got shape (3,); {PAIRED}"


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_promise_24_and_26_a_direction_has_the_shape_of_the_predictions(loss):
    x, targets = arguments(loss)
    for v in (np.ones(2), 1.0, np.ones((2, 3))):
        with pytest.raises(ValueError) as raised:
            loss.hvp(x, targets, v)
        assert str(raised.value) == (
            f"v: expected shape (2, 2) (the shape of the predictions), got shape {np.shape(v)}; {PAIRED}"
        )
    with pytest.raises(TypeError) as raised:
        loss.hvp(x, targets)
    assert str(raised.value) == "v: expected a direction, got nothing; pass it as third argument"
    np.testing.assert_array_equal(loss.hvp(x, targets, v=x), loss.hvp(x, targets, x))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_arguments_are_those_of_the_declaration(loss):
    x, targets = arguments(loss)
    predictions, labels = loss.contract.arguments
    assert loss(**{predictions: x, labels: targets}) == loss(x, targets)
    with pytest.raises(TypeError, match="unexpected keyword argument 'weight'"):
        loss(x, targets, weight=1.0)
    with pytest.raises(TypeError, match=f"'{labels}'"):
        loss(x)
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        loss(x, targets, 0.0)
