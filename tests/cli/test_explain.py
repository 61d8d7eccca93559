"""The explain command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from crossentropy.cli._app import app
from crossentropy.explanation import explain, render_page

TEXTBOOK = ["--probabilities", "0.1 0.5 0.1 0.1 0.2", "--target", "0"]


def run(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, ["explain", *arguments])


def test_the_textbook_s_example() -> None:
    result = run(*TEXTBOOK)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout.startswith("Softmax cross-entropy: 5 classes, target class 0\nLoss: 2.302585 nats\n")
    for title in (
        "From probabilities to the loss",
        "The gradient of the cross-entropy",
        "The same through the squared error",
        "A more confident mistake",
    ):
        assert f"\n{title}\n" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (TEXTBOOK, explain(probabilities=[0.1, 0.5, 0.1, 0.1, 0.2], target=0)),
        (["--logits", "2 -1 0.5", "--target", "2", "--base", "2"], explain(logits=[2, -1, 0.5], target=2, base=2)),
        (
            ["--logits", "-1,-inf, 2", "--target", "0.5 0 0.5"],
            explain(logits=[-1, -float("inf"), 2], target=[0.5, 0, 0.5]),
        ),
        (["--logits", "0.8", "--target", "1", "--binary"], explain(logits=0.8, target=1, kind="sigmoid")),
        (
            ["--probabilities", "0.3", "--target", "0.25", "--binary"],
            explain(probabilities=0.3, target=0.25, kind="sigmoid"),
        ),
        (
            ["--logits", "3 -2 0.5", "--target", "0 0 1", "--multilabel"],
            explain(logits=[3, -2, 0.5], target=[0, 0, 1], kind="sigmoid"),
        ),
        (["--logits", "3 1", "--target", "0 1"], explain(logits=[3, 1], target=[0.0, 1.0])),
    ],
)
def test_json_is_the_derivation(arguments: list[str], expected: object) -> None:
    result = run(*arguments, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(json.dumps(expected.to_dict()))  # type: ignore[attr-defined]


def test_output_writes_the_page_and_names_it(tmp_path: Path) -> None:
    path = tmp_path / "page [1].html"
    result = run(*TEXTBOOK, "--output", str(path))
    assert result.exit_code == 0
    assert result.stdout.endswith(f"\nPage: {path}\n")
    assert path.read_text(encoding="utf-8") == render_page(explain(probabilities=[0.1, 0.5, 0.1, 0.1, 0.2], target=0))
    assert list(tmp_path.iterdir()) == [path]


def test_json_stays_json_beside_a_page(tmp_path: Path) -> None:
    result = run(*TEXTBOOK, "--json", "--output", str(tmp_path / "page.html"))
    assert json.loads(result.stdout)["loss"] == explain(probabilities=[0.1, 0.5, 0.1, 0.1, 0.2], target=0).loss
    assert (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--logits", "1 two", "--target", "0"],
            "--logits: expected numbers separated by spaces, got 'two'; write for example \"0.7 0.2 0.1\"",
        ),
        (
            ["--logits", "1 2", "--target", " "],
            "--target: expected numbers separated by spaces, got ' '; write for example \"0.7 0.2 0.1\"",
        ),
        (
            ["--logits", "1 2", "--target", "0.5"],
            "target: expected a class index from 0 to 1, got 0.5; "
            "pass the index of the true class, or 2 probabilities for a soft target",
        ),
        (
            ["--logits", "1 2", "--target", "-1"],
            "target: expected a class index from 0 to 1, got -1; "
            "pass the index of the true class, or 2 probabilities for a soft target",
        ),
        (
            ["--probabilities", "0.5 0.4", "--target", "0"],
            "probabilities: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.9; "
            "divide the row by its sum or correct an entry",
        ),
        (
            ["--target", "0"],
            "logits, probabilities: expected one of the two, got neither; pass the row that the model gave",
        ),
        (
            ["--logits", "1 2", "--probabilities", "0.5 0.5", "--target", "0"],
            "logits, probabilities: expected one of the two, got both; pass the row that the model gave",
        ),
        (
            ["--logits", "1 2", "--target", "1", "--binary"],
            "--logits: expected one number with --binary, got 2 numbers; "
            "use --multilabel for several yes-or-no answers, or neither for one of several classes",
        ),
        (
            ["--logits", "1", "--target", "1", "--binary", "--multilabel"],
            "--binary, --multilabel: expected one of the two at most, got both; leave one out",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == f"error: {message}\n"


def test_bad_input_leaves_no_page(tmp_path: Path) -> None:
    result = run("--logits", "1 2", "--target", "9", "--output", str(tmp_path / "page.html"))
    assert result.exit_code == 2
    assert list(tmp_path.iterdir()) == []
