"""The correctness gate of the benchmarks, on their small sizes; and that it can close. Nothing is timed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import aims, clock, memory, results, screen
from benchmarks.cases import CASES, HEAD, Case
from benchmarks.contestants import Contestant, Outcome, floor, ours, torch_eager
from benchmarks.gate import Errors, Gate, GateError
from benchmarks.inputs import draw

_SMALL = list(dict.fromkeys(case.quick() for case in CASES))
_CASE = next(case for case in CASES if case.aim.floor < math.inf and case.aim.torch > 0)


@pytest.mark.parametrize("case", _SMALL, ids=str)
def test_case_passes_the_gate(case: Case) -> None:
    found = Gate(case, draw(case)).check()
    assert (not math.isnan(found.gradient)) == (case.wants != "value")


def test_gate_closes_on_a_wrong_result(monkeypatch: pytest.MonkeyPatch) -> None:
    case = _SMALL[0]
    wrong = Contestant("wrong", lambda: None, lambda sample: Outcome(sample(np.ones(case.rows_shape))))
    monkeypatch.setattr(ours, "contestant", lambda case, inputs: wrong)
    with pytest.raises(GateError, match="softmax_cross_entropy, index targets, value"):
        Gate(case, draw(case)).check()


def test_gradient_in_place_starts_from_the_logits_each_time() -> None:
    case = next(case for case in _SMALL if case.wants == "gradient in place")
    inputs = draw(case)
    timed = ours.contestant(case, inputs)
    assert timed.before is not None
    for _ in range(2):
        timed.before()
        np.testing.assert_array_equal(inputs.buffer, inputs.predictions)
        assert timed.call()[1] is inputs.buffer


def _entries(case: Case, **milliseconds: float) -> list[results.Entry]:
    names = {"crossentropy": "crossentropy", "torch": "PyTorch", "floor": "floor"}
    seconds = np.array([[1e-3 * value for value in milliseconds.values()]])
    return results.entries(case, [names[name] for name in milliseconds], seconds, [Errors()] * len(milliseconds))


def test_an_aim_is_reached_up_to_its_bound() -> None:
    aim = _CASE.aim
    reached = _entries(_CASE, crossentropy=1.0, torch=aim.torch + 0.01, floor=1.01 / aim.floor)
    missed = _entries(_CASE, crossentropy=1.0, torch=aim.torch - 0.01, floor=1.01 / aim.floor)
    (of_reached,), (of_missed,) = aims.judged(reached), aims.judged(missed)
    assert of_reached.reached
    assert {verdict.of: verdict.reached for verdict in of_missed.verdicts} == {"floor": True, "PyTorch": False}


def test_documents_want_each_missed_aim_explained_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aims, "CASES", [_CASE])
    slow = aims.judged(_entries(_CASE, crossentropy=1e3, torch=1.0, floor=1.0))
    fast = aims.judged(_entries(_CASE, crossentropy=1.0, torch=1e3, floor=1.0))
    aims.check(slow, {str(_CASE): "why"})
    aims.check(fast, {})
    for cases, explanations, complaint in (
        (slow, {}, "missed without an explanation: softmax_cross_entropy"),
        (fast, {str(_CASE): "why"}, "explained, but not missed: softmax_cross_entropy"),
        (slow, {str(_CASE): "why", "no case": "why"}, "explained, but not missed: no case"),
        ([], {}, "not measured: softmax_cross_entropy"),
    ):
        with pytest.raises(aims.AimsError, match=complaint):
            aims.check(cases, explanations)


def test_whoever_takes_long_runs_in_every_third_round(monkeypatch: pytest.MonkeyPatch) -> None:
    took = {"quick": 0.1, "long": 1.0}
    monkeypatch.setattr(clock, "_timed", lambda contestant, repeats: took[contestant.name])
    seconds = clock.interleaved([Contestant(name, lambda: None) for name in took], 6)
    np.testing.assert_array_equal(seconds.T, [[0.1] * 6, [1.0, math.nan, math.nan] * 2])
    entries = results.entries(_CASE, list(took), seconds, [Errors()] * 2)
    assert entries[1].ratio == pytest.approx(10.0)


def test_memory_is_that_beside_inputs_and_results() -> None:
    case = next(case for case in _SMALL if case.operation == HEAD and case.wants != "value")
    assert math.isnan(memory.beside(case, floor.NAME))
    assert math.isnan(memory.beside(_SMALL[0], ours.NAME))
    case = replace(case, shape=(2000, 64, 5000))  # logits of 40 MB, and as much for PyTorch's log-probabilities
    assert 40 < memory.beside(case, ours.NAME) < 50
    assert memory.beside(case, torch_eager.NAME) > 80


def test_results_are_read_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    seconds = np.array([[0.5, 1.0], [0.25, 1.0], [0.125, 1.0]])
    entries = results.entries(_CASE, ["crossentropy", "other"], seconds, [Errors(0.5), Errors(2.0, 3.0)])
    assert entries[1].milliseconds == results.Quartiles(1e3, 1e3, 1e3)
    assert entries[1].ratio == 4.0
    path = results.save(entries, {"date": "2026-01-02", "cpu": "A Machine", "threads": "2"})
    assert path.name == "2026-01-02_a-machine_2-threads.csv"
    found, conditions = results.load(results.newest())
    assert str(found) == str(entries)  # as text, because NaN is not equal to itself
    assert found[0].case.aim == _CASE.aim
    assert conditions["cpu"] == "A Machine"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.5, "0.500"), (13.84, "13.8"), (109.2, "109"), (2910.4, "2910"), (3.4e6, "3.4e+06"), (math.nan, ""), (0.0, "0")],
)
def test_numbers_are_shown_with_three_digits(value: float, shown: str) -> None:
    assert screen.number(value) == shown
