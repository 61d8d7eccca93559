"""Which column of the logits a label stands for."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import column_or_1d

from crossentropy._problems import IndexTargets, SoftTargets
from crossentropy._validation import sentence
from crossentropy.linear_model._input import check_labels
from crossentropy.linear_model._survey import is_soft
from crossentropy.linear_model._targets import known_targets

_REMEDY = (
    "pass classes=, the labels of all columns in order: the classifier's classes_, or range(K) for numbers of columns"
)


def column_targets(y: Any, columns: int, classes: Any) -> tuple[NDArray[Any], IndexTargets | SoftTargets]:
    """The classes (K,), one for each column, and the targets of labels (N,) or soft labels (N, K).

    Without ``classes`` they are the sorted labels in ``y``, where these are as many as the columns; of fewer nobody
    knows which are missing.
    """
    known = None if classes is None else _distinct(classes, columns)
    if is_soft(y):
        known = np.arange(columns) if known is None else known
        return known, known_targets(y, known)
    y = column_or_1d(y, warn=True)
    check_labels(y)
    found, codes = np.unique(y, return_inverse=True)
    if known is not None:
        return known, IndexTargets(_positions(found, known, codes)[codes])
    if len(found) != columns:
        raise ValueError(
            sentence(
                "y",
                expected=f"{columns} different labels, as many as logits has columns",
                received=str(len(found)),
                remedy=_REMEDY,
            )
        )
    return found, IndexTargets(codes.astype(np.int64))


def _distinct(classes: Any, columns: int) -> NDArray[Any]:
    known = np.asarray(classes)
    different = len(set(known.tolist())) if known.ndim == 1 else 0
    if known.shape != (columns,) or different < columns:
        raise ValueError(
            sentence(
                "classes",
                expected=f"{columns} different labels, one for each column of logits",
                received=f"{len(known)}, {different} of them different" if known.ndim == 1 else f"shape {known.shape}",
                remedy="name the class of each column once",
            )
        )
    return known


def _positions(found: NDArray[Any], known: NDArray[Any], codes: NDArray[np.intp]) -> NDArray[np.int64]:
    """The column of each of the labels that occur."""
    column = {label: position for position, label in enumerate(known.tolist())}
    positions = np.array([column.get(label, -1) for label in found.tolist()], dtype=np.int64)
    if (positions < 0).any():
        row = int(np.argmax((positions < 0)[codes]))
        raise ValueError(
            sentence(
                f"y, row {row} (counted from 0)",
                expected="one of the classes of logits' columns",
                received=repr(found.tolist()[codes[row]]),
                remedy="correct it, or name it in classes",
            )
        )
    return positions
