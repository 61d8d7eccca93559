"""The kinds of targets, and rows and classes that are dropped: promises 11, 12 and 13 of docs/conventions.md."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES
from tests.support.layouts import FLOATS
from tests.support.parts import INTEGERS, SIGNED

pytestmark = pytest.mark.usefixtures("instruction_set")

OF_ROWS = [loss for loss in LOSSES.values() if "index" in loss.contract.target_kinds]
OF_BITS = [loss for loss in LOSSES.values() if "binary" in loss.contract.target_kinds]
losses_of_rows = pytest.mark.parametrize("loss", OF_ROWS, ids=lambda loss: loss.__name__)
losses_of_bits = pytest.mark.parametrize("loss", OF_BITS, ids=lambda loss: loss.__name__)

LABELS = [2, 0, 1, 0]
ONE_HOT = np.eye(3)[LABELS]
WEIGHTS = {"class_weight": [0.5, 2.0, 3.5], "sample_weight": [1.0, 0.25, 0.0, 3.0]}
ALONE = {
    "class_weight": WEIGHTS["class_weight"],
    "sample_weight": WEIGHTS["sample_weight"],
    "label_smoothing": 0.1,
    "class_mask": [True, True, True],
    "temperature": 0.7,
    "softcap": 5.0,
    "z_loss": 0.01,
    "focal_gamma": 1.5,
    "normalizer": 3.0,
    "return_weight": True,
}
OPTIONS = [{}, *({name: value} for name, value in ALONE.items()), ALONE]


def predictions(loss):
    z = np.random.default_rng(5).normal(size=(4, 3))
    return {"logits": z, "probabilities": ce.softmax(z), "log-probabilities": ce.log_softmax(z)}[loss.contract.domain]


def results(loss, x, targets, **options):
    value, gradient = loss.value_and_grad(x, targets, **options)
    second = (
        loss.hvp(x, targets, np.arange(12.0).reshape(4, 3), **options),
        loss.hessian_diagonal(x, targets, **options),
    )
    return [*np.atleast_1d(np.asarray(value, dtype=np.float64)), gradient, *second]


@losses_of_rows
@pytest.mark.parametrize("dtype", INTEGERS)
def test_promise_11_indices_are_of_any_integer_dtype(loss, dtype):
    expected = results(loss, predictions(loss), LABELS)
    for result, same in zip(results(loss, predictions(loss), np.array(LABELS, dtype=dtype)), expected, strict=True):
        np.testing.assert_array_equal(result, same)


@losses_of_rows
def test_promise_11_bools_are_the_indices_0_and_1(loss):
    x, labels = predictions(loss), [1, 0, 1, 0]
    assert loss(x, np.array(labels, dtype=bool)) == loss(x, labels)


@losses_of_rows
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "+".join(options) or "plain")
def test_promise_11_one_distribution_gives_one_number_however_it_is_written(loss, options):
    options = {name: option for name, option in options.items() if name in loss.contract.options}
    x = predictions(loss)
    expected = results(loss, x, LABELS, **options)
    written = [
        *(ONE_HOT.astype(dtype) for dtype in FLOATS.values()),
        ce.SparseTargets(np.reshape(LABELS, (4, 1)), np.ones((4, 1)), tail="absent"),
        ce.SparseTargets(np.reshape(LABELS, (4, 1)), np.ones((4, 1)), tail="uniform"),
        ce.SparseTargets(np.tile([2, 0, 1], (4, 1)), ONE_HOT[:, [2, 0, 1]], tail="absent"),
    ]
    for targets in written:
        for result, same in zip(results(loss, x, targets, **options), expected, strict=True):
            np.testing.assert_allclose(result, same, rtol=1e-14, atol=1e-16)


@losses_of_bits
@pytest.mark.parametrize("dtype", [*INTEGERS, "bool", *FLOATS])
def test_promise_11_binary_targets_are_of_any_dtype(loss, dtype):
    x = predictions(loss)
    targets = ONE_HOT.astype(FLOATS.get(dtype, dtype))
    assert loss(x, targets) == loss(x, ONE_HOT.astype(int))


@losses_of_rows
@pytest.mark.parametrize("label", [3, -1, -100, 2**40])
def test_promise_12_a_label_outside_the_classes_is_an_index_error_that_leaves_the_inputs_alone(loss, label):
    x = predictions(loss)
    overwritten = x.copy()
    message = (
        f"targets: expected class indices in [0, 3), got {label} in row 2; "
        f"correct the label, or drop such rows with ignore_index={label}"
    )
    targets = [0, 1, label, 99]
    for call in (loss, loss.hessian_diagonal, partial(loss.value_and_grad, inplace=True)):
        with pytest.raises(IndexError) as error:
            call(overwritten, targets)
        assert str(error.value) == message
    np.testing.assert_array_equal(overwritten, x)
    with pytest.raises(IndexError) as error:
        loss(x, [0, 1, label, 99], ignore_index=5)
    assert str(error.value) == message


@losses_of_rows
@pytest.mark.parametrize("label", [2**63, 2**64 - 1])
def test_promise_12_unsigned_labels_beyond_int64_are_told_apart_from_negative_ones(loss, label):
    targets = np.array([0, label, 1, 2], dtype=np.uint64)
    with pytest.raises(IndexError, match=rf"^targets: expected class indices in \[0, 3\), got {label} in row 1; "):
        loss(predictions(loss), targets, ignore_index=label - 2**64)


@losses_of_rows
def test_promise_12_the_row_of_many_dimensions_is_a_tuple(loss):
    x = predictions(loss).reshape(2, 2, 3)
    with pytest.raises(IndexError, match=r"got 3 in row \(1, 0\); "):
        loss(x, [[0, 1], [3, 0]])
    with pytest.raises(IndexError, match=r"got 3; correct"):
        loss(x[0, 0], 3)


@losses_of_bits
@pytest.mark.parametrize("label", [2, -1, 127])
def test_promise_12_binary_targets_are_indices_of_two_classes(loss, label):
    message = (
        f"targets: expected class indices in [0, 2), got {label} in row (1, 2); "
        "pass 1 for the positive class and 0 for the other"
    )
    x = predictions(loss)[:2]
    overwritten = x.copy()
    with pytest.raises(IndexError) as error:
        loss.value_and_grad(overwritten, [[0, 1, 1], [0, 1, label]], inplace=True)
    assert str(error.value) == message
    np.testing.assert_array_equal(overwritten, x)


@losses_of_rows
@pytest.mark.parametrize("ignored", [-100, 1, 2**40])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_promise_13_ignored_rows_count_for_nothing(loss, ignored, reduction):
    x, kept = predictions(loss), [0, 2]
    targets = np.array([2, ignored, 0, ignored])
    value, gradient = loss.value_and_grad(x, targets, ignore_index=ignored, reduction=reduction)
    expected, slopes = loss.value_and_grad(x[kept], targets[kept], reduction=reduction)
    np.testing.assert_array_equal(value if reduction != "none" else value[kept], expected)
    np.testing.assert_array_equal(gradient[kept], slopes)
    assert not gradient[[1, 3]].any()
    assert reduction != "none" or not value[[1, 3]].any()


@losses_of_rows
@pytest.mark.parametrize("dtype", SIGNED)
def test_promise_13_what_an_ignored_row_holds_is_never_looked_at(loss, dtype):
    x = predictions(loss)
    x[1] = np.nan
    value, gradient = loss.value_and_grad(x, np.array([2, -1, 0, 1], dtype=dtype), ignore_index=-1)
    assert np.isfinite(value)
    assert gradient[1].tolist() == [0.0, 0.0, 0.0]
    again = loss(x, [2, 1, 0, 1], sample_weight=[1.0, 0.0, 1.0, 1.0])
    assert again == value


@losses_of_rows
@pytest.mark.parametrize(
    ("targets", "kind"),
    [(ONE_HOT, "soft"), (ce.SparseTargets(np.zeros((4, 1), int), np.ones((4, 1)), tail="absent"), "sparse")],
    ids=["soft", "sparse"],
)
def test_promise_13_ignore_index_is_for_index_targets(loss, targets, kind):
    with pytest.raises(ValueError) as error:
        loss(predictions(loss), targets, ignore_index=-100)
    assert str(error.value) == (
        f"ignore_index: expected index targets, got {kind} targets; drop rows of such targets with sample_weight=0"
    )


@pytest.mark.parametrize("loss", [ce.softmax_cross_entropy, ce.softmax_kl_divergence], ids=lambda loss: loss.__name__)
def test_promise_13_class_mask_drops_classes_of_all_rows_or_of_each(loss):
    x = predictions(loss)
    mask = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [1, 0, 1]], dtype=bool)
    each = loss(x, LABELS, class_mask=mask, reduction="none")
    for row in range(4):
        alone = loss(x[row], LABELS[row], class_mask=mask[row])
        classes = np.flatnonzero(mask[row])
        fewer = loss(x[row, classes], int(np.flatnonzero(classes == LABELS[row])[0]))
        assert each[row] == alone == fewer
    by_column = loss(x.T, LABELS, class_mask=mask.T, axis=0, reduction="none")
    np.testing.assert_array_equal(by_column, each)
