"""The derivation as data, and how its numbers are written."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import subprocess
import sys

import pytest

from crossentropy.explanation import explain
from crossentropy.explanation._derivation import equation
from crossentropy.explanation._numbers import logarithm, per_unit, unit_name, written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000000"),
        (-0.0, "0.000000"),
        (2.302585092994046, "2.302585"),
        (-0.9, "-0.900000"),
        (1e-4, "0.000100"),
        (9.87654321e-5, "9.8765e-05"),
        (-1.2345678e-300, "-1.2346e-300"),
        (5e-324, "4.9407e-324"),
        (999999.0, "999999.000000"),
        (1e6, "1.0000e+06"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_are_written_with_the_digits_they_have(value: float, text: str) -> None:
    assert written(value) == text


@pytest.mark.parametrize("exponent", range(-320, 300, 7))
def test_no_number_but_0_is_written_as_0(exponent: int) -> None:
    value = 3.0 * 10.0**exponent
    assert re.search("[1-9]", written(value).split("e")[0])
    assert float(written(-value)) == pytest.approx(-value, rel=1e-2)


@pytest.mark.parametrize(
    ("base", "unit", "log", "scale"),
    [
        (None, "nats", "log", ""),
        (math.e, "nats", "log", ""),
        (2.0, "bits", "log₂", " / log 2"),
        (10.0, "hartleys", "log₁₀", " / log 10"),
        (3.0, "units of base 3", "log₃", " / log 3"),
    ],
)
def test_promise_1_every_base_has_a_unit(base: float | None, unit: str, log: str, scale: str) -> None:
    assert (unit_name(base), logarithm(base), per_unit(base)) == (unit, log, scale)


def test_equations_name_what_is_there() -> None:
    forward = {step.name: equation(step) for step in explain(logits=[2, -1, 0.5], target=0, base=2).sections[0].steps}
    assert forward == {
        "target": "t",
        "logits": "z",
        "largest logit": "m = max z = 2.000000",
        "shift": "z − m",
        "exponentials": "e^(z − m)",
        "sum": "S = Σ e^(z − m) = 1.272917",
        "probabilities": "p = e^(z − m) / S",
        "logarithm": "log₂ p = (z − m − log S) / log 2 (bits)",
        "pick": "−t·log₂ p (bits)",
        "loss": "ℓ = Σ −t·log₂ p = 0.348139 bits",
    }


@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
@pytest.mark.parametrize("start", ["logits", "probabilities"])
def test_values_match_the_labels_of_their_section(kind: str, start: str) -> None:
    derivation = explain(**{start: [0.5, 0.25, 0.25]}, target=[0.0, 1.0, 0.0], kind=kind)
    assert sum(len(section.steps) for section in derivation.sections) == len(derivation.steps)
    for section in derivation.sections:
        for step in section.steps:
            assert isinstance(step.value, float) or len(step.value) == len(section.labels)


def test_json_carries_every_number_exactly_and_names_the_infinite_ones() -> None:
    derivation = explain(probabilities=[0.0, 0.7, 0.3], target=[0.1, 0.2, 0.7])
    read = json.loads(json.dumps(derivation.to_dict(), allow_nan=False))
    assert float(read["loss"]) == math.inf
    assert read["loss"] == "inf"
    assert tuple(read["gradient"]) == derivation.gradient
    assert tuple(read["squared_error_gradient"]) == derivation.squared_error_gradient
    assert read["base"] is None
    assert [section["title"] for section in read["sections"]] == [section.title for section in derivation.sections]
    log_p = read["sections"][0]["steps"][2]
    assert log_p["symbol"] == "log p"
    assert log_p["value"] == ["-inf", math.log(0.7), math.log(0.3)]
    assert set(read) == {field.name for field in dataclasses.fields(derivation)}


def test_a_derivation_cannot_be_changed() -> None:
    derivation = explain(logits=[1.0, 2.0], target=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        derivation.loss = 0.0  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        derivation.steps[0].name = ""  # type: ignore[misc]


def test_explaining_and_the_page_need_no_rich() -> None:
    program = (
        "import sys; sys.modules['rich'] = None\n"
        "from crossentropy.explanation import explain, render_page\n"
        "print(len(render_page(explain(logits=[1.0, 2.0], target=0))) > 1000)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "True\n"
