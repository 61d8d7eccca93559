"""Rows of few classes are taken many at a time, the common ones without looking for their largest logit first."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import crossentropy as ce
from crossentropy._activations import ACTIVATION_ULP
from crossentropy.testing import ulp_distance
from tests.support.long_double import check_stated_error, pair

CLASSES = (2, 3, 10, 21, 128)
ROWS = 400
HOWS = ("common", "edge of the common", "large", "small", "spread out", "label far below", "confident", "ties")


def rows_of(how: str, classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    random = np.random.default_rng(classes)
    z, labels = random.normal(size=(ROWS, classes)) * 3.0, random.integers(0, classes, ROWS)
    here = np.arange(ROWS)
    if how == "edge of the common":
        z += np.linspace(-40.0, 45.0, ROWS)[:, None] - z.max(axis=1, keepdims=True)
    elif how == "large":
        z += 1000.0
    elif how == "small":
        z -= 1000.0
    elif how == "spread out":
        z *= 30.0
    elif how == "label far below":
        z[here, labels] -= np.linspace(0.0, 300.0, ROWS)
    elif how == "confident":
        z[here, labels] += np.linspace(0.0, 100.0, ROWS)
    elif how == "ties":
        z[:] = np.round(z)
    return z.astype(np.float32), labels


def mixed(classes: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Rows of all kinds, and some that no float32 holds, shuffled."""
    parts = [rows_of(how, classes) for how in HOWS]
    z, labels = np.concatenate([z for z, _ in parts]), np.concatenate([labels for _, labels in parts])
    z[7::50] = -np.inf
    z[8::50, 0] = np.nan
    z[9::50, -1] = np.inf
    z[10::50, :-1] = -np.inf
    z[11::50, 0] = 1e30
    order = np.random.default_rng(0).permutation(len(z))
    return z[order], labels[order]


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.usefixtures("instruction_set")
def test_values_and_gradients_keep_to_the_stated_error_promise_20(how: str, classes: int) -> None:
    z, labels = rows_of(how, classes)
    check_stated_error(z, labels)
    shares = np.exp(z.astype(np.longdouble) - z.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    normal = shares > np.finfo(np.float32).tiny
    assert ulp_distance(ce.softmax(z), pair(shares))[normal].max() <= ACTIVATION_ULP


@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.usefixtures("instruction_set")
def test_a_row_among_others_has_the_bits_it_has_alone(classes: int, planes: bool) -> None:
    z, labels = mixed(classes)
    z = np.asfortranarray(z) if planes else z
    losses = ce.softmax_cross_entropy(z, labels, reduction="none")
    _, gradient = ce.softmax_cross_entropy.value_and_grad(z, labels, reduction="sum")
    probabilities = ce.softmax(z)
    for row in range(0, len(z), 7):
        one, label = z[row : row + 1].copy(), labels[row : row + 1]
        np.testing.assert_array_equal(losses[row], ce.softmax_cross_entropy(one, label, reduction="none")[0])
        alone = ce.softmax_cross_entropy.value_and_grad(one, label, reduction="sum")[1]
        np.testing.assert_array_equal(gradient[row], alone[0])
        np.testing.assert_array_equal(probabilities[row], ce.softmax(one)[0])


@pytest.mark.parametrize("option", ["class_mask", "class_weight"])
@pytest.mark.parametrize("classes", CLASSES[1:])
@pytest.mark.usefixtures("instruction_set")
def test_a_label_that_is_one_of_several_tops_has_its_own_share_of_the_smoothing(option: str, classes: int) -> None:
    z, labels = rows_of("ties", classes)
    of_classes = {"class_mask": np.arange(classes) != 1, "class_weight": np.linspace(0.5, 2.0, classes)}[option]
    labels[labels == 1] = 0
    options = {option: of_classes, "label_smoothing": 0.1, "reduction": "sum"}
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, labels, **options)
    exact_value, exact_gradient = ce.softmax_cross_entropy.value_and_grad(z.astype(np.float64), labels, **options)
    np.testing.assert_allclose(value, exact_value, rtol=1e-6)
    np.testing.assert_allclose(gradient, exact_gradient, rtol=0, atol=1e-6)
