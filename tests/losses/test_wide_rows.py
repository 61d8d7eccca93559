"""Rows of many classes are taken in tiles: wherever the largest logit stands, results keep their digits."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import crossentropy as ce
from tests.support.long_double import check_stated_error

CLASSES = (129, 4097, 9000)


def rows(how: str, classes: int, dtype: str) -> tuple[NDArray[np.floating], NDArray[np.int64]]:
    random = np.random.default_rng(classes)
    z, labels = random.normal(size=(6, classes)) * 3.0, random.integers(0, classes, 6)
    if how == "rising":
        z.sort(axis=1)
    elif how == "falling":
        z = -np.sort(-z, axis=1)
    elif how == "far":
        z += np.linspace(-90.0, 90.0, classes)
    elif how == "likely label":
        z[np.arange(6), labels] += 25.0
    elif how == "ties":
        z[:, [0, classes // 2, -1]] = 20.0
        labels[:3] = [0, classes // 2, classes - 1]
    elif how == "first tile impossible":
        z[:, : classes // 2] = -np.inf
        labels = classes // 2 + labels // 2
    return z.astype(dtype), labels


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("how", ["plain", "rising", "falling", "far", "likely label", "ties", "first tile impossible"])
@pytest.mark.usefixtures("instruction_set")
def test_values_and_gradients_keep_to_the_stated_error_promise_20(how: str, classes: int, dtype: str) -> None:
    z, labels = rows(how, classes, dtype)
    check_stated_error(z, labels)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("how", ["plain", "rising", "ties"])
@pytest.mark.usefixtures("instruction_set")
def test_a_mask_is_minus_infinity_to_the_last_bit_promise_6(how: str, dtype: str) -> None:
    z, labels = rows(how, 4097, dtype)
    mask = np.random.default_rng(1).random(4097) < 0.7
    mask[labels] = True
    masked = ce.softmax_cross_entropy.value_and_grad(z, labels, class_mask=mask)
    plain = ce.softmax_cross_entropy.value_and_grad(np.where(mask, z, -np.inf).astype(dtype), labels)
    for one, other in zip(masked, plain, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_with_nan_leaves_the_others_as_they_are_promise_10(dtype: str) -> None:
    z, labels = rows("plain", 4097, dtype)
    _, clean = ce.softmax_cross_entropy.value_and_grad(z, labels, reduction="sum")
    z[2, 4000] = np.nan
    losses = ce.softmax_cross_entropy(z, labels, reduction="none")
    _, gradient = ce.softmax_cross_entropy.value_and_grad(z, labels, reduction="sum")
    assert np.isnan(losses[2]) and np.isnan(gradient[2]).all()
    others = [0, 1, 3, 4, 5]
    assert np.isfinite(losses[others]).all()
    np.testing.assert_array_equal(gradient[others], clean[others])
