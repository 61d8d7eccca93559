"""Curves kept as CSV: the objective of each contestant, by the seconds since its fit began."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.linear_models.cases import Case
from benchmarks.linear_models.curves import Curve

FOLDER = Path(__file__).parent.parent / "results" / "linear_models"

#: What counts as reached: within so much of the best objective of anyone, relative to it.
TARGET = 1e-6

OURS = "crossentropy"

_CONDITIONS = "conditions"

Curves = dict[str, list[Curve]]

#: One measurement of what is no curve: numbers and names.
Row = dict[str, Any]


class Summary(NamedTuple):
    """One contestant: seconds until the target (infinite if never), at all, and how near it came to the best."""

    contestant: str
    seconds: float
    ended: float
    reached: float


def path(key: str) -> Path:
    """Where the results of a case lie."""
    return FOLDER / f"{key}.csv"


def mark(reached: bool) -> str:
    """Whether an aim is reached, as the page says it."""
    return "✓" if reached else "(missed)"


def save_rows(key: str, rows: list[Row]) -> None:
    """Write measurements that all have the same names."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with path(key).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def save_conditions(key: str, conditions: Mapping[str, str]) -> None:
    """Write under which conditions a case was measured, in place of what was known of it."""
    kept = [row for row in load_conditions() if row["case"] != key]
    save_rows(_CONDITIONS, [*kept, {"case": key, **conditions}])


def load_conditions() -> list[dict[str, str]]:
    """Those of each case."""
    if not path(_CONDITIONS).exists():
        return []
    with path(_CONDITIONS).open(newline="") as file:
        return list(csv.DictReader(file))


def load_rows(key: str) -> list[Row]:
    """What :func:`save_rows` wrote."""
    with path(key).open(newline="") as file:
        return [{name: _number(word) for name, word in row.items()} for row in csv.DictReader(file)]


def _number(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


def save(case: Case, curves: Curves) -> None:
    """Write the points where a curve has come down since the last that is kept, and its end."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with path(case.key).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["contestant", "run", "seconds", "objective", "ended"])
        for contestant, runs in curves.items():
            for number, run in enumerate(runs):
                lowest = math.inf
                for seconds, objective in zip(run.seconds, run.objective, strict=True):
                    if objective < lowest:
                        lowest = objective
                        writer.writerow([contestant, number, f"{seconds:.4f}", f"{objective:.10g}", ""])
                writer.writerow([contestant, number, f"{run.seconds[-1]:.4f}", f"{lowest:.10g}", f"{run.end:.4f}"])


def load(case: Case) -> Curves:
    """What :func:`save` wrote."""
    found: defaultdict[str, dict[int, Curve]] = defaultdict(dict)
    with path(case.key).open(newline="") as file:
        for row in csv.DictReader(file):
            curve = found[row["contestant"]].setdefault(int(row["run"]), Curve(math.inf))
            curve.seconds.append(float(row["seconds"]))
            curve.objective.append(float(row["objective"]))
            if row["ended"]:
                curve.end = float(row["ended"])
    return {contestant: list(runs.values()) for contestant, runs in found.items()}


def best(curves: Curves) -> float:
    """The lowest objective that anyone reached."""
    return min(min(run.objective) for runs in curves.values() for run in runs)


def summaries(curves: Curves) -> list[Summary]:
    """One for each contestant: medians of its runs."""
    lowest = best(curves)

    def median(values: list[float]) -> float:
        return sorted(values)[len(values) // 2]

    return [
        Summary(
            contestant,
            median([run.reaches(lowest * (1.0 + TARGET)) for run in runs]),
            median([run.end if math.isfinite(run.end) else math.inf for run in runs]),
            min(min(run.objective) for run in runs) / lowest - 1.0,
        )
        for contestant, runs in curves.items()
    ]
