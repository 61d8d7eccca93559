from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.datasets import dump_svmlight_file, load_iris

from crossentropy import io
from crossentropy.linear_model import SoftmaxRegression

X, Y = load_iris(return_X_y=True)
WEIGHTS = np.arange(150) % 3 + 1.0
NAMES = np.array(["setosa", "versicolor", "virginica"])


def parquet(folder, y=NAMES[Y]):
    columns = {"a": X[:, 0], "kind": y, "b": X[:, 1], "c": X[:, 2], "weight": WEIGHTS, "d": X[:, 3]}
    io.write_table(folder / "rows.parquet", pa.table(columns | {"note": ["text"] * 150}))
    return io.ParquetBlocks(folder / "rows.parquet", "kind", sample_weight="weight", block_rows=40)


def npy(folder, y=NAMES[Y]):
    for name, array in (("X", X), ("y", y), ("weight", WEIGHTS)):
        np.save(folder / f"{name}.npy", array)
    return io.NpyBlocks(folder / "X.npy", folder / "y.npy", folder / "weight.npy", block_rows=40)


def svmlight(folder, y=Y, **options):
    dump_svmlight_file(X, y, str(folder / "rows.svm"), zero_based=options.get("zero_based", False), comment="flowers")
    return io.SvmlightBlocks(folder / "rows.svm", block_rows=40, **options)


@pytest.mark.parametrize("reader", [parquet, npy])
def test_a_file_in_blocks_gives_the_model_of_its_rows(reader, tmp_path):
    model = SoftmaxRegression(tol=1e-12).fit_blocks(reader(tmp_path))
    whole = SoftmaxRegression(tol=1e-12).fit(X, NAMES[Y], WEIGHTS)
    np.testing.assert_allclose(model.coef_, whole.coef_, atol=1e-6)
    assert model.predict(X).tolist() == whole.predict(X).tolist()


@pytest.mark.parametrize("options", [{}, {"columns": 6}, {"zero_based": True}])
def test_svmlight_in_blocks_gives_the_model_of_its_rows(options, tmp_path):
    model = SoftmaxRegression(tol=1e-12).fit_blocks(svmlight(tmp_path, **options))
    wide = np.hstack([X, np.zeros((150, model.n_features_in_ - 4))])
    assert model.n_features_in_ == options.get("columns", 4)
    whole = SoftmaxRegression(tol=1e-12).fit(sparse.csr_matrix(wide), Y)
    np.testing.assert_allclose(model.coef_, whole.coef_, atol=1e-6)


@pytest.mark.parametrize("reader", [parquet, npy, svmlight])
def test_blocks_can_be_gone_through_again(reader, tmp_path):
    source = reader(tmp_path)
    first, again = ([np.asarray(y).tolist() for _, y, *_ in source] for _ in range(2))
    assert first == again
    assert [len(y) for y in first] == [40, 40, 40, 30] if reader is not svmlight else sum(map(len, first)) == 150


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, 2, 3], pa.int32()),
        pa.array([0.25, 0.5, 1.0]),
        pa.array([True, False, True]),
        pa.array(["x", "y", "x"]),
        pa.array(["x", "y", "x"]).dictionary_encode(),
    ],
    ids=["integers", "probabilities", "booleans", "text", "dictionary"],
)
def test_targets_of_any_kind_are_read(values, tmp_path):
    io.write_table(tmp_path / "rows.parquet", pa.table({"y": values, "x": [1.0, 2.0, 3.0]}))
    ((found, y),) = io.ParquetBlocks(tmp_path / "rows.parquet", "y", features=("x",))
    assert found.tolist() == [[1.0], [2.0], [3.0]]
    assert y.tolist() == values.to_pylist()
    assert y.dtype.kind != "O"


def refused(source):
    with pytest.raises(ValueError) as raised:
        list(source)
    return str(raised.value)


def test_an_empty_target_is_refused(tmp_path):
    io.write_table(tmp_path / "rows.parquet", pa.table({"y": [1, 2, 3, None], "x": [1.0, 2.0, 3.0, 4.0]}))
    assert refused(io.ParquetBlocks(tmp_path / "rows.parquet", "y", block_rows=2)) == (
        "column 'y', row 3 (counted from 0): expected a target, got an empty entry; fill in or remove that row"
    )


def test_a_missing_column_is_refused(tmp_path):
    parquet(tmp_path)
    path = tmp_path / "rows.parquet"
    assert refused(io.ParquetBlocks(path, "kinds")) == (
        f"{path}: expected a column 'kinds', got 'a', 'kind', 'b', 'c', 'weight', 'd', 'note'; perhaps 'kind' is meant"
    )


def test_arrays_of_different_lengths_are_refused(tmp_path):
    npy(tmp_path, Y[1:])
    assert refused(io.NpyBlocks(tmp_path / "X.npy", tmp_path / "y.npy")) == (
        f"{tmp_path / 'y.npy'}: expected 150 rows, as in {tmp_path / 'X.npy'}, got 149; write both from the same rows"
    )


def test_lines_that_cannot_be_read_are_refused(tmp_path):
    path = tmp_path / "rows.svm"
    path.write_text("1 1:2\n2 1:3\n1 0:2\n")
    message = refused(io.SvmlightBlocks(path, columns=3, block_rows=2))
    assert message.startswith(
        f"{path}, lines 3 to 3: expected a target and index:value pairs in each, got something else"
    )
    assert message.endswith("; correct them, or pass zero_based or columns as they are")
    assert "lines 1 to 2" in refused(io.SvmlightBlocks(path, columns=0, block_rows=2))


@pytest.mark.parametrize(
    "source",
    [
        io.ParquetBlocks("none.parquet", "y"),
        io.NpyBlocks("none.npy", "y.npy"),
        io.SvmlightBlocks("none.svm"),
    ],
)
def test_a_file_that_is_not_there_is_named(source):
    with pytest.raises(FileNotFoundError, match=r"^none\.\w+: expected a file, got a path where there is none"):
        list(source)
