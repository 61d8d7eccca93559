"""NumPy's own files as tables: a 2-D array is a table of its columns, a 1-D array one column."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crossentropy._conventions import is_supported_float
from crossentropy._validation import Array, as_array, sentence
from crossentropy.io._columns import is_numeric
from crossentropy.io._formats import damaged, no_rows, same_name


def read_npy(path: Path) -> Array:
    """The array of an NPY file, memory-mapped, checked to be a table of numbers or text."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError) as error:
        raise damaged(path, error) from error
    return _checked(path, "the array", array)


def read_npz(path: Path) -> pa.Table:
    """The arrays of an NPZ file as one table."""
    arrays: dict[str, Array] = {}
    try:
        # Not np.load, which takes a cut file for a pickle.
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                with archive.open(member) as file:
                    arrays[member.removesuffix(".npy")] = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise damaged(path, error) from error
    columns: dict[str, pa.Array] = {}
    for name, array in arrays.items():
        for column, values in array_columns(_checked(path, f"array {name!r}", array), name).items():
            if column in columns:
                raise same_name(path, column)
            columns[column] = values
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(
            sentence(
                str(path),
                expected="arrays of the same length",
                received=", ".join(f"{name!r} of {length}" for name, length in lengths.items()),
                remedy="keep one array per column of the table, with one entry per row",
            )
        )
    return pa.table(columns)


def array_columns(array: Array, prefix: str = "") -> dict[str, pa.Array]:
    """The columns of a 1-D or 2-D array: "0", "1", … after ``prefix``; a 1-D array with a prefix is called by it."""
    if array.ndim == 1:
        return {prefix or "0": pa.array(as_array("array", array))}
    return {f"{prefix}{index}": pa.array(as_array("array", array[:, index])) for index in range(array.shape[1])}


def _checked(path: Path, which: str, array: Array) -> Array:
    readable = is_supported_float(array.dtype) or array.dtype.kind in "biuU"
    if not readable or array.ndim not in (1, 2):
        raise ValueError(
            sentence(
                f"{path}, {which}",
                expected="numbers or text, in 1 or 2 dimensions",
                received=f"dtype {array.dtype}, shape {array.shape}",
                remedy="convert it to a table of rows and columns",
            )
        )
    if array.shape[0] == 0:
        raise no_rows(path, f"{which} without rows")
    return array


def write_npy(path: Path, table: pa.Table) -> None:
    """The columns of a table as one 2-D array; their names are not kept."""
    np.save(path, np.column_stack([_numbers(table, name) for name in table.column_names]), allow_pickle=False)


def write_npz(path: Path, table: pa.Table) -> None:
    """Each column of a table as a 1-D array of its name."""
    arrays = {name: _numbers(table, name) for name in table.column_names}
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            # np.savez would take columns called "file" or "allow_pickle" for its own arguments.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _numbers(table: pa.Table, name: str) -> NDArray[np.generic]:
    column = table.column(name)
    if column.null_count or not (is_numeric(column.type) or pa.types.is_boolean(column.type)):
        raise ValueError(
            sentence(
                f"column {name!r}",
                expected="numbers, to be written as an array",
                received="empty entries" if column.null_count else f"values of type {column.type}",
                remedy="write the table as .csv or .parquet",
            )
        )
    numbers: NDArray[np.generic] = column.to_numpy()
    return numbers
