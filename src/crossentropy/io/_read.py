"""Reading tables, whole or in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from crossentropy.io import _arrays
from crossentropy.io._formats import StrPath, damaged, existing_file, extension, no_rows, same_name

DEFAULT_BLOCK_ROWS = 65_536

# Arrow's own list has the spellings of NaN in it, which is a number.
_EMPTY_CSV_ENTRIES = ["", "NA", "N/A", "NULL", "null"]


@dataclass(frozen=True)
class Blocks:
    """A table in blocks of rows: its schema, its number of rows, and an iterator over its blocks, in order."""

    schema: pa.Schema
    rows: int
    batches: Iterator[pa.RecordBatch]

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self.batches


def read_table(path: StrPath) -> pa.Table:
    """The table in a CSV, Parquet, NPY or NPZ file, by its extension.

    NPY: the columns of a 2-D array are called "0", "1", …; a 1-D array is one column "0". NPZ: a 1-D array is a column
    of its name, a 2-D array ``X`` the columns "X0", "X1", …. Pickled objects are never loaded.

    Raises ``FileNotFoundError`` where there is no file, ``ValueError`` for an unknown extension, an empty or damaged
    file, a table without rows, two columns of one name, and arrays of different lengths.
    """
    blocks = read_blocks(path, block_rows=None)
    return pa.Table.from_batches(blocks, schema=blocks.schema)


def read_blocks(path: StrPath, block_rows: int | None = DEFAULT_BLOCK_ROWS) -> Blocks:
    """The table in a file, ``block_rows`` rows at a time; ``None`` leaves the blocks as they come.

    Parquet and NPY files are read as they are walked; CSV and NPZ files are read whole first, since the type of a CSV
    column is known only at its end. Raises what :func:`read_table` raises, at once where the damage shows at once.
    """
    path = existing_file(path)
    blocks = _READERS[extension(path)](path, block_rows)
    if blocks.rows == 0:
        raise no_rows(path, "a header and no rows")
    names = blocks.schema.names
    if len(set(names)) < len(names):
        raise same_name(path, next(name for name in names if names.count(name) > 1))
    return blocks


def _read_csv(path: Path, block_rows: int | None) -> Blocks:
    from pyarrow import csv

    try:
        table = csv.read_csv(path, convert_options=csv.ConvertOptions(null_values=_EMPTY_CSV_ENTRIES))
    except pa.ArrowInvalid as error:
        raise damaged(path, error) from error
    return _sliced(table, block_rows)


def _read_npz(path: Path, block_rows: int | None) -> Blocks:
    return _sliced(_arrays.read_npz(path), block_rows)


def _sliced(table: pa.Table, block_rows: int | None) -> Blocks:
    return Blocks(table.schema, table.num_rows, iter(table.to_batches(max_chunksize=block_rows)))


def _read_npy(path: Path, block_rows: int | None) -> Blocks:
    array = _arrays.read_npy(path)
    step = block_rows or len(array)
    schema = pa.schema([(name, values.type) for name, values in _arrays.array_columns(array[:0]).items()])

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(array), step):
            yield pa.record_batch(_arrays.array_columns(array[start : start + step]))

    return Blocks(schema, len(array), batches())


def _read_parquet(path: Path, block_rows: int | None) -> Blocks:
    from pyarrow import parquet

    try:
        file = parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, error) from error

    def batches() -> Iterator[pa.RecordBatch]:
        with file:
            try:
                yield from file.iter_batches(batch_size=block_rows or DEFAULT_BLOCK_ROWS)
            except (pa.ArrowException, OSError) as error:
                raise damaged(path, error) from error

    return Blocks(file.schema_arrow, file.metadata.num_rows, batches())


_READERS: dict[str, Callable[[Path, int | None], Blocks]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npy": _read_npy,
    ".npz": _read_npz,
}
