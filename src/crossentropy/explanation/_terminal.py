"""A derivation in the terminal: the steps in words and formulas, then their numbers, one row per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossentropy.explanation._derivation import Derivation, Section, equation, row_labels
from crossentropy.explanation._numbers import written

if TYPE_CHECKING:  # rich is loaded by whoever has a console already, not by importing the package
    from rich.console import Console, RenderableType

_GAP = 2  # between two columns

Column = tuple[str, ...]  # header, then one cell per row


def render_terminal(derivation: Derivation, console: Console) -> None:
    """Print ``derivation`` on a rich ``console``; where the columns of a table do not fit, it becomes several tables.

    >>> from rich.console import Console
    >>> from crossentropy.explanation import explain
    >>> render_terminal(explain(logits=[2.0, -1.0, 0.5], target=0), Console(width=80))  # doctest: +ELLIPSIS
    Softmax cross-entropy: 3 classes, target class 0
    Loss: 0.241311 nats
    ...
    """
    from rich.text import Text

    console.print(Text(derivation.title, style="bold"))
    console.print(Text(f"Loss: {written(derivation.loss)} {derivation.unit}"))
    number = 1
    for section in derivation.sections:
        console.print()
        console.print(Text(section.title, style="bold cyan"))
        if section.note:
            console.print(Text(section.note, style="dim"))
        console.print(_explanations(section, number))
        for table in _tables(row_labels(derivation, section), _columns(section, number), console.width):
            console.print()
            console.print(table)
        number += len(section.steps)


def _explanations(section: Section, number: int) -> RenderableType:
    """One entry per step: its number, name and equation, and its note below."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, _GAP))
    grid.add_column(justify="right", style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column()
    for offset, step in enumerate(section.steps):
        text = Text(equation(step))
        if step.note:
            text.append(f"\n{step.note}", style="dim")
        grid.add_row(str(number + offset), Text(step.name), text)
    return grid


def _columns(section: Section, number: int) -> list[Column]:
    """The steps with one number per label, each under its own number and symbol."""
    return [
        (f"{number + offset}\n{step.symbol}", *(written(value) for value in step.value))
        for offset, step in enumerate(section.steps)
        if isinstance(step.value, tuple)
    ]


def _tables(labels: Column, columns: list[Column], width: int) -> list[RenderableType]:
    """The columns in as few tables, of as equal a size, as fit ``width``."""
    free = width - _width(labels)
    for count in range(1, len(columns) + 1):
        size = -(-len(columns) // count)
        parts = [columns[start : start + size] for start in range(0, len(columns), size)]
        if size == 1 or all(sum(_GAP + _width(column) for column in part) <= free for part in parts):
            break
    return [_table(labels, part) for part in parts]


def _width(column: Column) -> int:
    return max(len(line) for cell in column for line in cell.split("\n"))


def _table(labels: Column, columns: list[Column]) -> RenderableType:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
    for header, *_ in (labels, *columns):
        table.add_column(Text(header), justify="right", no_wrap=True)
    for cells in zip(*(column[1:] for column in (labels, *columns)), strict=True):
        table.add_row(*(Text(cell) for cell in cells))
    return table
