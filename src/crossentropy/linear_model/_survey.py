"""What the targets of all rows are, found a block of rows at a time: classes or distributions, and what each weighs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

from crossentropy._conventions import sum_tolerance
from crossentropy._validation import as_floats, sentence
from crossentropy.linear_model._input import check_labels

Floats = NDArray[np.float64]


class Found(NamedTuple):
    """Sorted classes (K,), or the numbers of the columns of soft targets, and the rows' weight in each, and in all.

    Probabilities (N,) of one outcome are soft targets of one column, of the classes 0 and 1.
    """

    classes: NDArray[Any]
    is_soft: bool
    masses: Floats
    total: float


class Survey:
    """Targets of blocks of rows: ``exclusive`` where each row has one class, or a distribution over them."""

    def __init__(self, *, exclusive: bool) -> None:
        self._exclusive = exclusive
        self._total = 0.0
        #: Of labels: those seen, sorted, and their rows' weight.
        self._classes: NDArray[Any] | None = None
        self._masses: Floats = np.zeros(0)
        #: Of distributions or probabilities: the weight of each column.
        self._soft: Floats | None = None
        self._columns = 0

    def add(self, y: NDArray[Any], weight: Floats) -> None:
        """One more block; ``ValueError`` where it has another kind of targets than those before."""
        self._total += float(weight.sum())
        if is_soft(y) or (not self._exclusive and are_probabilities(y)):
            soft = soft_labels(y) if self._exclusive else probabilities(y)
            self._same_kind(y)
            self._soft = weight @ soft if self._soft is None else self._soft + weight @ soft
            return
        self._same_kind(y)
        found, mass = _masses(column_or_1d(y, warn=True), weight)
        if self._classes is None:
            self._classes, self._masses = found, mass
            return
        self._classes, place = np.unique(np.concatenate([self._classes, found]), return_inverse=True)
        self._masses = np.bincount(place, np.concatenate([self._masses, mass])).astype(np.float64)

    def found(self) -> Found:
        """What they all are; ``ValueError`` for labels of a single class."""
        classes, soft = self._classes, self._soft
        if soft is not None and classes is not None:
            # some blocks of probabilities hold 0 and 1 only
            soft, classes = soft + self._masses @ probabilities(classes), None
        if classes is None:
            columns = np.zeros(0) if soft is None else soft
            return Found(np.arange(max(len(columns), 2)), True, columns, self._total)
        if len(classes) == 1:
            raise ValueError(
                sentence(
                    "y",
                    expected="at least two classes",
                    received=f"one class, {classes.tolist()[0]!r}",
                    remedy="add rows of another class",
                )
            )
        return Found(classes, False, self._masses, self._total)

    def _same_kind(self, y: NDArray[Any]) -> None:
        columns = y.shape[1] if is_soft(y) else 1
        if self._columns not in (0, columns):
            raise ValueError(
                sentence(
                    "y",
                    expected=f"{self._columns} columns as in the blocks before" if self._columns > 1 else "labels (N,)",
                    received=f"shape {y.shape}",
                    remedy="write the targets of all blocks in one way",
                )
            )
        self._columns = columns


def survey(y: NDArray[Any], weight: Floats, *, exclusive: bool) -> Found:
    """Of rows that are in memory."""
    found = Survey(exclusive=exclusive)
    found.add(y, weight)
    return found.found()


def _masses(y: NDArray[Any], weight: Floats) -> tuple[NDArray[Any], Floats]:
    """The labels that occur, sorted, and what the rows of each weigh."""
    if y.dtype.kind in "iu":
        least, largest = int(y.min()), int(y.max())
        if largest - least <= len(y):  # then counting is faster than sorting
            wide = np.dtype(np.int64 if y.dtype.kind == "i" else np.uint64)
            offsets = (y.astype(wide) - wide.type(least)).astype(np.int64)
            occurs = np.bincount(offsets) > 0
            classes = np.flatnonzero(occurs).astype(wide) + wide.type(least)
            return classes.astype(y.dtype), np.bincount(offsets, weight).astype(np.float64)[occurs]
    check_labels(y)
    classes, codes = np.unique(y, return_inverse=True)
    return classes, np.bincount(codes, weight, minlength=len(classes)).astype(np.float64)


def is_soft(y: Any) -> bool:
    """Whether targets are distributions: two dimensions, with more than one column."""
    return np.ndim(y) == 2 and np.shape(y)[1] > 1


def are_probabilities(y: NDArray[Any]) -> bool:
    """Whether floats (N,) lie in [0, 1] and not all at its ends: no labels do."""
    return y.dtype.kind == "f" and bool(((y >= 0.0) & (y <= 1.0)).all() and (y != np.trunc(y)).any())


def probabilities(y: Any) -> Floats:
    """Float64 targets (N, M) in [0, 1]; ``ValueError`` names the first that is not."""
    soft = np.ascontiguousarray(as_floats("y", y), np.float64)
    soft = soft.reshape(len(soft), -1)
    wrong = ~((soft >= 0.0) & (soft <= 1.0))
    if wrong.any():
        row, column = divmod(int(np.argmax(wrong)), soft.shape[1])
        raise ValueError(
            sentence(
                f"y, row {row}, column {column} (counted from 0)",
                expected="0, 1 or a probability between them",
                received=f"{soft[row, column]:g}",
                remedy="correct it, or use SoftmaxRegression for classes that exclude each other",
            )
        )
    return soft


def soft_labels(y: NDArray[Any]) -> Floats:
    """Float64 distributions (N, K); ``ValueError`` names the first row that is none."""
    given = as_floats("y", y)
    soft: Floats = np.ascontiguousarray(given, np.float64)
    wrong = ~((soft >= 0.0).all(axis=1) & (np.abs(soft.sum(axis=1) - 1.0) <= sum_tolerance(given.dtype)))
    if wrong.any():
        row = int(np.argmax(wrong))
        negative = not (soft[row] >= 0.0).all()
        raise ValueError(
            sentence(
                f"y, row {row} (counted from 0)",
                expected="probabilities of at least 0 that sum to 1",
                received=f"one of {np.nanmin(soft[row]):g}" if negative else f"a sum of {soft[row].sum():g}",
                remedy="correct it" if negative else "divide it by its sum",
            )
        )
    return soft
