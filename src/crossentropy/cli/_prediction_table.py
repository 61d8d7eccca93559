"""A table of predictions: which columns are classes, what they are called, and which class a target means."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crossentropy._conventions import sum_tolerance
from crossentropy._validation import Array, sentence
from crossentropy.io import is_numeric, numeric_columns, require_columns

#: Stripped from the names of the class columns where all of them begin with it.
PREFIXES = ("p_", "prob_", "proba_", "probability_", "logit_", "logits_", "score_")

#: What ``predict`` adds beside the probabilities: no class.
PREDICTION = "prediction"

_MOST_LABELS_SHOWN = 10


def class_columns(schema: pa.Schema, target: str, chosen: str | None, source: str) -> list[str]:
    """The names of the class columns: those ``chosen`` (comma-separated), or all numeric ones but the target."""
    require_columns([target], schema.names, source=source)
    if chosen is None:
        names = [field.name for field in schema if is_numeric(field.type) and field.name not in (target, PREDICTION)]
    else:
        names = [name.strip() for name in next(csv.reader([chosen], skipinitialspace=True), [])]
        require_columns(names, schema.names, source=source)
    if len(names) < 2 or len(set(names)) < len(names) or target in names:
        raise ValueError(
            sentence(
                source,
                expected="two class columns or more, all different and none of them the target",
                received=", ".join(repr(name) for name in names) or "none",
                remedy="write one numeric column per class (for two classes 1 - p and p), and name them with --classes",
            )
        )
    return names


def class_labels(columns: Sequence[str]) -> list[str]:
    """What the classes are called: the columns' names, less a prefix that all share (``p_``, …; the X of X0, X1, …)."""
    for prefix in PREFIXES:
        if all(name.startswith(prefix) and name != prefix for name in columns):
            return [name.removeprefix(prefix) for name in columns]
    indices = [str(k) for k in range(len(columns))]
    prefix = columns[0].removesuffix("0")
    return indices if list(columns) == [prefix + index for index in indices] else list(columns)


def predictions(
    batch: pa.RecordBatch, columns: Sequence[str], *, first_row: int, logits: bool, normalize: bool, source: str
) -> Array:
    """The class columns of one block: logits, or checked probabilities, with ``normalize`` divided by their sum."""
    numbers = numeric_columns(batch, columns, first_row=first_row, allow_infinite=logits)
    if logits:
        return numbers
    where = f"{source}, row "
    negative = numbers < 0.0
    if negative.any():
        row, k = (int(index) for index in np.argwhere(negative)[0])
        raise ValueError(
            sentence(
                f"{where}{first_row + row} (counted from 0)",
                expected="probabilities of at least 0",
                received=f"{numbers[row, k]:.6g} in column {columns[k]!r}",
                remedy="pass --logits if these are logits, --classes to name the class columns",
            )
        )
    sums = numbers.sum(axis=1)
    dtype = np.result_type(*(batch.schema.field(name).type.to_pandas_dtype() for name in columns))
    tolerance = sum_tolerance(dtype if dtype.kind == "f" else np.dtype(np.float64))
    wrong = ~(sums > 0.0) if normalize else ~(np.abs(sums - 1.0) <= tolerance)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            sentence(
                f"{where}{first_row + row} (counted from 0)",
                expected="a sum above 0" if normalize else f"probabilities that sum to 1 (within {tolerance:.2g})",
                received=f"a sum of {sums[row]:.9g}",
                remedy=(
                    "remove or correct that row"
                    if normalize
                    else "pass --normalize if they were rounded, --logits if these are logits, --classes to name the "
                    "class columns"
                ),
            )
        )
    if normalize:
        numbers /= sums[:, None]
        return numbers
    # In the type they were written in, whose tolerance holds for their sums.
    checked: Array = numbers.astype(dtype) if dtype.kind == "f" else numbers
    return checked


def target_indices(column: pa.Array, labels: Sequence[str], *, name: str, first_row: int) -> NDArray[np.int64]:
    """The class index of each target.

    Text is a class's label. A number is a class's label where all labels are numbers; where none is, it is the index
    of the class, from 0. A boolean is the label true or false, in any case.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise _outside(name, first_row + row, "an empty entry", labels)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        found = pc.index_in(column.cast(pa.string()), value_set=pa.array(labels, pa.string()))
    elif pa.types.is_boolean(kind):
        lowered = pa.array([label.lower() for label in labels])
        found = pc.index_in(column.cast(pa.string()), value_set=lowered)
    elif is_numeric(kind):
        found = _index_of_number(column.cast(pa.float64(), safe=False), labels, name)
    else:
        raise ValueError(
            sentence(
                f"column {name!r}",
                expected="labels or class indices",
                received=f"values of type {kind}",
                remedy="convert it to text or integers",
            )
        )
    if found.null_count:
        row = int(np.argmax(found.is_null().to_numpy(zero_copy_only=False)))
        raise _outside(name, first_row + row, repr(column[row].as_py()), labels)
    indices: NDArray[np.int64] = found.to_numpy().astype(np.int64)
    return indices


def _index_of_number(numbers: pa.Array, labels: Sequence[str], name: str) -> pa.Array:
    values = [_number(label) for label in labels]
    if all(value is None for value in values):
        values = [float(k) for k in range(len(labels))]
    if None in values or len(set(values)) < len(values):
        raise ValueError(
            sentence(
                f"column {name!r}",
                expected="text, since the class columns are not all named by different numbers",
                received="numbers, which could be labels or indices",
                remedy="rename the class columns, or name them with --classes",
            )
        )
    return pc.index_in(numbers, value_set=pa.array(values, pa.float64()))


def _number(label: str) -> float | None:
    try:
        value = float(label)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _outside(name: str, row: int, received: str, labels: Sequence[str]) -> ValueError:
    shown = ", ".join(labels[:_MOST_LABELS_SHOWN])
    more = len(labels) - _MOST_LABELS_SHOWN
    indices = "" if any(_number(label) is not None for label in labels) else f" or an index from 0 to {len(labels) - 1}"
    return ValueError(
        sentence(
            f"column {name!r}, row {row} (counted from 0)",
            expected=f"one of the classes {shown}{f' and {more} more' if more > 0 else ''}{indices}",
            received=received,
            remedy="correct it, or add a column for its class",
        )
    )
