"""The correctness gate of the benchmarks, on their small sizes; and that it can close. Nothing is timed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import gate, results, screen
from benchmarks.cases import CASES, Case
from benchmarks.contestants import Contestant, Outcome, ours
from benchmarks.inputs import draw

_SMALL = [case.quick() for case in CASES]


@pytest.mark.parametrize("case", _SMALL, ids=str)
def test_case_passes_the_gate(case: Case) -> None:
    found = gate.check(case, draw(case))
    assert (not math.isnan(found.gradient)) == (case.wants != "value")


def test_gate_closes_on_a_wrong_result(monkeypatch: pytest.MonkeyPatch) -> None:
    case = _SMALL[0]
    wrong = Contestant("wrong", lambda: None, lambda sample: Outcome(sample(np.ones(case.rows_shape))))
    monkeypatch.setattr(ours, "contestant", lambda case, inputs: wrong)
    with pytest.raises(gate.GateError, match="softmax_cross_entropy, index targets, value"):
        gate.check(case, draw(case))


def test_results_are_read_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    seconds = np.array([[0.5, 1.0], [0.25, 1.0], [0.125, 1.0]])
    entries = results.entries(CASES[0], ["crossentropy", "other"], seconds, [gate.Errors(0.5), gate.Errors(2.0, 3.0)])
    assert entries[1].ratio == results.Quartiles(3.0, 4.0, 6.0)
    path = results.save(entries, {"date": "2026-01-02", "cpu": "A Machine", "threads": "2"})
    assert path.name == "2026-01-02_a-machine_2-threads.csv"
    found, conditions = results.load(results.newest())
    assert str(found) == str(entries)  # as text, because NaN is not equal to itself
    assert conditions["cpu"] == "A Machine"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.5, "0.500"), (13.84, "13.8"), (109.2, "109"), (2910.4, "2910"), (3.4e6, "3.4e+06"), (math.nan, ""), (0.0, "0")],
)
def test_numbers_are_shown_with_three_digits(value: float, shown: str) -> None:
    assert screen.number(value) == shown
