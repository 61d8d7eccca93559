"""`crossentropy fit --path`: C chosen by folds or by a table, printed, drawn and saved."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_iris
from typer.testing import CliRunner

from crossentropy import io
from crossentropy.cli import _sweeping
from crossentropy.cli._app import app
from crossentropy.linear_model import SoftmaxRegression, SoftmaxRegressionCV, load_model

FIT = ("fit", "iris.csv", "--target", "species", "--path")


def run(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "80", "TERM": "dumb"})


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working directory with a table of irises and one of others."""
    monkeypatch.chdir(tmp_path)
    iris = load_iris()
    columns = dict(zip(["a", "b", "c", "d"], iris.data.T, strict=True))
    table = pa.table(columns | {"species": iris.target_names[iris.target]})
    io.write_table("iris.csv", table.take(np.flatnonzero(np.arange(150) % 3)))
    io.write_table("others.csv", table.take(np.arange(0, 150, 3)))
    return tmp_path


def numbers(stdout):
    """The lines of the table: C, the losses, whether it was chosen."""
    lines = re.findall(
        r"^ *([\d.,e−]+) +([\d.e−]+) +([\d.e−]+)(?: +([\d.e−]+))?(?: +(chosen))? *$", stdout, re.MULTILINE
    )
    return [[*(float(cell.replace("−", "-").replace(",", "")) for cell in line[:3]), line[4]] for line in lines]


def test_folds_choose_C(here):  # noqa: N802
    done = run(*FIT, "--report", "page.html")
    assert (done.exit_code, done.stderr) == (0, "")
    table = numbers(done.stdout)
    np.testing.assert_allclose([line[0] for line in table], np.geomspace(1e-6, 1e6, 25), rtol=5e-3)
    (chosen,) = [line for line in table if line[-1]]
    assert chosen[2] == min(line[2] for line in table)
    assert re.search(
        r"^Every model is proven to be within [\d.]+e−\d\d of its minimum, relative to it\.$", done.stdout, re.M
    )
    assert done.stdout.endswith("Model: model.safetensors\nPage: page.html\n")
    model = load_model("model.safetensors").regression
    assert type(model) is SoftmaxRegression
    assert pytest.approx(chosen[0], rel=5e-3) == model.C
    table = io.read_table("iris.csv")
    X = np.column_stack([table[name] for name in "abcd"])
    direct = SoftmaxRegressionCV(Cs=25).fit((X - X.mean(axis=0)) / X.std(axis=0), np.array(table["species"]))
    np.testing.assert_allclose(model.coef_, direct.coef_, rtol=1e-6, atol=1e-9)
    page = (here / "page.html").read_text("utf-8")
    assert page.count("<svg") == 1
    assert page.count("<strong>chosen</strong>") == 1
    assert "the mean of 5 folds, stratified by class" in page
    assert run("predict", "model.safetensors", "others.csv").exit_code == 0


def test_a_table_chooses_C(here):  # noqa: N802
    done = run(*FIT, "--validation", "others.csv", "--report", "page.html")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "standard error" not in done.stdout
    (chosen,) = [line for line in numbers(done.stdout) if line[-1]]
    assert "50 rows of others.csv" in (here / "page.html").read_text("utf-8")
    run("predict", "model.safetensors", "others.csv")
    report = run("evaluate", "predictions.csv", "--target", "species")
    assert f"cross-entropy               {chosen[2]:.4g}" in re.sub(r"0 nats", " nats", report.stdout)


def test_progress_tells_fold_C_and_losses(here, monkeypatch):  # noqa: N802
    notes = []

    class Shown:
        def __enter__(self):
            return lambda steps=1, *, note="": notes.append(note)

        def __exit__(self, *error):
            return False

    monkeypatch.setattr(_sweeping, "progress", lambda *arguments: Shown())
    assert run(*FIT).exit_code == 0
    assert run(*FIT, "--validation", "others.csv").exit_code == 0
    assert len(notes) == 25 * 5 + 25
    assert re.fullmatch(r"fold 1 of 5, C = 1e−06: 1\.09\d+ nats, held out 1\.\d+", notes[0])
    assert re.fullmatch(r"fold 5 of 5, C = 1,000,000: \S+ nats, held out \S+", notes[124])
    assert re.fullmatch(r"C = 1e−06: 1\.09\d+ nats, held out 1\.\d+", notes[125])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--path", "--C", 3), "--C: expected to be chosen by --path, got 3; leave out one of the two"),
        (
            ("--validation", "iris.csv"),
            "--validation: expected a fit with --path, got one without; add it, or leave this out",
        ),
        (("--report", "page.html"), "--report: expected a fit with --path, got one without; add it, or leave this out"),
        (
            ("--path", "--validation", "unknown.csv"),
            "unknown.csv, column 'species', row 0 (counted from 0): expected one of the model's classes 'setosa', "
            "'versicolor', 'virginica', got 'rose'; correct it, or fit the model with rows of that class",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(here, arguments, message):
    io.write_table("unknown.csv", pa.table({name: [1.0] for name in "abcd"} | {"species": ["rose"]}))
    before = set(here.iterdir())
    done = run("fit", "iris.csv", "--target", "species", *arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"error: {message}\n")
    assert set(here.iterdir()) == before


def test_an_interrupted_sweep_writes_nothing(here, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(_sweeping, "fit_folds", interrupted)
    before = set(here.iterdir())
    assert run(*FIT, "--report", "page.html").exit_code == 130
    assert set(here.iterdir()) == before
