"""Results on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rich.table import Table
from rich.text import Text

from benchmarks.aims import MEMORY, TIME, Judged, Verdict
from benchmarks.results import Entry, Quartiles

WIDTH = 100
_COLUMNS = (("", 18), ("ms", 30), ("× crossentropy's", 17), ("ULP: value", 10), ("gradient", 8), ("MB", 6))


def sections(found: Sequence[Entry]) -> Iterator[Text | Table]:
    """For each case its name, and a line for each contestant: time with quartiles, ratio, greatest errors."""
    for case, group in groupby(found, key=lambda entry: entry.case):
        yield Text(str(case), style="bold")
        table = Table(box=None, padding=(0, 1, 0, 0))
        for heading, width in _COLUMNS:
            table.add_column(heading, justify="right" if heading else "left", min_width=width)
        for entry in group:
            numbers = (
                number(entry.ratio),
                number(entry.errors.value),
                number(entry.errors.gradient),
                number(entry.megabytes),
            )
            table.add_row(entry.contestant, spread(entry.milliseconds), *numbers)
        yield table


def summary(cases: Sequence[Judged], explanations: Mapping[str, str]) -> Iterator[Text]:
    """Every aim in a line: reached, or missed and why."""
    yield Text("Aims", style="bold")
    for judged in cases:
        if judged.verdicts:
            figures = ", ".join(
                verdict_of(verdict) if verdict.of in (TIME, MEMORY) else f"{verdict.of}: {verdict_of(verdict)}"
                for verdict in judged.verdicts
            )
            yield Text(f"{'✓' if judged.reached else '✗'} {judged.case}: {figures}")
        if not judged.reached:
            yield Text(f"    {explanations.get(str(judged.case), 'not explained')}")


def verdict_of(verdict: Verdict) -> str:
    """A figure with its bound and a mark."""
    relation, unit = "≥" if verdict.at_least else "≤", f" {verdict.of}" if verdict.of in (TIME, MEMORY) else ""
    return f"{number(verdict.figure)}{unit} {relation} {verdict.bound:g} {'✓' if verdict.reached else '✗'}"


def spread(quartiles: Quartiles) -> str:
    """The median, and the quartiles in brackets."""
    return f"{number(quartiles.median)} ({number(quartiles.low)}–{number(quartiles.high)})"


def number(value: float) -> str:
    """Three digits, as 0.0340, 13.8, 109, 2910, 4.2e+05; nothing for what was not measured."""
    if math.isnan(value):
        return ""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    if not 1e-4 <= value < 1e5:
        return f"{value:.1e}"
    return f"{value:.0f}" if value >= 1000.0 else f"{value:#.3g}".rstrip(".")
