"""Class labels: from a column of a table, as names, and as positions among a model's classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_CLASSES_SHOWN = 10


def column_labels(name: str, values: pa.ChunkedArray) -> NDArray[Any]:
    """The labels (N,) of a column of text, booleans, integers or whole floating-point numbers (which become integers).

    ``ValueError`` names the first row that holds none of these, or the type of the column.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    empty = pc.fill_null(pc.equal(values.cast(pa.string()), ""), True) if text else values.is_null()
    row = pc.index(empty, True).as_py()
    if row >= 0:
        raise _no_label(name, row, "an empty entry")
    if text:
        return np.array(values.to_pylist(), dtype=str)
    labels: NDArray[Any] = values.to_numpy()
    if labels.dtype.kind in "biu":
        return labels
    if labels.dtype.kind != "f":
        raise ValueError(
            sentence(
                f"column {name!r}",
                expected="class labels: text, booleans or integers",
                received=f"values of type {kind}",
                remedy="convert it",
            )
        )
    whole = (labels == np.trunc(labels)) & (np.abs(labels) < 2.0**53)
    if not whole.all():
        row = int(np.argmin(whole))
        raise _no_label(name, row, f"{labels[row]:g}")
    return labels.astype(np.int64)


def _no_label(name: str, row: int, received: str) -> ValueError:
    return ValueError(
        sentence(
            f"column {name!r}, row {row} (counted from 0)",
            expected="a class label (text, a boolean or a whole number)",
            received=received,
            remedy="fill in or remove that row",
        )
    )


def label_names(labels: NDArray[Any]) -> list[str]:
    """Each label as text; a boolean is "true" or "false", as in a CSV file."""
    return [str(label).lower() if isinstance(label, bool) else str(label) for label in labels.tolist()]


def plain_labels(classes: NDArray[Any]) -> list[Any]:
    """The classes as Python's text, numbers and booleans; ``TypeError`` where they are something else."""
    labels: list[Any] = classes.tolist()
    if not (classes.dtype.kind in "biufU" or all(isinstance(label, str) for label in labels)):
        raise TypeError(
            sentence(
                "model",
                expected="classes that are text, numbers or booleans",
                received=f"dtype {classes.dtype}",
                remedy="fit it with such labels",
            )
        )
    return labels


def class_codes(argument: str, labels: Sequence[Any], classes: Sequence[Any]) -> NDArray[np.intp]:
    """The position of each label among the classes; ``ValueError`` names the first row whose label is none of them."""
    positions = {label: position for position, label in enumerate(classes)}
    codes = np.array([positions.get(label, -1) for label in labels], dtype=np.intp)
    if (codes < 0).any():
        row = int(np.argmax(codes < 0))
        known = ", ".join(repr(label) for label in classes[:_MOST_CLASSES_SHOWN])
        more = len(classes) - _MOST_CLASSES_SHOWN
        raise ValueError(
            sentence(
                f"{argument}, row {row} (counted from 0)",
                expected=f"one of the model's classes {known}" + (f" and {more} more" if more > 0 else ""),
                received=repr(labels[row]),
                remedy="correct it, or fit the model with rows of that class",
            )
        )
    return codes
