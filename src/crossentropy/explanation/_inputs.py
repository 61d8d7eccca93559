"""What the caller passed, as one validated float64 row of predictions and one of targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import as_array, as_floats, check_rows_sum_to_one, sentence

Row = NDArray[np.float64]


def as_row(argument: str, value: Any, *, noun: str) -> NDArray[Any]:
    """One row of numbers, one per class or label (the ``noun``); a number alone is a row of one."""
    array = np.atleast_1d(as_floats(argument, value))
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            sentence(
                argument,
                expected=f"one row of numbers, one per {noun}",
                received=f"shape {array.shape}",
                remedy="pass the row that is to be explained",
            )
        )
    bad = np.isnan(array)
    if bad.any():
        raise ValueError(
            sentence(
                argument,
                expected="numbers",
                received=f"nan at {noun} {int(np.argmax(bad))}",
                remedy="correct that entry",
            )
        )
    return array


def softmax_logits(value: Any) -> Row:
    """A row of logits that has a distribution: one above -inf at least, one +inf at most."""
    logits = as_row("logits", value, noun="class").astype(np.float64)
    if np.all(logits == -np.inf):
        raise ValueError(
            sentence(
                "logits",
                expected="a logit above -inf",
                received="-inf for every class",
                remedy="keep at least one class",
            )
        )
    certain = np.flatnonzero(logits == np.inf)
    if certain.size > 1:
        raise ValueError(
            sentence(
                "logits",
                expected="one +inf at most",
                received=f"+inf at classes {certain[0]} and {certain[1]}",
                remedy="two certain classes have no distribution: correct one of them",
            )
        )
    return logits


def distribution(argument: str, value: Any) -> Row:
    """A row of probabilities that sum to 1 within the tolerance of its dtype (promise 3)."""
    row = as_row(argument, value, noun="class")
    floats = row.astype(np.float64)
    total = np.asarray(np.nan if np.any(floats < 0.0) else floats.sum())
    check_rows_sum_to_one(argument, row, total, remedy="divide the row by its sum or correct an entry")
    return floats


def fractions(argument: str, value: Any) -> Row:
    """A row of independent probabilities, each between 0 and 1."""
    row = as_row(argument, value, noun="label").astype(np.float64)
    bad = ~((row >= 0.0) & (row <= 1.0))
    if bad.any():
        where = int(np.argmax(bad))
        raise ValueError(
            sentence(
                argument,
                expected="numbers from 0 to 1",
                received=f"{row[where]:g} at label {where}",
                remedy="correct that entry",
            )
        )
    return row


def softmax_target(value: Any, classes: int) -> Row:
    """A class index, or a distribution over the classes, as a distribution."""
    array = as_array("target", value)
    if array.ndim:
        _check_count(as_row("target", array, noun="class"), classes, noun="class", each="probability")
        return distribution("target", array)
    expected = f"a class index from 0 to {classes - 1}"
    remedy = f"pass the index of the true class, or {classes} probabilities for a soft target"
    if array.dtype.kind not in "iub":
        raise TypeError(sentence("target", expected=expected, received=repr(array.item()), remedy=remedy))
    index = int(array)
    if not 0 <= index < classes:
        raise IndexError(sentence("target", expected=expected, received=str(index), remedy=remedy))
    target = np.zeros(classes)
    target[index] = 1.0
    return target


def sigmoid_target(value: Any, labels: int) -> Row:
    """One number from 0 to 1 per label."""
    target = fractions("target", value)
    _check_count(target, labels, noun="label", each="number from 0 to 1")
    return target


def _check_count(row: NDArray[Any], count: int, *, noun: str, each: str) -> None:
    if row.size != count:
        raise ValueError(
            sentence(
                "target",
                expected=f"one {each} per {noun}, so {count}",
                received=str(row.size),
                remedy=f"give the predictions and the target the same {'classes' if noun == 'class' else 'labels'}",
            )
        )
