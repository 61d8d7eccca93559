"""Promises 11 to 14: kinds of targets, labels out of range, dropped rows and classes, sparse targets."""

from __future__ import annotations

import math

import numpy as np
import pytest

import crossentropy as ce

OF_ROWS = ["softmax_cross_entropy", "softmax_kl_divergence", "categorical_cross_entropy", "negative_log_likelihood"]
LABELS = np.array([2, 0, 1, 2])
OPTIONS = [
    {},
    {"class_weight": [0.5, 2.0, 3.0]},
    {"label_smoothing": 0.3},
    {"class_weight": [0.5, 2.0, 3.0], "label_smoothing": 0.3, "sample_weight": [1.0, 0.0, 2.0, 0.5]},
]
REDUCTIONS = ["mean", "sum", "none"]


def predictions(name: str, rows: int = 4, classes: int = 3) -> np.ndarray:
    z = np.random.default_rng(5).normal(size=(rows, classes))
    kinds = {"categorical_cross_entropy": ce.softmax, "negative_log_likelihood": ce.log_softmax}
    return kinds.get(name, lambda x: x)(z)


@pytest.mark.parametrize("name", OF_ROWS)
@pytest.mark.parametrize("options", OPTIONS, ids=[",".join(o) or "plain" for o in OPTIONS])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_one_distribution_in_any_form_gives_one_number_promise_11(name: str, options: dict, reduction: str) -> None:
    loss, x = getattr(ce, name), predictions(name)
    one_hot = np.eye(3)[LABELS]
    forms = [
        LABELS,
        one_hot,
        one_hot.astype(np.float32),
        ce.SparseTargets(LABELS[:, None], np.ones((4, 1)), tail="absent"),
    ]
    results = [loss.value_and_grad(x, form, reduction=reduction, **options) for form in forms]
    for value, gradient in results[1:]:
        np.testing.assert_allclose(value, results[0][0], rtol=4e-16 * 4)
        np.testing.assert_allclose(gradient, results[0][1], rtol=1e-14)


@pytest.mark.parametrize("dtype", ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", ">u2"])
@pytest.mark.parametrize("name", OF_ROWS)
def test_labels_of_any_integer_dtype_promise_11(name: str, dtype: str) -> None:
    x = predictions(name, classes=2)
    labels = np.array([1, 0, 1, 1])
    assert getattr(ce, name)(x, labels.astype(dtype)) == getattr(ce, name)(x, labels)


OUT_OF_RANGE = [
    (np.array([0, 3, -1, 5]), "targets: expected class indices in [0, 3), got 3 in row 1; "
     "correct the label, or drop such rows with ignore_index=3"),
    (np.array([0, 2, -100, 1]), "targets: expected class indices in [0, 3), got -100 in row 2; "
     "correct the label, or drop such rows with ignore_index=-100"),
    (np.array([0, 2, 1, 2**64 - 1], dtype=np.uint64), "targets: expected class indices in [0, 3), got "
     f"{2**64 - 1} in row 3; correct the label, or drop such rows with ignore_index={2**64 - 1}"),
]  # fmt: skip


@pytest.mark.parametrize("name", OF_ROWS)
@pytest.mark.parametrize(("labels", "sentence"), OUT_OF_RANGE, ids=["too large", "negative", "beyond int64"])
@pytest.mark.parametrize("implementation", ["native", "reference"])
def test_a_label_out_of_range_is_an_index_error_promise_12(name, labels, sentence, implementation) -> None:
    loss, x = getattr(ce, name), predictions(name)
    out = np.full_like(x, 7.0)
    with ce.use_implementation(implementation), pytest.raises(IndexError) as caught:
        loss.value_and_grad(x, labels, out=out)
    assert str(caught.value) == sentence
    assert (out == 7.0).all(), "raised before anything is written"


@pytest.mark.parametrize("name", ["sigmoid_cross_entropy", "multilabel_soft_margin", "binary_cross_entropy"])
def test_binary_targets_are_indices_of_two_classes_promise_12(name: str) -> None:
    argument = "probabilities" if name == "binary_cross_entropy" else "logits"
    assert getattr(ce, name).contract.arguments[0] == argument
    with pytest.raises(IndexError) as caught:
        getattr(ce, name)(np.full((2, 2), 0.5), np.array([[0, 1], [1, 2]]))
    assert str(caught.value) == (
        "targets: expected class indices in [0, 2), got 2 in row (1, 1); "
        "pass 1 for the positive class and 0 for the other"
    )


@pytest.mark.parametrize("name", OF_ROWS)
def test_ignore_index_drops_rows_promise_13(name: str) -> None:
    loss, x = getattr(ce, name), predictions(name)
    labels = np.array([2, -100, 1, -100])
    spoiled = x.copy()
    spoiled[1], spoiled[3] = np.nan, -math.inf  # what a dropped row holds is not looked at
    value, gradient = loss.value_and_grad(spoiled, labels, ignore_index=-100)
    kept = [0, 2]
    assert value == loss(x[kept], labels[kept])
    assert (gradient[[1, 3]] == 0.0).all()
    losses = loss(spoiled, labels, ignore_index=-100, reduction="none")
    np.testing.assert_array_equal(losses[[1, 3]], 0.0)
    # an index that is a class may be ignored too
    assert loss(x, LABELS, ignore_index=2) == loss(x[1:3], LABELS[1:3])


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "softmax_kl_divergence"])
def test_class_mask_drops_classes_promise_13(name: str) -> None:
    loss, z = getattr(ce, name), predictions(name, classes=4)
    mask = np.array([True, False, True, True])
    labels, fewer = np.array([2, 0, 3, 0]), np.array([1, 0, 2, 0])
    value, gradient = loss.value_and_grad(z, labels, class_mask=mask, label_smoothing=0.1)
    expected, slopes = loss.value_and_grad(z[:, mask], fewer, label_smoothing=0.1)
    assert value == pytest.approx(expected, rel=1e-15)
    np.testing.assert_allclose(gradient[:, mask], slopes, rtol=1e-14)
    assert (gradient[:, 1] == 0.0).all()
    per_row = np.broadcast_to(mask, z.shape)
    assert loss(z, labels, class_mask=per_row, label_smoothing=0.1) == value


@pytest.mark.parametrize("name", OF_ROWS)
@pytest.mark.parametrize("tail", ["uniform", "absent"])
def test_sparse_targets_equal_their_dense_form_promise_14(name: str, tail: str) -> None:
    loss, x = getattr(ce, name), predictions(name, rows=2, classes=5)
    indices, p = np.array([[4, 0], [1, 2]]), np.array([[0.5, 0.3], [0.25, 0.75]])
    dense = np.zeros((2, 5))
    if tail == "uniform":
        dense += ((1.0 - p.sum(axis=1)) / 3.0)[:, None]
    np.put_along_axis(dense, indices, p, axis=1)
    sparse = ce.SparseTargets(indices, p, tail=tail)
    losses = loss(x, sparse, reduction="none")
    if tail == "uniform":
        np.testing.assert_allclose(losses, loss(x, dense, reduction="none"), rtol=1e-15)
    elif name != "softmax_kl_divergence":
        log_p = {"categorical_cross_entropy": np.log, "negative_log_likelihood": np.asarray}.get(name, ce.log_softmax)(
            x
        )
        np.testing.assert_allclose(losses, -(dense * log_p).sum(axis=1), rtol=1e-14)
    _, weight = loss(x, sparse, return_weight=True)
    assert weight == pytest.approx(dense.sum(), rel=1e-15)


@pytest.mark.parametrize(
    ("indices", "probabilities", "tail", "error", "sentence"),
    [
        ([[0, 3]], [[0.5, 0.2]], "uniform", IndexError,
         "targets.indices: expected class indices in [0, 3), got 3 in row 0; correct the index"),
        ([[1, 1]], [[0.5, 0.2]], "absent", ValueError,
         "targets.indices: expected each class once in a row, got 1 again in row 0; "
         "add up its probabilities and list it once"),
        ([[0, 1]], [[0.9, 0.2]], "absent", ValueError,
         "targets.probabilities, row 0: expected probabilities that sum to at most 1 (within 1.5e-08), "
         "got a sum of 1.1; divide the row by its sum"),
        ([[0, 1]], [[-0.1, 0.2]], "absent", ValueError,
         "targets.probabilities, row 0: expected probabilities of at least 0, got -0.1 at class 0; "
         "remove or correct that entry"),
        ([[0, 1, 2]], [[0.1, 0.2, 0.3]], "uniform", ValueError,
         "targets.probabilities, row 0: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.6; "
         "divide the row by its sum"),
        ([[0, 1]], [[0.1, 0.2]], "both", ValueError,
         "targets.tail: expected one of 'uniform', 'absent', got 'both'; pass one of these words"),
        ([[0.0, 1.0]], [[0.1, 0.2]], "absent", TypeError,
         "targets.indices: expected integers, got dtype float64; pass class indices"),
        ([[0, 1, 2, 0]], [[0.1] * 4], "absent", ValueError,
         "targets.indices: expected shape (1, k) with k at most 3, got shape (1, 4); "
         "list k classes for each row, along the class axis"),
        ([[0, 1]], [[0.1]], "absent", ValueError,
         "targets.probabilities: expected shape (1, 2) (the shape of the indices), got shape (1, 1); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("implementation", ["native", "reference"])
def test_sparse_targets_errors_promise_14(indices, probabilities, tail, error, sentence, implementation) -> None:
    targets = ce.SparseTargets(np.array(indices), np.array(probabilities), tail=tail)
    with ce.use_implementation(implementation), pytest.raises(error) as caught:
        ce.softmax_cross_entropy(np.zeros((1, 3)), targets)
    assert str(caught.value) == sentence


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
def test_errors_of_targets_say_what_to_do(targets, options, error, sentence) -> None:
    with pytest.raises(error) as caught:
        ce.softmax_cross_entropy(np.zeros((1, 3)), targets, **options)
    assert str(caught.value) == sentence
