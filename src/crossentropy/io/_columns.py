"""Columns of a table: found by name, and as numbers."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crossentropy._validation import sentence

Table: TypeAlias = pa.Table | pa.RecordBatch

_MOST_NAMES_SHOWN = 10


def is_numeric(kind: pa.DataType) -> bool:
    """Whether a column of this type holds numbers: integers, floats or decimals, no booleans."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def require_columns(names: Sequence[str], available: Sequence[str], *, source: str = "table") -> None:
    """Check that every name is among ``available``; the ``ValueError`` names near matches, or what there is.

    >>> require_columns(["colour"], ["color", "size"])
    Traceback (most recent call last):
        ...
    ValueError: table: expected a column 'colour', got 'color', 'size'; perhaps 'color' is meant
    """
    for name in names:
        if name not in available:
            shown = ", ".join(repr(other) for other in available[:_MOST_NAMES_SHOWN])
            more = len(available) - _MOST_NAMES_SHOWN
            near = difflib.get_close_matches(name, available)
            raise ValueError(
                sentence(
                    source,
                    expected=f"a column {name!r}",
                    received=shown + (f" and {more} more" if more > 0 else ""),
                    remedy=(
                        f"perhaps {' or '.join(repr(other) for other in near)} is meant"
                        if near
                        else "name one of these columns"
                    ),
                )
            )


def numeric_columns(
    table: Table, names: Sequence[str], *, first_row: int = 0, allow_infinite: bool = False
) -> NDArray[np.float64]:
    """The named columns of a table as float64, shape (rows, len(names)).

    ``first_row`` is the number of the table's first row in messages, for a table that is one block of a larger one.

    Raises ``ValueError`` for a missing column, for one that does not hold numbers, and for the first empty entry, NaN
    or (unless ``allow_infinite``) infinity, whose column and row it names; rows are counted from 0.

    >>> import pyarrow as pa
    >>> numeric_columns(pa.table({"a": [1, 2], "b": [0.5, 0.25], "c": ["x", "y"]}), ["b", "a"])
    array([[0.5 , 1.  ],
           [0.25, 2.  ]])
    """
    require_columns(names, table.column_names)
    numbers: NDArray[np.float64] = np.empty((table.num_rows, len(names)), dtype=np.float64, order="F")
    for position, name in enumerate(names):
        column = table.column(name)
        if not is_numeric(column.type) and not pa.types.is_null(column.type):
            raise ValueError(
                sentence(
                    f"column {name!r}",
                    expected="numbers",
                    received=f"values of type {column.type}",
                    remedy="convert it to numbers, or leave it out",
                )
            )
        # Safe casts refuse int64 beyond 2**53; such an identifier is rounded like any other number here.
        floats = column.cast(pa.float64(), safe=False)
        numbers[:, position] = floats.to_numpy(zero_copy_only=False)
        wrong = np.isnan(numbers[:, position]) if allow_infinite else ~np.isfinite(numbers[:, position])
        if wrong.any():
            row = int(np.argmax(wrong))
            entry = column[row]
            raise ValueError(
                sentence(
                    f"column {name!r}, row {first_row + row} (counted from 0)",
                    expected="a number" if allow_infinite else "a finite number",
                    received=f"{entry.as_py()}" if entry.is_valid else "an empty entry",
                    remedy="fill in or remove that row",
                )
            )
    return numbers
