from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from crossentropy import io
from crossentropy.cli._app import app

ROWS = {"p_cat": [0.5, 0.25, 0.0], "p_dog": [0.25, 0.5, 0.5], "p_bird": [0.25, 0.25, 0.5]}
TRUTH = ["cat", "dog", "cat"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "p.csv"
    io.write_table(path, pa.table({**ROWS, "who": TRUTH, "prediction": TRUTH}))
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)], env={"COLUMNS": "80", "TERM": "dumb"})


def report(*arguments):
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_the_json_is_the_report(table):
    found = report(table, "--target", "who")
    assert (found["rows"], found["classes"], found["unit"]) == (3, ["cat", "dog", "bird"], "nats")
    assert found["cross_entropy"] == "inf"
    assert found["finite_cross_entropy"] == pytest.approx(math.log(2), rel=1e-15)
    assert (found["zero_probability_rows"], found["first_zero_probability_row"]) == (1, 2)
    assert found["labels_entropy"] == pytest.approx(math.log(3) - 2 / 3 * math.log(2), rel=1e-15)
    assert found["confusion"] == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_the_tables_name_every_unit_and_fit_80_columns(table):
    result = run(table, "--target", "who")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = [line.rstrip() for line in result.stdout.splitlines()]
    assert lines[:11] == [
        "Loss report: p.csv",
        "rows, classes               3, 3",
        "labels' entropy             0.6365 nats = 0.9183 bits",
        "cross-entropy               ∞ nats",
        "probability 0 on the truth  1 row, the first is row 2 (counted from 0)",
        "cross-entropy, finite part  0.6931 nats = 1.000 bits",
        "its standard error          0 nats = 0 bits",
        "perplexity                  ∞ equally likely classes",
        "explained share             −∞ = 1 - cross-entropy / labels' entropy",
        "accuracy                    66.7 %",
        "Brier score                 0.7500 (0 to 2)",
    ]
    assert "cat       2                    ∞   50.0 %  dog (1)" in lines
    assert "bird      0                    –        –  –" in lines
    assert "0.467 to 0.533     3           50.0 %    66.7 %" in lines
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("truth", [TRUTH, [0, 1, 0]])
def test_labels_and_indices_and_formats_agree(tmp_path, suffix, truth):
    path = tmp_path / f"p{suffix}"
    io.write_table(path, pa.table({**ROWS, "who": truth}))
    assert report(path, "--target", "who")["confusion"] == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_arrays_name_classes_by_index(tmp_path):
    p = np.transpose(list(ROWS.values()))
    np.savez(tmp_path / "p.npz", p=p, y=[0, 1, 0])
    np.save(tmp_path / "p.npy", np.column_stack([p, [0, 1, 0]]))
    by_name = report(tmp_path / "p.npz", "--target", "y")
    assert by_name["classes"] == ["0", "1", "2"]
    assert report(tmp_path / "p.npy", "--target", "3") == by_name


def test_logits(tmp_path):
    path = tmp_path / "z.npz"
    np.savez(path, z=np.array([[0.0, -math.inf, 0.0], [1e6, 1e6 + 1, -5.0]]), y=[0, 0])
    found = report(path, "--target", "y", "--logits")
    expected = (math.log(2) + 1 + math.log1p(math.exp(-1))) / 2
    assert found["cross_entropy"] == pytest.approx(expected, rel=1e-15)


def test_normalize(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("a,b,y\n0.333,0.333,a\n3,1,a\n")
    found = report(path, "--target", "y", "--normalize")
    assert found["cross_entropy"] == pytest.approx((math.log(2) + math.log(4 / 3)) / 2, rel=1e-15)


def test_classes_choose_and_order_the_columns(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("id,a,b,y\n17,0.25,0.75,a\n")
    assert report(path, "--target", "y", "--classes", "b,a")["classes"] == ["b", "a"]


def test_a_single_class_has_no_share(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("a,b,y\n0.5,0.5,a\n")
    assert report(path, "--target", "y")["explained_share"] is None
    assert "explained share             – = 1" in run(path, "--target", "y").stdout


def test_many_blocks_are_one_report_and_rows_are_those_of_the_file(tmp_path):
    rows = 150_000
    p = np.random.default_rng(0).dirichlet([1.0, 1.0], size=rows)
    truth = np.arange(rows) % 2
    p[140_000] = [0.0, 1.0]
    path = tmp_path / "p.parquet"
    io.write_table(path, pa.table({"a": p[:, 0], "b": p[:, 1], "y": truth}))
    found = report(path, "--target", "y")
    assert (found["rows"], found["first_zero_probability_row"]) == (rows, 140_000)
    p[130_000] = [0.5, 0.6]
    io.write_table(path, pa.table({"a": p[:, 0], "b": p[:, 1], "y": truth}))
    assert run(path, "--target", "y").stderr.startswith(f"error: {path}, row 130000 (counted from 0): ")


def test_many_classes_are_cut_to_the_costliest(tmp_path):
    k = 30
    p = np.full((k, k), 0.1 / (k - 1))
    np.fill_diagonal(p, 0.9)
    p[17] = 1 / k
    np.savez(tmp_path / "p.npz", p=p, y=np.arange(k))
    out = run(tmp_path / "p.npz", "--target", "y").stdout
    assert "The 20 costliest of 30 classes" in out
    table = out[out.index("The 20") : out.index("Reliability")].splitlines()
    assert table[2].split() == ["17", "1", "3.401", "0.0", "%", "0", "(1)"]
    assert "Confusion" not in out


def test_labels_with_markup_are_printed_as_they_are(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("[red]a[/],b,y\n0.5,0.5,b\n")
    assert "[red]a[/]" in run(path, "--target", "y").stdout


def test_the_page_is_written_and_named(table, tmp_path):
    page = tmp_path / "report.html"
    result = run(table, "--target", "who", "--report", page)
    assert result.exit_code == 0
    assert result.stdout.endswith(f"Page: {page}\n")
    assert "<title>Loss report: p.csv" in page.read_text(encoding="utf-8")


def test_the_page_does_not_disturb_the_json(table, tmp_path):
    assert report(table, "--target", "who", "--report", tmp_path / "r.html") == report(table, "--target", "who")


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            "a,b,y\n0.5,0.5,a\n",
            ["--target", "z"],
            "{path}: expected a column 'z', got 'a', 'b', 'y'; name one of these columns",
        ),
        (
            "a,b,y\n0.5,0.5,a\n0.5,0.5,c\n",
            ["--target", "y"],
            "column 'y', row 1 (counted from 0): expected one of the classes a, b or an index from 0 to 1, got 'c'; "
            "correct it, or add a column for its class",
        ),
        (
            "a,b,y\n0.5,0.5,a\n0.333,0.666,b\n",
            ["--target", "y"],
            "{path}, row 1 (counted from 0): expected probabilities that sum to 1 (within 1.5e-08), got a sum of "
            "0.999; pass --normalize if they were rounded, --logits if these are logits, --classes to name the class "
            "columns",
        ),
        (
            "a,b,y\n0.5,0.5,a\nnan,0.5,a\n",
            ["--target", "y"],
            "column 'a', row 1 (counted from 0): expected a finite number, got nan; fill in or remove that row",
        ),
        ("", ["--target", "y"], "{path}: expected a file with rows, got an empty file; write it again"),
        (
            "a,b,y\n",
            ["--target", "y"],
            "{path}: expected at least one row, got a header and no rows; write it again with its rows",
        ),
        (
            "a,b,y\n0.5,0.5,a\n",
            ["--target", "y", "--logits", "--normalize"],
            "--normalize: expected probabilities, got --logits; leave it out, a softmax sums to 1",
        ),
        (
            "a,b,y\n0.5,0.5,a\n",
            ["--target", "y", "--report", "/nowhere/report.html"],
            "/nowhere/report.html: expected a directory that exists, got /nowhere; create it first, or write elsewhere",
        ),
        ("a,b,y\n0.5,0.5,a\n", [], "Missing option '--target'; see --help"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(tmp_path, content, options, message):
    path = tmp_path / "p.csv"
    path.write_text(content)
    result = run(path, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {message.format(path=path)}\n"
    assert [file.name for file in tmp_path.iterdir()] == ["p.csv"]


def test_a_missing_file_is_one_sentence(tmp_path):
    result = run(tmp_path / "p.csv", "--target", "y")
    assert result.exit_code == 2
    assert result.stderr == (
        f"error: {tmp_path / 'p.csv'}: expected a file, got a path where there is none; check the path\n"
    )
