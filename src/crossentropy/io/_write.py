"""Writing tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from crossentropy.io import _arrays
from crossentropy.io._formats import StrPath, extension
from crossentropy.io._replacing import replacing


def write_table(path: StrPath, table: pa.Table) -> None:
    """Write a table as CSV, Parquet, NPY or NPZ, by the extension; the file appears only when it is complete.

    NPY holds the columns of one 2-D array, without their names; NPZ one 1-D array per column, under its name. Both
    take numbers and booleans only.

    Raises ``ValueError`` for an unknown extension or a column that the format cannot hold, ``FileNotFoundError`` for a
    directory that does not exist.
    """
    write = _WRITERS[extension(Path(path))]
    with replacing(path) as temporary:
        write(temporary, table)


def _write_csv(path: Path, table: pa.Table) -> None:
    from pyarrow import csv

    csv.write_csv(table, path)


def _write_parquet(path: Path, table: pa.Table) -> None:
    from pyarrow import parquet

    parquet.write_table(table, path)


_WRITERS: dict[str, Callable[[Path, pa.Table], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".npy": _arrays.write_npy,
    ".npz": _arrays.write_npz,
}
