from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_iris
from typer.testing import CliRunner

from crossentropy import io
from crossentropy.cli._app import app
from crossentropy.linear_model import SoftmaxRegression, TableModel, load_model, save_model


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "80", "TERM": "dumb"})


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory with a table of irises, of which one column is text and one boolean."""
    monkeypatch.chdir(tmp_path)
    iris = load_iris()
    columns = dict(zip(["sepal_length", "sepal_width", "petal_length", "petal_width"], iris.data.T, strict=True))
    random = np.random.default_rng(0)
    columns["garden"] = random.choice(["north", "south"], 150)
    columns["wet"] = random.random(150) < 0.5
    io.write_table("iris.csv", pa.table(columns | {"species": iris.target_names[iris.target]}))
    return tmp_path


def test_fit_predict_evaluate(here):
    fitted = run("fit", "iris.csv", "--target", "species")
    assert (fitted.exit_code, fitted.stderr) == (0, "")
    assert re.fullmatch(
        r"Softmax regression: iris\.csv\n"
        r"rows, classes           150, 3\s+\n"
        r"features                8\s+\n"
        r"labels' entropy         1\.099 nats = 1\.585 bits\s+\n"
        r"training cross-entropy  0\.129\d nats = 0\.186\d bits\s+\n"
        r"objective               31\.25\d+ nats at C = 1\s+\n"
        r"its gap                 within [\d.]+e-\d\d of its minimum \(certified\)\s+\n"
        r"iterations              \d+ in \d+\.\d\d s, \d+ passes over the data\s+\n"
        r"Model: model\.safetensors\n",
        fitted.stdout,
    )

    predicted = run("predict", "model.safetensors", "iris.csv")
    assert (predicted.exit_code, predicted.stderr) == (0, "")
    assert predicted.stdout == "Rows: 150\nPredictions: predictions.csv\n"
    predictions = io.read_table("predictions.csv")
    assert predictions.column_names == ["species", "prediction", "setosa", "versicolor", "virginica"]

    evaluated = run("evaluate", "predictions.csv", "--target", "species", "--json")
    report = json.loads(evaluated.stdout)
    assert (report["rows"], report["classes"]) == (150, ["setosa", "versicolor", "virginica"])
    right = np.mean(np.array(predictions["species"]) == np.array(predictions["prediction"]))
    assert report["accuracy"] == pytest.approx(right, rel=1e-15)
    cost = float(re.search(r"training cross-entropy +(\S+) nats", fitted.stdout)[1])
    assert report["cross_entropy"] == pytest.approx(cost, rel=1e-3)
    assert sorted(path.name for path in here.iterdir()) == ["iris.csv", "model.safetensors", "predictions.csv"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npy", ".npz"])
def test_every_format_is_fitted_and_predicted(here, suffix):
    iris = load_iris()
    columns = {str(k): iris.data[:, k] for k in range(4)} | {"4": iris.target}
    data = f"data{suffix}"
    io.write_table(data, pa.table(columns))
    assert run("fit", data, "--target", "4", "--output", "m.safetensors").exit_code == 0
    predicted = run("predict", "m.safetensors", data, "--output", "p.parquet")
    assert (predicted.exit_code, predicted.stderr) == (0, "")
    assert io.read_table("p.parquet").column_names == ["4", "prediction", "0", "1", "2"]
    evaluated = run("evaluate", "p.parquet", "--target", "4", "--json")
    assert json.loads(evaluated.stdout)["accuracy"] > 0.95


def test_less_weight_on_the_data_gives_smaller_coefficients(here):
    norms = []
    for C in (1.0, 0.01):
        assert run("fit", "iris.csv", "--target", "species", "--C", C).exit_code == 0
        norms.append(np.linalg.norm(load_model("model.safetensors").regression.coef_))
    assert norms[1] < norms[0] / 2


def test_the_tolerance_says_how_exact_the_model_is(here):
    gaps = []
    for tol in (1e-2, 1e-10):
        fitted = run("fit", "iris.csv", "--target", "species", "--tol", tol)
        assert fitted.exit_code == 0
        gaps.append(float(re.search(r"within (\S+) of its minimum \(certified\)", fitted.stdout)[1]))
    assert 1e-6 < gaps[0] <= 1e-2
    assert 0.0 <= gaps[1] <= 1e-10


def test_a_fit_that_stops_short_warns_and_is_saved(here):
    result = run("fit", "iris.csv", "--target", "species", "--tol", "1e-300")
    assert result.exit_code == 0
    assert re.fullmatch(
        r"warning: SoftmaxRegression: expected an objective within 1e-300 of its minimum, got one within \S+, "
        r"after \d+ iterations; the objective no longer decreases in float64, so raise tol above that number\n",
        result.stderr,
    )
    assert re.search(r"^its gap +within \S+ of its minimum +$", result.stdout, re.MULTILINE)
    assert isinstance(load_model("model.safetensors"), TableModel)


def edit(change):
    """Rewrite the table of irises."""
    io.write_table("iris.csv", change(io.read_table("iris.csv")))


def with_column(name, values):
    def change(table):
        return table.set_column(table.column_names.index(name), name, [values])

    return change


FIT = ("fit", "iris.csv", "--target", "species")


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (
            lambda: None,
            ("fit", "iris.csv", "--target", "specie"),
            "iris.csv: expected a column 'specie', got 'sepal_length', 'sepal_width', 'petal_length', 'petal_width', "
            "'garden', 'wet', 'species'; perhaps 'species' is meant",
        ),
        (
            lambda: edit(with_column("petal_width", [None] + [1.0] * 149)),
            FIT,
            "column 'petal_width', row 0 (counted from 0): expected a finite number, got an empty entry; "
            "fill in or remove that row",
        ),
        (
            lambda: edit(with_column("petal_width", [1.0] * 149 + [float("nan")])),
            FIT,
            "column 'petal_width', row 149 (counted from 0): expected a finite number, got nan; "
            "fill in or remove that row",
        ),
        (
            lambda: edit(with_column("species", ["setosa"] * 150)),
            FIT,
            "column 'species': expected at least two classes, got one class, 'setosa'; add rows of another class",
        ),
        (
            lambda: None,
            (*FIT, "--C", "0"),
            "C: expected a finite number above 0, got 0.0; pass one such number",
        ),
        (
            lambda: None,
            (*FIT, "--output", "nowhere/model.safetensors"),
            "nowhere/model.safetensors: expected a directory that exists, got {here}/nowhere; "
            "create it first, or write elsewhere",
        ),
        (
            lambda: open("iris.csv", "w").close(),
            FIT,
            "iris.csv: expected a file with rows, got an empty file; write it again",
        ),
    ],
    ids=["no such column", "empty entry", "NaN", "one class", "C", "no such directory", "empty file"],
)
def test_promise_24_what_fit_refuses(here, prepare, arguments, message):
    prepare()
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {message.format(here=here)}\n"
    assert [path.name for path in here.iterdir()] == ["iris.csv"]


def cut_short():
    with open("model.safetensors", "r+b") as file:
        file.truncate(1000)


PREDICT = ("predict", "model.safetensors", "iris.csv")


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (
            cut_short,
            PREDICT,
            r"model\.safetensors: expected a complete model file, got one that cannot be read \(.*\); "
            r"fit and save the model again",
        ),
        (
            lambda: save_model("model.safetensors", SoftmaxRegression().fit(np.eye(2), [0, 1])),
            PREDICT,
            r"model\.safetensors: expected a model of a table's columns, got one that was fitted to arrays; "
            r"fit it with crossentropy fit, or predict in Python",
        ),
        (
            lambda: None,
            ("predict", "other.safetensors", "iris.csv"),
            r"other\.safetensors: expected a file, got a path where there is none; check the path",
        ),
        (
            lambda: edit(lambda table: table.drop_columns(["petal_width"])),
            PREDICT,
            r"table: expected a column 'petal_width', got 'sepal_length', 'sepal_width', 'petal_length', 'garden', "
            r"'wet', 'species'; perhaps 'sepal_width' or 'petal_length' is meant",
        ),
        (
            lambda: edit(with_column("garden", ["south", "east"] * 75)),
            PREDICT,
            r"column 'garden', row 1 \(counted from 0\): expected one of the categories 'north', 'south', got 'east'; "
            r"correct it, or fit the model with rows of that category",
        ),
        (
            lambda: edit(with_column("species", ["setosa", "rose"] * 75)),
            PREDICT,
            r"column 'species', row 1 \(counted from 0\): expected one of the model's classes 'setosa', 'versicolor', "
            r"'virginica', got 'rose'; correct it, or fit the model with rows of that class",
        ),
        (
            lambda: None,
            (*PREDICT, "--output", "p.xlsx"),
            r"p\.xlsx: expected a file name ending in \.csv, \.parquet, \.npy or \.npz, got '\.xlsx'; "
            r"convert the table to one of these formats",
        ),
        (
            lambda: None,
            (*PREDICT, "--output", "p.npy"),
            r"column 'species': expected numbers, to be written as an array, got values of type string; "
            r"write the table as \.csv or \.parquet",
        ),
    ],
    ids=["cut short", "of arrays", "no model", "no column", "category", "class", "format", "text as NPY"],
)
def test_promise_24_what_predict_refuses(here, prepare, arguments, message):
    assert run(*FIT).exit_code == 0
    prepare()
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert re.fullmatch(f"error: {message}\n", result.stderr)
    assert sorted(path.name for path in here.iterdir()) == ["iris.csv", "model.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["fit", "iris.csv", "--target", "species", "--output", "iris.csv"],
            "--output: {}, got that of DATA, iris.csv",
        ),
        (
            ["fit", "iris.csv", "--target", "species", "--path", "--output", "m", "--report", "./m"],
            "--report: {}, got that of --output, m",
        ),
        (
            ["fit", "iris.csv", "--target", "species", "--path", "--validation", "v.csv", "--report", "v.csv"],
            "--report: {}, got that of --validation, v.csv",
        ),
        (["predict", "m", "iris.csv", "--output", "iris.csv"], "--output: {}, got that of DATA, iris.csv"),
        (["predict", "m", "iris.csv", "--output", "m"], "--output: {}, got that of MODEL, m"),
        (
            ["evaluate", "iris.csv", "--target", "species", "--report", "iris.csv"],
            "--report: {}, got that of PREDICTIONS, iris.csv",
        ),
    ],
)
def test_no_output_replaces_another_file_of_its_command(here, arguments, message):
    before = (here / "iris.csv").read_bytes()
    result = run(*arguments)
    expected = message.format("expected a file of its own")
    assert (result.exit_code, result.stderr) == (2, f"error: {expected}; name another\n")
    assert (here / "iris.csv").read_bytes() == before
