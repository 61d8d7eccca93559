"""The derivation in the terminal."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from rich.console import Console

from crossentropy.explanation import explain, render_terminal
from crossentropy.explanation._numbers import written

TEN = [float(z) for z in range(-5, 5)]


def rendered(width: int, **arguments: Any) -> str:
    stream = io.StringIO()
    render_terminal(explain(**arguments), Console(file=stream, width=width))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())


def test_the_whole_first_section_at_80_columns() -> None:
    text = rendered(80, logits=[2.0, -1.0, 0.5], target=0)
    assert text[: text.index("\n\nThe gradient")] == (
        """Softmax cross-entropy: 3 classes, target class 0
Loss: 0.241311 nats

From logits to the loss
 1  target         t
 2  logits         z
 3  largest logit  m = max z = 2.000000
 4  shift          z − m
                   A common offset changes nothing; e^(z − m) cannot overflow.
 5  exponentials   e^(z − m)
                   1 for the largest logit, less for others.
 6  sum            S = Σ e^(z − m) = 1.272917
 7  probabilities  p = e^(z − m) / S
                   They sum to 1.
 8  logarithm      log p = z − m − log S (nats)
                   From the logits, not from a rounded p.
 9  pick           −t·log p (nats)
                   The target picks its own class.
10  loss           ℓ = Σ −t·log p = 0.241311 nats

              1          2          4          5         7          8         9
class         t          z      z − m  e^(z − m)         p      log p  −t·log p
───────────────────────────────────────────────────────────────────────────────
  ▸ 0  1.000000   2.000000   0.000000   1.000000  0.785597  -0.241311  0.241311
    1  0.000000  -1.000000  -3.000000   0.049787  0.039113  -3.241311  0.000000
    2  0.000000   0.500000  -1.500000   0.223130  0.175290  -1.741311  0.000000"""
    )


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "arguments",
    [
        {"logits": TEN, "target": 3},
        {"logits": [-1e-5, -1e-7, -1e-9], "target": [0.5, 0.25, 0.25], "base": 2},
        {"logits": [1e308, -1e308], "target": 0},
        {"probabilities": [0.0, 1.0], "target": 0},
        {"logits": [-800.0, 3.0, 0.25], "target": [1, 0, 0.5], "kind": "sigmoid", "base": 10},
        {"probabilities": 0.3, "target": 1, "kind": "sigmoid"},
    ],
)
def test_every_number_stands_whole_within_the_width(arguments: dict[str, Any], width: int) -> None:
    text = rendered(width, **arguments)
    assert max(len(line) for line in text.splitlines()) <= width
    words = set(text.split())
    for step in explain(**arguments).steps:
        for value in step.value if isinstance(step.value, tuple) else (step.value,):
            assert written(value) in words


def test_columns_that_do_not_fit_become_tables_of_equal_size() -> None:
    lines = rendered(60, logits=TEN, target=3).splitlines()
    numbers = [lines[place - 1].split() for place, line in enumerate(lines) if line.startswith("class ")]
    assert numbers[:2] == [["1", "2", "4", "5"], ["7", "8", "9"]]
    assert sum(line.startswith("  ▸ 3  ") for line in lines) == len(numbers)


def test_a_soft_target_marks_no_class() -> None:
    assert "▸" not in rendered(80, logits=[2.0, -1.0, 0.5], target=[0.7, 0.2, 0.1])


def test_as_many_rows_as_classes_in_the_last_section_are_not_taken_for_classes() -> None:
    last = rendered(80, logits=[2.0, -1.0, 0.5, 0.0, 0.0], target=0).split("A more confident mistake")[1]
    assert "▸" not in last


def test_an_infinite_loss_is_written_with_its_reason() -> None:
    text = rendered(120, logits=[1.0, -math.inf], target=1)
    assert "Loss: inf nats" in text
    assert "The target's probability is 0 at class 1: the loss is +inf; no epsilon is added." in text
