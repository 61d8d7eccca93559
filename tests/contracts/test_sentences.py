"""Promise 24: what is raised says argument, expected, received, what to do. Whole sentences."""

from __future__ import annotations

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES


@pytest.mark.parametrize(
    ("logits", "error", "sentence"),
    [
        (np.zeros((2, 3), dtype=complex), TypeError,
         "logits: expected real numbers (float16, bfloat16, float32, float64, integers), got dtype complex128; "
         "convert it, for example with .astype('float64')"),
        ([[1.0, 2.0], [3.0]], TypeError, None),
        (np.zeros((2, 0)), ValueError, "logits: expected at least one class, got shape (2, 0); check axis="),
        (np.float64(1.0), ValueError,
         "axis: expected an axis of logits, which has 0 dimensions, got -1; "
         "pass an array with that axis, or an axis in range"),
    ],
)  # fmt: skip
def test_errors_of_predictions_say_what_to_do_promise_24(logits, error, sentence) -> None:
    with pytest.raises(error, match=r"^(logits|axis): expected .+, got .+; .+") as caught:
        ce.softmax_cross_entropy(logits, [0, 1])
    if sentence is not None:
        assert str(caught.value) == sentence


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_rows_of_no_classes_are_refused_by_losses_of_elements_too(reduction: str) -> None:
    with pytest.raises(ValueError) as caught:
        ce.multilabel_soft_margin(np.zeros((3, 0)), np.zeros((3, 0)), reduction=reduction)
    assert str(caught.value) == "logits: expected at least one class, got shape (3, 0); check axis="


@pytest.mark.parametrize(
    ("targets", "options", "error", "sentence"),
    [
        ([[0.5, 0.4, 0.0]], {}, ValueError,
         "targets, row 0: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.9; "
         "divide the row by its sum, or list part of its mass with SparseTargets(…, tail=…)"),
        ([[0.5, np.nan, 0.5]], {}, ValueError,
         "targets, row 0: expected probabilities of at least 0, got nan at class 1; remove or correct that entry"),
        ([[0, 1, 0]], {}, ValueError,
         "targets: expected class indices of shape (1,), or one-hot targets as floats, got int64 of the predictions' "
         "shape (1, 3); convert one-hot targets with .astype(float), or take their argmax along the class axis"),
        ([0.0], {}, ValueError,
         "targets: expected integers for class indices of shape (1,), or floats of the predictions' shape (1, 3), "
         "got float64 of shape (1,); convert class indices with .astype(int)"),
        ([0, 1], {}, ValueError,
         "targets: expected shape (1,) (one class index for each row), got shape (2,); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
        (["cat"], {}, TypeError,
         "targets: expected integers (class indices) or floats (one-hot or soft targets), got dtype <U3; "
         "convert labels to integers 0 … K-1, for example with np.unique(…, return_inverse=True)"),
        ([[0.5, 0.5, 0.0]], {"ignore_index": 0}, ValueError,
         "ignore_index: expected index targets, got soft targets; drop rows of such targets with sample_weight=0"),
        ([0], {"ignore_index": 0.5}, TypeError, "ignore_index: expected an integer, got 0.5; pass e.g. -100"),
        ([0], {"class_mask": [1, 0, 1]}, TypeError,
         "class_mask: expected bools, True for the classes to keep, got dtype int64; write mask.astype(bool)"),
        ([0], {"class_mask": [True, False]}, ValueError,
         "class_mask: expected shape (3,) or the predictions' shape (1, 3), got shape (2,); "
         "pass one mask of classes for all rows, or one for each"),
    ],
)  # fmt: skip
def test_errors_of_targets_say_what_to_do_promise_24(targets, options, error, sentence) -> None:
    with pytest.raises(error) as caught:
        ce.softmax_cross_entropy(np.zeros((1, 3)), targets, **options)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("name", "x", "t", "sentence"),
    [
        ("categorical_cross_entropy", [[0.5, 0.4]], [0],
         "probabilities, row 0: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.9; "
         "divide the row by its sum, or pass logits to softmax_cross_entropy"),
        ("categorical_cross_entropy", [[1.5, -0.5]], [0],
         "probabilities, row 0: expected probabilities of at least 0, got -0.5 at class 1; "
         "remove or correct that entry"),
        ("negative_log_likelihood", [[2.0, -1.0]], [0],
         "log_probabilities, row 0: expected log-probabilities whose exponentials sum to 1 (within 1.5e-08), "
         "got a sum of 7.75693554; take log_softmax of logits first, or pass logits to softmax_cross_entropy"),
        ("binary_cross_entropy", [0.5, 1.5], [0, 1],
         "probabilities: expected probabilities in [0, 1], got 1.5 in row 1; "
         "correct it, or pass logits to sigmoid_cross_entropy"),
        ("binary_cross_entropy", [0.5, np.nan], [0, 1],
         "probabilities: expected probabilities in [0, 1], got nan in row 1; "
         "correct it, or pass logits to sigmoid_cross_entropy"),
        ("sigmoid_cross_entropy", [0.5, 1.5], [0.0, 1.5],
         "targets: expected targets in [0, 1], got 1.5 in row 1; pass 1 for the positive class and 0 for the other"),
        ("soft_margin", [0.5, 1.5], [0, 1],
         "signs: expected signs -1 or +1, got 0 in row 0; map labels y in {0, 1} to 2*y - 1"),
        ("mean_squared_error", [0.5, 1.5], [0.0],
         "targets: expected shape (2,) (the shape of the predictions), got shape (1,); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("implementation", ["native", "reference"])
def test_values_outside_the_domain_are_named_promise_24(name, x, t, sentence, implementation) -> None:
    with ce.use_implementation(implementation), pytest.raises(ValueError, match=r"^\w+.*: ") as caught:
        LOSSES[name](x, t)
    assert str(caught.value) == sentence


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
def test_errors_of_options_say_what_to_do_promise_24(options, error, sentence) -> None:
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
