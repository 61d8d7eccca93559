"""Results: one entry for each contestant of each case, kept as CSV."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import CASES, Case
from benchmarks.gate import Errors

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Quartiles:
    """The median, and what lies a quarter below and above it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Quartiles:
        low, median, high = np.nanquantile(values, (0.25, 0.5, 0.75))
        return cls(float(low), float(median), float(high))


@dataclass(frozen=True)
class Entry:
    """One contestant on one case: milliseconds; its median as a multiple of the library's; errors in ULP."""

    case: Case
    contestant: str
    milliseconds: Quartiles
    ratio: float
    errors: Errors
    megabytes: float = math.nan  # beside inputs and results, where it was measured


def entries(
    case: Case,
    names: Sequence[str],
    seconds: NDArray[np.float64],
    errors: Sequence[Errors],
    megabytes: Sequence[float] | None = None,
) -> list[Entry]:
    """The entries of a case from its times (rounds × contestants, the library first; NaN where one did not run)."""
    times = [Quartiles.of(1e3 * seconds[:, i]) for i in range(len(names))]
    own = times[0].median
    ratios, memory = [t.median / own for t in times], megabytes or [math.nan] * len(names)
    return [Entry(case, *of_one) for of_one in zip(names, times, ratios, errors, memory, strict=True)]


CASE = ("operation", "shape", "wants", "targets", "dtype", "axis", "option")
_NUMBERS = ("ms_low", "ms_median", "ms_high", "ratio", "value_ulp", "gradient_ulp", "mb")


def save(found: Sequence[Entry], conditions: Mapping[str, str]) -> Path:
    """Write a file named after the date and the machine; the conditions stand in every line."""
    cpu = "-".join(conditions["cpu"].lower().split())
    path = FOLDER / f"{conditions['date']}_{cpu}_{conditions['threads']}-threads.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*CASE, "contestant", *_NUMBERS, *conditions])
        for entry in found:
            numbers = [*astuple(entry.milliseconds), entry.ratio, *astuple(entry.errors), entry.megabytes]
            shown = [f"{number:.5g}" for number in numbers]
            writer.writerow([*written(entry.case), entry.contestant, *shown, *conditions.values()])
    return path


def newest() -> Path:
    """The last file by name, which begins with its date."""
    return max(FOLDER.glob("*.csv"))


def load(path: Path) -> tuple[list[Entry], dict[str, str]]:
    """The entries of a file, and their conditions."""
    found, conditions = [], {}
    with path.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            case = read(*(line.pop(name) for name in CASE))
            contestant = line.pop("contestant")
            low, median, high, ratio, *errors, megabytes = (float(line.pop(name)) for name in _NUMBERS)
            found.append(Entry(case, contestant, Quartiles(low, median, high), ratio, Errors(*errors), megabytes))
            conditions = line
    return found, conditions


def written(case: Case) -> tuple[str, ...]:
    """What tells a case from others, in words."""
    shape = "x".join(map(str, case.shape))
    return case.operation, shape, case.wants, case.targets, case.dtype, str(case.axis), case.option


def read(operation: str, shape: str, wants: Any, targets: Any, dtype: str, axis: str, option: Any) -> Case:
    """The case, with its aim if it is one of those that are measured."""
    found = Case(operation, tuple(map(int, shape.split("x"))), wants, targets, dtype, int(axis), option)
    return next((case for case in CASES if case == found), found)
