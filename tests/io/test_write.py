from __future__ import annotations

import os

import numpy as np
import pyarrow as pa
import pytest

from crossentropy import io


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_replacing_renames_on_success(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with io.replacing(target) as temporary:
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".txt")
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert (target.read_text(), names(tmp_path)) == ("new", ["a.txt"])


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_replacing_removes_on_failure(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def half_written():
        with io.replacing(target) as temporary:
            temporary.write_text("ne")
            raise error

    with pytest.raises(error):
        half_written()
    assert (target.read_text(), names(tmp_path)) == ("old", ["a.txt"])


def test_replacing_a_link_replaces_what_it_points_to(tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "a.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    with io.replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def enter(path):
    with io.replacing(path):
        pass


def test_replacing_in_a_missing_directory(tmp_path):
    path = tmp_path / "none" / "a.csv"
    with pytest.raises(FileNotFoundError) as raised:
        enter(path)
    assert str(raised.value) == (
        f"{path}: expected a directory that exists, got {path.parent}; create it first, or write elsewhere"
    )


def test_replacing_a_directory(tmp_path):
    with pytest.raises(ValueError) as raised:
        enter(tmp_path)
    assert str(raised.value) == f"{tmp_path}: expected a file to replace or create, got a directory; name a file"


def test_replacing_a_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ValueError) as raised:
        enter(pipe)
    assert str(raised.value) == f"{pipe}: expected a file to replace or create, got a device or pipe; name a file"
    assert pipe.is_fifo()


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
@pytest.mark.parametrize(
    ("values", "received"), [(["x", "y"], "values of type string"), ([1.0, None], "empty entries")]
)
def test_arrays_hold_numbers_only_and_leave_no_file(tmp_path, suffix, values, received):
    with pytest.raises(ValueError) as raised:
        io.write_table(tmp_path / f"a{suffix}", pa.table({"a": values}))
    assert str(raised.value) == (
        f"column 'a': expected numbers, to be written as an array, got {received}; write the table as .csv or .parquet"
    )
    assert names(tmp_path) == []


def test_npz_columns_may_have_the_names_of_arguments(tmp_path):
    table = pa.table({"file": [1, 2], "allow_pickle": [3, 4], "a/b": [True, False]})
    io.write_table(tmp_path / "a.npz", table)
    assert io.read_table(tmp_path / "a.npz").equals(table)
    with np.load(tmp_path / "a.npz") as archive:
        assert archive["file"].tolist() == [1, 2]


def test_an_unknown_extension_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"expected a file name ending in \.csv, \.parquet, \.npy or \.npz, got '\.x'"):
        io.write_table(tmp_path / "a.x", pa.table({"a": [1]}))
    assert names(tmp_path) == []
