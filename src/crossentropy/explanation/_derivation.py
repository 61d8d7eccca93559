"""A derivation as data: the steps that lead from one row of predictions to its loss and gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from crossentropy.explanation._numbers import written

Kind = Literal["softmax", "sigmoid"]
Start = Literal["logits", "probabilities"]


@dataclass(frozen=True)
class Step:
    """One line of a derivation: ``symbol = formula``, a number for the row or one per label of its section."""

    name: str
    symbol: str
    formula: str  # empty for what was given
    value: float | tuple[float, ...]
    unit: str = ""
    note: str = ""


@dataclass(frozen=True)
class Section:
    """Steps whose values share their labels: one per class, per label, or per row of a comparison."""

    title: str
    label_name: str
    labels: tuple[str, ...]
    steps: tuple[Step, ...]
    note: str = ""


@dataclass(frozen=True)
class Derivation:
    """The steps from predictions to loss and gradient, and the same for the squared error.

    ``loss`` is in ``unit`` and ``gradient`` in ``unit`` per logit; ``squared_error`` has no unit. Both gradients are
    with respect to the logits, also where the derivation starts at probabilities. Where K labels are explained together
    (``kind="sigmoid"``), loss and gradients are those of the mean over the K labels.
    """

    title: str
    kind: Kind
    start: Start
    unit: str
    base: float | None
    target: tuple[float, ...]
    loss: float
    gradient: tuple[float, ...]
    squared_error: float
    squared_error_gradient: tuple[float, ...]
    sections: tuple[Section, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in order, whatever their section."""
        return tuple(step for section in self.sections for step in section.steps)

    def to_dict(self) -> dict[str, Any]:
        """The same as dicts, lists, strings and numbers that JSON can carry.

        JSON has no word for them, so an infinite or undefined number becomes one of the strings "inf", "-inf", "nan",
        each of which ``float`` reads back.
        """
        plain: dict[str, Any] = _plain(self)
        return plain


def row_labels(derivation: Derivation, section: Section) -> tuple[str, ...]:
    """The first column of a section's table: its header, then the labels, the true class of a hard target marked."""
    marked = section.label_name == "class" and max(derivation.target) == 1.0
    marks = ["▸ " if marked and value == 1.0 else "" for value in derivation.target]
    if len(marks) != len(section.labels):
        marks = [""] * len(section.labels)
    return (section.label_name, *(mark + label for mark, label in zip(marks, section.labels, strict=True)))


def equation(step: Step) -> str:
    """``symbol = formula = value unit``, without what is not there; values per label are left to the table."""
    if isinstance(step.value, float):
        parts, unit = (step.symbol, step.formula, written(step.value)), step.unit
    else:
        parts, unit = (step.symbol, step.formula, ""), step.unit and f"({step.unit})"
    return " = ".join(part for part in parts if part) + (f" {unit}" if unit else "")


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
