"""Files as blocks of features and targets that can be gone through again and again, a block in memory at a time."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crossentropy._validation import Array, sentence
from crossentropy.io._arrays import read_npy
from crossentropy.io._columns import is_numeric, numeric_columns, require_columns
from crossentropy.io._formats import StrPath, existing_file
from crossentropy.io._read import DEFAULT_BLOCK_ROWS, read_blocks

#: Features and targets, and the rows' weights where there are such.
TrainingBlock = tuple[Any, ...]


@dataclass(frozen=True)
class ParquetBlocks:
    """A Parquet file as blocks (X, y) or (X, y, sample_weight), read anew each time they are gone through.

    y is the column ``target``: text, booleans or numbers. X are the columns ``features`` in float64, by default all
    other columns of numbers; ``sample_weight`` names one of weights, if there are any.

    Raises, when they are gone through, ``FileNotFoundError`` where there is no file, ``ValueError`` for a damaged one,
    a column that is not there, and an entry that is empty, NaN or infinite, whose column and row it names.

    >>> import pathlib, tempfile
    >>> import pyarrow as pa
    >>> from crossentropy.io import ParquetBlocks, write_table
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.parquet"
    >>> write_table(path, pa.table({"width": [1.0, 2.0, 3.0], "kind": ["a", "b", "a"]}))
    >>> for X, y in ParquetBlocks(path, "kind", block_rows=2):
    ...     print(X.ravel(), y)
    [1. 2.] ['a' 'b']
    [3.] ['a']
    """

    path: StrPath
    target: str
    features: tuple[str, ...] | None = None
    sample_weight: str | None = None
    block_rows: int = DEFAULT_BLOCK_ROWS

    def __iter__(self) -> Iterator[TrainingBlock]:
        blocks = read_blocks(self.path, self.block_rows)
        aside = [name for name in (self.target, self.sample_weight) if name is not None]
        features = self.features
        if features is None:
            features = tuple(f.name for f in blocks.schema if is_numeric(f.type) and f.name not in aside)
        require_columns([*aside, *features], blocks.schema.names, source=str(self.path))
        first = 0
        for batch in blocks:
            X = numeric_columns(batch, features, first_row=first)
            y = _targets(self.target, batch.column(self.target), first)
            weight = () if self.sample_weight is None else (_weights(batch, self.sample_weight, first),)
            first += batch.num_rows
            del batch
            yield X, y, *weight
            del X, y, weight


@dataclass(frozen=True)
class NpyBlocks:
    """NPY files of X (N, D), y (N,) or (N, K), and perhaps weights (N,), as blocks of memory-mapped rows.

    Raises, when they are gone through, ``FileNotFoundError`` where there is no file, ``ValueError`` for a damaged one,
    and for files of different lengths.

    >>> import pathlib, tempfile
    >>> from crossentropy.io import NpyBlocks
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(folder / "X.npy", np.eye(3)), np.save(folder / "y.npy", [0, 1, 1])
    (None, None)
    >>> [(X.shape, y.tolist()) for X, y in NpyBlocks(folder / "X.npy", folder / "y.npy", block_rows=2)]
    [((2, 3), [0, 1]), ((1, 3), [1])]
    """

    features: StrPath
    targets: StrPath
    sample_weight: StrPath | None = None
    block_rows: int = DEFAULT_BLOCK_ROWS

    def __iter__(self) -> Iterator[TrainingBlock]:
        paths = [path for path in (self.features, self.targets, self.sample_weight) if path is not None]
        rows = len(read_npy(existing_file(paths[0])))
        for first in range(0, rows, self.block_rows):
            # mapped anew for each block: the pages of those before are not kept
            arrays = [read_npy(existing_file(path)) for path in paths]
            for path, array in zip(paths, arrays, strict=True):
                if len(array) != rows:
                    raise ValueError(
                        sentence(
                            str(path),
                            expected=f"{rows} rows, as in {paths[0]}",
                            received=str(len(array)),
                            remedy="write both from the same rows",
                        )
                    )
            X, y, *weight = (array[first : first + self.block_rows] for array in arrays)
            del arrays, array
            yield X, y, *weight
            del X, y, weight


@dataclass(frozen=True)
class SvmlightBlocks:
    """A svmlight or LIBSVM file as blocks (X, y) of CSR rows, read by lines, anew each time they are gone through.

    Each line is a target and ``index:value`` pairs of increasing index, which count from 1, or from 0 where
    ``zero_based``. ``columns`` is the number of features; where it is None, the file is read once more each time to
    find it. Takes scikit-learn's reader.

    Raises, when they are gone through, ``FileNotFoundError`` where there is no file, ``ValueError`` for lines that
    cannot be read, and an index beyond ``columns``.

    >>> import pathlib, tempfile
    >>> from crossentropy.io import SvmlightBlocks
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "rows.svm"
    >>> _ = path.write_text("1 2:0.5\\n-1 1:2 3:1\\n")
    >>> [(X.toarray().tolist(), y.tolist()) for X, y in SvmlightBlocks(path, block_rows=1)]
    [([[0.0, 0.5, 0.0]], [1.0]), ([[2.0, 0.0, 1.0]], [-1.0])]
    """

    path: StrPath
    columns: int | None = None
    zero_based: bool = False
    block_rows: int = DEFAULT_BLOCK_ROWS

    def __iter__(self) -> Iterator[TrainingBlock]:
        columns = self.columns
        if columns is None:
            columns = max((X.shape[1] for X, _ in self._read(None)), default=0)
        yield from self._read(columns)

    def _read(self, columns: int | None) -> Iterator[tuple[Any, Array]]:
        from sklearn.datasets import load_svmlight_file

        path, first = existing_file(self.path), 0
        with open(path, "rb") as file:
            while lines := list(itertools.islice(file, self.block_rows)):
                count = len(lines)
                text = io.BytesIO(b"".join(lines))
                del lines
                try:
                    X, y = load_svmlight_file(text, n_features=columns, zero_based=self.zero_based)
                except ValueError as error:
                    raise _unreadable(path, first, count, error) from error
                del text
                first += count
                if X.shape[0]:
                    yield X, y
                del X, y


def _unreadable(path: Path, first: int, count: int, error: ValueError) -> ValueError:
    said = " ".join(str(error).split()).rstrip(".")
    return ValueError(
        sentence(
            f"{path}, lines {first + 1} to {first + count}",
            expected="a target and index:value pairs in each",
            received=f"something else ({said})",
            remedy="correct them, or pass zero_based or columns as they are",
        )
    )


def _weights(batch: pa.RecordBatch, name: str, first: int) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = numeric_columns(batch, [name], first_row=first)[:, 0]
    return weights


def _targets(name: str, values: pa.Array, first: int) -> Array:
    """A column as it is; ``ValueError`` names the first entry that is empty."""
    if values.null_count:
        row = first + values.is_null().index(True).as_py()
        raise ValueError(
            sentence(
                f"column {name!r}, row {row} (counted from 0)",
                expected="a target",
                received="an empty entry",
                remedy="fill in or remove that row",
            )
        )
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    targets: Array = values.to_numpy(zero_copy_only=False)
    return targets.astype(str) if targets.dtype.kind == "O" else targets
