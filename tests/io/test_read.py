from __future__ import annotations

import re
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from crossentropy import io
from crossentropy.io._formats import FORMATS

TABLE = pa.table({"a": [1.5, 2.5, 4.0], "b": [1, 2, 3]})


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz", ".CSV"])
def test_a_table_comes_back_as_it_was_written(tmp_path, suffix):
    path = tmp_path / f"table{suffix}"
    io.write_table(path, TABLE)
    assert io.read_table(path).equals(TABLE)


def test_npy_columns_are_called_by_their_index(tmp_path):
    io.write_table(tmp_path / "table.npy", TABLE)
    assert io.read_table(tmp_path / "table.npy").to_pydict() == {"0": [1.5, 2.5, 4.0], "1": [1.0, 2.0, 3.0]}


@pytest.mark.parametrize(
    "array",
    [
        np.array([3, 1, 2]),
        np.array([3, 1, 2], dtype=">i4"),
        np.array([0.5, 1.5, 2.5], dtype=np.float16),
        np.array([True, False, True]),
        np.array(["cat", "dog", "é"]),
    ],
    ids=lambda array: array.dtype.str,
)
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_one_dimensional_arrays_are_one_column(tmp_path, suffix, array):
    path = tmp_path / f"array{suffix}"
    if suffix == ".npy":
        np.save(path, array)
    else:
        np.savez_compressed(path, array=array)
    name = "0" if suffix == ".npy" else "array"
    assert io.read_table(path).to_pydict() == {name: array.tolist()}


@pytest.mark.parametrize("order", ["C", "F"])
def test_two_dimensional_arrays_are_as_many_columns(tmp_path, order):
    array = np.array([[1.0, 2.0], [3.0, 4.0]], order=order)
    np.savez(tmp_path / "both.npz", X=array, y=[0, 1])
    assert io.read_table(tmp_path / "both.npz").to_pydict() == {"X0": [1.0, 3.0], "X1": [2.0, 4.0], "y": [0, 1]}
    np.save(tmp_path / "one.npy", array)
    assert io.read_table(tmp_path / "one.npy").to_pydict() == {"0": [1.0, 3.0], "1": [2.0, 4.0]}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("block_rows", [1, 2, 3, 100])
def test_blocks_are_the_table(tmp_path, suffix, block_rows):
    path = tmp_path / f"table{suffix}"
    io.write_table(path, TABLE)
    blocks = io.read_blocks(path, block_rows)
    assert blocks.rows == 3
    batches = list(blocks)
    assert batches[0].num_rows == min(block_rows, 3)
    assert pa.Table.from_batches(batches, schema=blocks.schema).equals(io.read_table(path))


def test_a_csv_column_has_the_type_of_all_its_rows(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("p\n" + "0\n" * 600_000 + "0.5\n")
    assert io.read_table(path).column("p")[-1].as_py() == 0.5


def test_csv_entries_that_are_empty_and_those_that_are_numbers(tmp_path):
    path = tmp_path / "entries.csv"
    path.write_text("z,label\n-inf,NA\nNaN,null\n,\nNA,x\n")
    table = io.read_table(path)
    assert [repr(value) for value in table.column("z").to_pylist()] == ["-inf", "nan", "None", "None"]
    assert table.column("label").to_pylist() == ["NA", "null", "", "x"]


def written(path, content: bytes):
    path.write_bytes(content)
    return path


def test_a_missing_file(tmp_path):
    path = tmp_path / "none.csv"
    with pytest.raises(FileNotFoundError) as raised:
        io.read_table(path)
    assert str(raised.value) == f"{path}: expected a file, got a path where there is none; check the path"


def test_a_directory(tmp_path):
    with pytest.raises(IsADirectoryError) as raised:
        io.read_table(tmp_path)
    assert str(raised.value) == f"{tmp_path}: expected a file, got a directory; name one file in it"


@pytest.mark.parametrize(("name", "received"), [("a.txt", "'.txt'"), ("a", "one without an extension")])
def test_an_unknown_extension(tmp_path, name, received):
    path = written(tmp_path / name, b"1")
    with pytest.raises(ValueError) as raised:
        io.read_table(path)
    assert str(raised.value) == (
        f"{path}: expected a file name ending in .csv, .parquet, .npy or .npz, got {received}; "
        "convert the table to one of these formats"
    )


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_empty_file(tmp_path, suffix):
    path = written(tmp_path / f"empty{suffix}", b"")
    with pytest.raises(ValueError) as raised:
        io.read_table(path)
    assert str(raised.value) == f"{path}: expected a file with rows, got an empty file; write it again"


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_table_without_rows(tmp_path, suffix):
    path = tmp_path / f"rows{suffix}"
    io.write_table(path, TABLE.slice(0, 0))
    with pytest.raises(ValueError, match=r"expected at least one row, got .*; write it again with its rows$"):
        io.read_table(path)


def test_a_header_only(tmp_path):
    path = written(tmp_path / "header.csv", b"a,b\n")
    with pytest.raises(ValueError) as raised:
        io.read_table(path)
    assert str(raised.value) == (
        f"{path}: expected at least one row, got a header and no rows; write it again with its rows"
    )


@pytest.mark.parametrize("suffix", [".parquet", ".npy", ".npz"])
@pytest.mark.parametrize("kept", [4, 0.3, 0.9])
def test_a_file_cut_short(tmp_path, suffix, kept):
    path = tmp_path / f"cut{suffix}"
    io.write_table(path, TABLE)
    content = path.read_bytes()
    written(path, content[: kept if isinstance(kept, int) else int(kept * len(content))])
    name = re.escape(f"{path}: expected a complete {FORMATS[suffix]} file, got one that cannot be read (")
    with pytest.raises(ValueError, match=rf"^{name}.+\); write it again, it may have been cut short$"):
        io.read_table(path)


def test_a_csv_cut_short(tmp_path):
    path = written(tmp_path / "cut.csv", b"a,b\n1,2\n3")
    with pytest.raises(ValueError, match=r"expected a complete CSV file, got one that cannot be read \(CSV parse"):
        io.read_table(path)


def test_a_parquet_file_damaged_in_the_middle(tmp_path):
    path = tmp_path / "damaged.parquet"
    parquet.write_table(pa.table({"a": np.random.default_rng(0).random(10_000)}), path, compression="zstd")
    content = bytearray(path.read_bytes())
    content[1000:60_000] = bytes(59_000)
    with pytest.raises(ValueError, match="expected a complete Parquet file"):
        io.read_table(written(path, bytes(content)))


def test_an_npz_member_damaged_in_the_middle(tmp_path):
    path = tmp_path / "damaged.npz"
    io.write_table(path, pa.table({"a": np.arange(1000.0)}))
    content = bytearray(path.read_bytes())
    content[4000] ^= 255
    with pytest.raises(ValueError, match=r"expected a complete NPZ file, .*Bad CRC-32"):
        io.read_table(written(path, bytes(content)))


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_pickled_objects_are_never_loaded(tmp_path, suffix):
    path = tmp_path / f"objects{suffix}"
    array = np.array([{}, []], dtype=object)
    np.save(path, array) if suffix == ".npy" else np.savez(path, array=array)
    with pytest.raises(ValueError, match=r"expected a complete NP. file, got one that cannot be read"):
        io.read_table(path)


@pytest.mark.parametrize(
    ("array", "received"),
    [
        (np.zeros((2, 2, 2)), "dtype float64, shape (2, 2, 2)"),
        (np.float64(1.0), "dtype float64, shape ()"),
        (np.zeros(2, dtype=complex), "dtype complex128, shape (2,)"),
    ],
)
def test_an_array_that_is_no_table(tmp_path, array, received):
    path = tmp_path / "array.npy"
    np.save(path, array)
    with pytest.raises(ValueError) as raised:
        io.read_table(path)
    assert str(raised.value) == (
        f"{path}, the array: expected numbers or text, in 1 or 2 dimensions, got {received}; "
        "convert it to a table of rows and columns"
    )


def test_npz_arrays_of_different_lengths(tmp_path):
    path = tmp_path / "lengths.npz"
    np.savez(path, X=np.zeros((3, 2)), y=np.zeros(2))
    with pytest.raises(ValueError) as raised:
        io.read_table(path)
    assert str(raised.value) == (
        f"{path}: expected arrays of the same length, got 'X' of 3, 'y' of 2; "
        "keep one array per column of the table, with one entry per row"
    )


@pytest.mark.parametrize("suffix", [".csv", ".npz"])
def test_two_columns_of_one_name(tmp_path, suffix):
    path = tmp_path / f"twice{suffix}"
    if suffix == ".csv":
        path.write_text("X0,a,X0\n1,2,3\n")
    else:
        np.savez(path, X=np.zeros((1, 1)), X0=np.zeros(1))
    with pytest.raises(ValueError) as raised:
        io.read_table(path)
    assert str(raised.value) == f"{path}: expected columns of different names, got two called 'X0'; rename one"


def test_npz_files_are_the_same_bytes_every_time(tmp_path):
    for name in ("one.npz", "two.npz"):
        io.write_table(tmp_path / name, TABLE)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.npz") as archive:
        assert archive.namelist() == ["a.npy", "b.npy"]
