"""Columns of a table as features: numbers standardised, categories one-hot encoded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence

if TYPE_CHECKING:
    import pyarrow as pa

Floats = NDArray[np.float64]

_MOST_CATEGORIES_SHOWN = 10


@dataclass(frozen=True)
class NumericColumn:
    """A column of numbers, encoded as one feature: (x − mean)/scale."""

    name: str
    mean: float
    scale: float

    width = 1

    @classmethod
    def fit(cls, name: str, table: pa.Table) -> NumericColumn:
        """Mean and standard deviation of the column; a constant column has scale 1."""
        from sklearn.preprocessing import StandardScaler

        from crossentropy.io import numeric_columns

        scaler = StandardScaler().fit(numeric_columns(table, [name]))
        return cls(name, float(scaler.mean_[0]), float(scaler.scale_[0]))

    def encode(self, table: pa.Table) -> Floats:
        """The column as one feature (N, 1)."""
        from crossentropy.io import numeric_columns

        features: Floats = (numeric_columns(table, [self.name]) - self.mean) / self.scale
        return features


@dataclass(frozen=True)
class CategoricalColumn:
    """A column of text or booleans, encoded as one feature per category: 1 where the value is that category, else 0.

    Categories are text: a boolean is "true" or "false".
    """

    name: str
    categories: tuple[str, ...]

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.categories)

    @classmethod
    def fit(cls, name: str, table: pa.Table) -> CategoricalColumn:
        """The sorted categories of the column."""
        return cls(name, tuple(sorted(_texts(name, table).unique().to_pylist())))

    def encode(self, table: pa.Table) -> Floats:
        """The column as features (N, categories); ``ValueError`` names the first row of an unknown category."""
        import pyarrow as pa
        import pyarrow.compute as pc

        values = _texts(self.name, table)
        found = pc.index_in(values, value_set=pa.array(self.categories, pa.string()))
        if found.null_count:
            row = pc.index(found.is_null(), True).as_py()
            more = self.width - _MOST_CATEGORIES_SHOWN
            known = ", ".join(repr(category) for category in self.categories[:_MOST_CATEGORIES_SHOWN])
            raise ValueError(
                sentence(
                    f"column {self.name!r}, row {row} (counted from 0)",
                    expected=f"one of the categories {known}" + (f" and {more} more" if more > 0 else ""),
                    received=repr(values[row].as_py()),
                    remedy="correct it, or fit the model with rows of that category",
                )
            )
        features = np.zeros((len(values), self.width))
        features[np.arange(len(values)), found.to_numpy()] = 1.0
        return features


Column = NumericColumn | CategoricalColumn


def fit_column(name: str, table: pa.Table) -> Column:
    """The encoding of a column of a table by its type; ``ValueError`` where it has none, or empty entries."""
    import pyarrow as pa

    from crossentropy.io import is_numeric

    kind = table.schema.field(name).type
    if is_numeric(kind) or pa.types.is_null(kind):
        return NumericColumn.fit(name, table)
    if _is_categorical(kind):
        return CategoricalColumn.fit(name, table)
    raise _unsupported(name, kind)


def encode(columns: Sequence[Column], table: pa.Table) -> Floats:
    """The features (N, sum of the columns' widths) of a table, which must have all of the columns."""
    from crossentropy.io import require_columns

    require_columns([column.name for column in columns], table.column_names)
    features = np.empty((table.num_rows, sum(column.width for column in columns)))
    start = 0
    for column in columns:
        features[:, start : start + column.width] = column.encode(table)
        start += column.width
    return features


def _is_categorical(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_categorical(kind.value_type) or pa.types.is_integer(kind.value_type)
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return bool(text or pa.types.is_boolean(kind))


def _texts(name: str, table: pa.Table) -> pa.ChunkedArray:
    """A categorical column as text without empty entries.

    Numbers become their digits: a CSV file whose rows happen to hold only those is typed as numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from crossentropy.io import is_numeric

    values = table.column(name)
    kind = values.type
    if not (_is_categorical(kind) or is_numeric(kind) or pa.types.is_null(kind)):
        raise _unsupported(name, kind)
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
    values = values.cast(pa.string())
    # A CSV file has no other way to write an empty entry than the empty text.
    empty = pc.fill_null(pc.equal(values, ""), True)
    row = pc.index(empty, True).as_py()
    if row >= 0:
        raise ValueError(
            sentence(
                f"column {name!r}, row {row} (counted from 0)",
                expected="a category",
                received="an empty entry",
                remedy="fill in or remove that row",
            )
        )
    return values


def _unsupported(name: str, kind: Any) -> ValueError:
    return ValueError(
        sentence(
            f"column {name!r}",
            expected="numbers, text or booleans",
            received=f"values of type {kind}",
            remedy="convert it, or leave it out",
        )
    )
