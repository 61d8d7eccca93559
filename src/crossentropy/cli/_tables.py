"""What commands print: figures with their units, and a loss report as tables, readable at 80 columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from crossentropy.evaluation._sweep_page import loss_table
from crossentropy.evaluation._text import ABSENT, brief, count, number, percent, printable

if TYPE_CHECKING:
    from crossentropy.evaluation import LossReport
    from crossentropy.evaluation._loss_curve_chart import Curve

MOST_CLASSES = 20  # in the table of classes
_MOST_MATRIX_WIDTH = 76


def nats_and_bits(nats: float | None) -> str:
    """A loss with its units: ``0.6931 nats = 1.000 bits``."""
    if nats is None or not math.isfinite(nats):
        return number(nats) if nats is None else f"{number(nats)} nats"
    return f"{number(nats)} nats = {number(nats / math.log(2.0))} bits"


def figures(title: str, rows: Iterable[tuple[str, str]]) -> Group:
    """Names and values, the values with their units."""
    table = _table("", "")
    table.show_header = False
    for name, value in rows:
        table.add_row(name, Text(printable(value)))
    return _titled(title, table)


def loss_report(report: LossReport, title: str) -> Iterator[Group]:
    """The tables of a report: figures, classes (the worst, where there are many), confusion (where it fits), bins."""
    note = Text("Labels' entropy is what always predicting the class frequencies would cost.", style="dim")
    yield Group(figures(title, _figures(report)), note)
    yield _classes(report)
    if _matrix_width(report) <= _MOST_MATRIX_WIDTH:
        yield _confusion(report)
    yield _reliability(report)


def sweep_table(curve: Curve) -> Group:
    """The losses of every C, and which was chosen."""
    names, rows = loss_table(curve)
    table = _table(numbers=names)
    table.add_column("")
    for i, cells in enumerate(rows):
        table.add_row(*cells, "chosen" if i == curve.chosen else "", style="bold" if i == curve.chosen else "")
    nearness = f"Every model is proven to be within {brief(curve.largest_gap)} of its minimum, relative to it."
    return Group(_titled("Mean cross-entropy of every C", table), Text(nearness, style="dim"))


def _figures(report: LossReport) -> Iterator[tuple[str, str]]:
    yield "rows, classes", f"{report.rows:,}, {len(report.classes):,}"
    yield "labels' entropy", nats_and_bits(report.labels_entropy)
    yield "cross-entropy", nats_and_bits(report.cross_entropy)
    if report.zero_probability_rows:
        first = report.first_zero_probability_row
        zeros = f"{count(report.zero_probability_rows, 'row')}, the first is row {first} (counted from 0)"
        yield "probability 0 on the truth", zeros
        yield "cross-entropy, finite part", nats_and_bits(report.finite_cross_entropy)
    else:
        yield "probability 0 on the truth", "no row"
    yield "its standard error", nats_and_bits(report.cross_entropy_standard_error)
    yield "perplexity", f"{number(report.perplexity)} equally likely classes"
    yield "explained share", f"{percent(report.explained_share)} = 1 - cross-entropy / labels' entropy"
    yield "accuracy", percent(report.accuracy)
    yield "Brier score", f"{number(report.brier_score)} (0 to 2)"


def _classes(report: LossReport) -> Group:
    order = list(range(len(report.classes)))
    title = "Classes"
    if len(order) > MOST_CLASSES:
        order.sort(key=lambda k: report.per_class[k].cross_entropy or 0.0, reverse=True)
        title = f"The {MOST_CLASSES} costliest of {len(order):,} classes"
        order = order[:MOST_CLASSES]
    table = _table("class", numbers=("rows", "cross-entropy, nats", "right"))
    table.add_column("most often taken for")
    for k in order:
        entry, line = report.per_class[k], report.confusion[k]
        wrong = max((taken for taken in range(len(line)) if taken != k), key=lambda taken: line[taken], default=k)
        table.add_row(
            _label(entry.label),
            f"{entry.rows:,}",
            number(entry.cross_entropy),
            percent(line[k] / entry.rows if entry.rows else None),
            _label(f"{report.classes[wrong]} ({line[wrong]:,})" if wrong != k and line[wrong] else ABSENT),
        )
    return _titled(title, table)


def _confusion(report: LossReport) -> Group:
    table = _table("truth", numbers=report.classes)
    for label, line in zip(report.classes, report.confusion, strict=True):
        table.add_row(_label(label), *(f"{rows:,}" if rows else "·" for rows in line))
    return _titled("Confusion: truth in lines, prediction in columns, numbers of rows", table)


def _matrix_width(report: LossReport) -> int:
    widths = [
        max(len(label), *(len(f"{line[k]:,}") for line in report.confusion)) for k, label in enumerate(report.classes)
    ]
    return max(len("truth"), *map(len, report.classes)) + sum(width + 2 for width in widths)


def _reliability(report: LossReport) -> Group:
    table = _table("confidence", numbers=("rows", "mean confidence", "accuracy"))
    for part in report.reliability:
        if part.rows:
            table.add_row(
                f"{part.lower:.3f} to {part.upper:.3f}",
                f"{part.rows:,}",
                percent(part.mean_confidence),
                percent(part.accuracy),
            )
    return _titled("Reliability, by the largest probability", table)


def _label(text: str) -> Text:
    return Text(printable(text))


def _table(*headings: str, numbers: Sequence[str] = ()) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in headings:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(_label(heading), justify="right")
    return table


def _titled(title: str, table: Table) -> Group:
    # Not the table's own title, which is wrapped to the table's width.
    return Group(Text(printable(title), style="bold"), table)
