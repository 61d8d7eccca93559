"""Targets given by their most probable classes: promise 14 of docs/conventions.md."""

from __future__ import annotations

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES

pytestmark = pytest.mark.usefixtures("instruction_set")

CLASSES = 6
INDICES = np.array([[5, 0], [2, 3], [1, 4]])
LISTED = np.array([[0.5, 0.25], [0.75, 0.25], [0.0, 0.125]])
LOSS_OF_ROWS = [loss for loss in LOSSES.values() if "sparse" in loss.contract.target_kinds]
losses_of_rows = pytest.mark.parametrize("loss", LOSS_OF_ROWS, ids=lambda loss: loss.__name__)


def predictions(loss):
    z = np.random.default_rng(6).normal(size=(3, CLASSES))
    return {"logits": z, "probabilities": ce.softmax(z), "log-probabilities": ce.log_softmax(z)}[loss.contract.domain]


def dense(tail):
    rest = (1.0 - LISTED.sum(axis=1, keepdims=True)) / (CLASSES - 2)
    targets = np.broadcast_to(rest if tail == "uniform" else 0.0, (3, CLASSES)).copy()
    np.put_along_axis(targets, INDICES, LISTED, axis=1)
    return targets


def every_result(loss, x, targets, **options):
    v = np.arange(18.0).reshape(3, 6)
    return [
        loss(x, targets, **options),
        loss.value_and_grad(x, targets, **options)[1],
        loss.hvp(x, targets, v, **options),
        loss.hessian_diagonal(x, targets, **options),
    ]


@losses_of_rows
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_promise_14_a_uniform_tail_spreads_the_rest_over_the_classes_not_listed(loss, reduction):
    x = predictions(loss)
    listed = ce.SparseTargets(INDICES, LISTED, tail="uniform")
    for result, same in zip(
        every_result(loss, x, listed, reduction=reduction),
        every_result(loss, x, dense("uniform"), reduction=reduction),
        strict=True,
    ):
        np.testing.assert_allclose(result, same, rtol=1e-14, atol=1e-17)


@losses_of_rows
def test_promise_14_an_absent_tail_leaves_the_rest_out_of_loss_and_weight(loss):
    x, targets = predictions(loss), dense("absent")
    rows, weight = loss(x, ce.SparseTargets(INDICES, LISTED, tail="absent"), reduction="none", return_weight=True)
    assert weight == targets.sum() == 1.875
    if loss.contract.domain == "logits":
        minus_log = -ce.log_softmax(x)
    else:
        minus_log = -np.log(x) if loss.contract.domain == "probabilities" else -x
    surprisal = minus_log + (
        np.log(targets, where=targets > 0, out=np.zeros_like(targets)) if "kl" in loss.__name__ else 0.0
    )
    np.testing.assert_allclose(rows, (targets * surprisal).sum(axis=1), rtol=1e-14)
    mean = loss(x, ce.SparseTargets(INDICES, LISTED, tail="absent"))
    assert mean == pytest.approx(rows.sum() / 1.875, rel=1e-15)


def test_promise_14_the_gradient_of_an_absent_tail_takes_only_the_listed_mass():
    x, targets = predictions(ce.softmax_cross_entropy), dense("absent")
    _, gradient = ce.softmax_cross_entropy.value_and_grad(
        x, ce.SparseTargets(INDICES, LISTED, tail="absent"), reduction="sum"
    )
    np.testing.assert_allclose(
        gradient, ce.softmax(x) * targets.sum(axis=1, keepdims=True) - targets, rtol=1e-13, atol=1e-16
    )


@losses_of_rows
def test_promise_14_lists_lie_along_the_class_axis(loss):
    x = predictions(loss)
    by_row = loss(x, ce.SparseTargets(INDICES, LISTED, tail="uniform"))
    assert loss(x.T, ce.SparseTargets(INDICES.T, LISTED.T, tail="uniform"), axis=0) == by_row


@losses_of_rows
def test_promise_14_all_classes_may_be_listed_and_none(loss):
    x, order = predictions(loss), np.argsort(predictions(loss), axis=1)
    targets = ce.softmax(np.arange(18.0).reshape(3, 6) % 5)
    whole = ce.SparseTargets(order, np.take_along_axis(targets, order, axis=1), tail="uniform")
    assert loss(x, whole) == pytest.approx(loss(x, targets), rel=1e-15)
    nothing = ce.SparseTargets(np.zeros((3, 0), dtype=int), np.zeros((3, 0)), tail="uniform")
    assert loss(x, nothing) == pytest.approx(loss(x, np.full((3, 6), 1 / 6)), rel=1e-14)
    value, weight = loss(
        x, ce.SparseTargets(np.zeros((3, 0), int), np.zeros((3, 0)), tail="absent"), empty=0.0, return_weight=True
    )
    assert (value, weight) == (0.0, 0.0)


SUM = (
    "targets.probabilities, row 1: expected probabilities that sum to {} (within {}), got a sum of {}; "
    "divide the row by its sum"
)
ENTRY = "targets.probabilities, row 1: expected probabilities of at least 0, got {}; remove or correct that entry"
LIST = (
    "targets.indices: expected shape (3, k) with k at most 6, got shape {}; "
    "list k classes for each row, along the class axis"
)


@losses_of_rows
@pytest.mark.parametrize(
    ("indices", "probabilities", "tail", "error", "message"),
    [
        ([[5, 0], [2, 6], [1, 1]], LISTED, "uniform", IndexError,
         "targets.indices: expected class indices in [0, 6), got 6 in row 1; correct the index"),
        ([[5, 0], [-1, 3], [1, 4]], LISTED, "absent", IndexError,
         "targets.indices: expected class indices in [0, 6), got -1 in row 1; correct the index"),
        ([[5, 0], [3, 3], [1, 4]], LISTED, "absent", ValueError,
         "targets.indices: expected each class once in a row, got 3 again in row 1; "
         "add up its probabilities and list it once"),
        (INDICES, [[0.5, 0.25], [0.75, 0.5], [0, 0]], "uniform", ValueError,
         SUM.format("at most 1", "1.5e-08", "1.25")),
        (INDICES, np.array([[0.5, 0.25], [0.75, 0.5], [0, 0]], "f4"), "absent", ValueError,
         SUM.format("at most 1", "0.00035", "1.25")),
        (INDICES, [[0.5, 0.25], [0.75, -0.5], [0, 0]], "absent", ValueError,
         ENTRY.format("-0.5 at class 1")),
        (INDICES, [[0.5, 0.25], [np.nan, 0.5], [0, 0]], "uniform", ValueError,
         ENTRY.format("nan at class 0")),
        (np.tile(np.arange(6), (3, 1)), np.diag([1.0, 0.5, 1.0, 0.0, 0.0, 0.0])[:3], "uniform", ValueError,
         SUM.format("1", "1.5e-08", "0.5")),
        (INDICES.astype(float), LISTED, "absent", TypeError,
         "targets.indices: expected integers, got dtype float64; pass class indices"),
        (INDICES[:2], LISTED, "absent", ValueError,
         LIST.format((2, 2))),
        (np.zeros((3, 7), int), np.zeros((3, 7)), "absent", ValueError,
         LIST.format((3, 7))),
        (INDICES, LISTED[:, :1], "absent", ValueError,
         "targets.probabilities: expected shape (3, 2) (the shape of the indices), got shape (3, 1); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
        (INDICES, LISTED, "half", ValueError,
         "targets.tail: expected one of 'uniform', 'absent', got 'half'; pass one of these words"),
    ],
    ids=["beyond K", "negative", "twice", "sum", "sum float32", "negative mass", "NaN", "no tail", "floats", "rows",
         "k", "shapes", "tail"],
)  # fmt: skip
def test_promise_14_and_24_what_is_wrong_with_a_list_is_said(loss, indices, probabilities, tail, error, message):
    targets = ce.SparseTargets(indices, probabilities, tail=tail)
    with pytest.raises(error) as raised:
        loss(predictions(loss), targets)
    assert str(raised.value) == message
    assert type(raised.value) is error
