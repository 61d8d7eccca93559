"""Aims held against results: each is reached, or missed and explained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from benchmarks.cases import CASES, Case
from benchmarks.contestants import floor, heads, ours, scikit_learn, scipy, torch_eager
from benchmarks.results import Entry

#: What a verdict is of where the library's own time or memory is bounded: the unit.
TIME, MEMORY = "µs", "MB"


@dataclass(frozen=True)
class Verdict:
    """A figure, its bound, and whether it keeps to it."""

    of: str  # the contestant that the library is measured against, TIME or MEMORY
    figure: float
    bound: float
    at_least: bool  # whether the figure may not be below the bound, rather than above it

    @property
    def reached(self) -> bool:
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound


@dataclass(frozen=True)
class Judged:
    """The entries of a case by contestant, and the verdicts on its aims."""

    case: Case
    entries: Mapping[str, Entry]
    verdicts: tuple[Verdict, ...]

    @property
    def reached(self) -> bool:
        return all(verdict.reached for verdict in self.verdicts)


class AimsError(Exception):
    """Explanations that do not fit the results, or results that do not fit the cases."""


def judged(found: Sequence[Entry]) -> list[Judged]:
    """The results, case by case."""
    cases = []
    for case, group in groupby(found, key=lambda entry: entry.case):
        entries = {entry.contestant: entry for entry in group}
        cases.append(Judged(case, entries, tuple(_verdicts(case, entries))))
    return cases


def _verdicts(case: Case, entries: Mapping[str, Entry]) -> list[Verdict]:
    own, aim = entries[ours.NAME].milliseconds.median, case.aim
    slower = {
        torch_eager.NAME: aim.torch,
        heads.CHUNKED: aim.chunked,
        scipy.NAME: aim.scipy,
        scikit_learn.NAME: aim.scikit_learn,
    }
    faster = {floor.NAME: aim.floor, ours.PLAIN: aim.plain}
    found = [
        Verdict(TIME, 1e3 * own, aim.microseconds, at_least=False),
        Verdict(MEMORY, entries[ours.NAME].megabytes, aim.megabytes, at_least=False),
    ]
    for bounds, at_least in ((faster, False), (slower, True)):
        for name, bound in bounds.items():
            if not math.isnan(bound):
                ratio = entries[name].ratio
                found.append(Verdict(name, ratio if at_least else 1.0 / ratio, bound, at_least))
    return [verdict for verdict in found if not math.isnan(verdict.bound)]


def check(cases: Sequence[Judged], explanations: Mapping[str, str]) -> None:
    """Every case is there; whoever misses an aim has an explanation, and nobody else."""
    measured = {str(case.case) for case in cases}
    missed = {str(case.case) for case in cases if not case.reached}
    complaints = [f"not measured: {case}; run `make bench`" for case in CASES if str(case) not in measured]
    complaints += [f"missed without an explanation: {name}" for name in sorted(missed - explanations.keys())]
    complaints += [f"explained, but not missed: {name}" for name in sorted(explanations.keys() - missed)]
    if complaints:
        raise AimsError("\n".join([*complaints, "explanations stand in benchmarks/explanations.py"]))
