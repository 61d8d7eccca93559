"""The frozen tables are what their programs write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.oracle import load
from tests.oracle._exact import entry
from tests.oracle.loss_cases import LossCase, cases
from tests.oracle.losses import solve

_STORED = {
    (stored["function"], stored["name"]): stored
    for file in Path(__file__).parent.glob("losses*.json")
    for stored in json.loads(file.read_text(encoding="utf-8"))["cases"]
}
_SAMPLE = [case for case in cases() if len(case.predictions) <= 4 and not case.infinite][::12]


def test_every_case_is_stored_once() -> None:
    assert sorted(_STORED) == sorted((case.loss, case.name) for case in cases())
    assert len(load("losses")) == len(cases())


@pytest.mark.parametrize("case", _SAMPLE, ids=lambda case: f"{case.loss}: {case.name}")
def test_program_writes_what_is_stored(case: LossCase) -> None:
    inputs: dict[str, Any] = {"predictions": case.predictions, "targets": case.targets, "v": case.v}
    written = entry(case.name, case.loss, inputs, case.options, solve(case))
    assert json.loads(json.dumps(written)) == _STORED[case.loss, case.name]


def test_unknown_table() -> None:
    with pytest.raises(FileNotFoundError, match="no table 'nothing'"):
        load("nothing")
