"""A validated call as data: what both implementations receive, and what they report as wrong."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from crossentropy._conventions import Reduction, sum_tolerance
from crossentropy._validation import axis_last, not_a_distribution, sentence

Array = NDArray[Any]
Doubles = NDArray[np.float64]


class Fault(IntEnum):
    """The first thing wrong with the input, in row order (the order is that of cpp/core/problem.hpp)."""

    NONE = 0
    LABEL_OUT_OF_RANGE = 1
    TARGET_NOT_DISTRIBUTION = 2
    SPARSE_OUT_OF_RANGE = 3
    SPARSE_REPEATED = 4
    SPARSE_NOT_DISTRIBUTION = 5
    PREDICTION_NOT_DISTRIBUTION = 6
    TARGET_OUT_OF_RANGE = 7
    TARGET_NOT_SIGN = 8
    PREDICTION_OUT_OF_RANGE = 9


class Order(IntEnum):
    """What is computed beside the value."""

    VALUE = 0
    GRADIENT = 1
    HVP = 2
    HESSIAN_DIAGONAL = 3


class Finding(NamedTuple):
    """A fault and its place: the flat row, the column, the number found there."""

    fault: Fault
    row: int
    column: int
    value: float


class Reducing(NamedTuple):
    """How row losses become the value."""

    kind: Reduction = "mean"
    normalizer: float | None = None
    return_weight: bool = False
    empty: float | None = None


class IndexTargets(NamedTuple):
    """One class per row; ``ignore`` marks rows to drop."""

    labels: Array
    ignore: int | None = None


class SoftTargets(NamedTuple):
    """A distribution per row, class axis last."""

    values: Array


class ListedTargets(NamedTuple):
    """The validated form of SparseTargets, class axis last."""

    indices: Array
    probabilities: Array
    tail: Literal["uniform", "absent"]


class RowProblem(NamedTuple):
    """Losses of rows of classes. Arrays have the class axis last; ``shape`` and ``axis`` are the caller's."""

    family: str
    names: tuple[str, str]
    predictions: Array
    axis: int
    targets: IndexTargets | SoftTargets | ListedTargets
    reducing: Reducing
    class_weight: Doubles | None = None
    sample_weight: Doubles | None = None
    class_mask: NDArray[np.bool_] | None = None
    label_smoothing: float = 0.0
    temperature: float = 1.0
    softcap: float | None = None
    z_loss: float = 0.0
    focal_gamma: float = 0.0

    @property
    def loss_shape(self) -> tuple[int, ...]:
        return self.predictions.shape[:-1]

    def inside(self, array: Array) -> Array:
        """An array of the caller's layout as a view with the class axis last."""
        return axis_last(array, self.axis)

    def outside(self, array: Array) -> Array:
        """An array with the class axis last as a view in the caller's layout."""
        return array if self.axis == array.ndim - 1 else np.moveaxis(array, -1, self.axis)

    @property
    def read(self) -> tuple[Any, ...]:
        """What is still read while results are written, beside the predictions."""
        return (*self.targets, self.class_weight, self.sample_weight, self.class_mask)


class ElementProblem(NamedTuple):
    """Losses of single elements; ``per_row`` of rows of elements (multi-label soft margin), class axis last."""

    family: str
    names: tuple[str, str]
    predictions: Array
    targets: Array
    reducing: Reducing
    axis: int = -1
    per_row: bool = False
    class_weight: Doubles | None = None
    pos_weight: Doubles | None = None
    sample_weight: Array | None = None  # of the predictions' shape, any float dtype; or float64, of its rows
    label_smoothing: float = 0.0
    focal_gamma: float = 0.0

    @property
    def loss_shape(self) -> tuple[int, ...]:
        return self.predictions.shape[:-1] if self.per_row else self.predictions.shape

    def inside(self, array: Array) -> Array:
        """An array of the caller's layout as a view with the class axis last."""
        return np.moveaxis(array, self.axis, -1) if array.ndim else array

    def outside(self, array: Array) -> Array:
        """An array with the class axis last as a view in the caller's layout."""
        return np.moveaxis(array, -1, self.axis) if array.ndim else array

    @property
    def read(self) -> tuple[Any, ...]:
        """What is still read while results are written, beside the predictions."""
        return (self.targets, self.class_weight, self.pos_weight, self.sample_weight)


Problem = RowProblem | ElementProblem


class Engine(Protocol):
    """One implementation of one problem."""

    def weigh(self) -> tuple[float, Finding | None]:
        """The sum of row weights, and the first thing wrong with the input as far as it had to be read."""

    def run(
        self, order: Order, divisor: float, losses: Array | None, derivative: Array | None, direction: Array | None
    ) -> tuple[float, Finding | None]:
        """The sum of the losses; fills the arrays given, the derivative divided by ``divisor``.

        And the first thing wrong with what ``weigh`` did not read: then nothing else counts, and no input has changed.
        """


#: What to do about a soft target that is no distribution.
SOFT_REMEDY = "divide the row by its sum, or list part of its mass with SparseTargets(…, tail=…)"


def error_of(problem: Problem, finding: Finding) -> Exception:
    """The exception for a finding: names the row, what stands there, and what to do."""
    predictions, targets = problem.names
    classes = problem.predictions.shape[-1] if problem.predictions.ndim else 1
    where = _row_index(problem, finding)
    place = "" if where == () else f" in row {where[0] if len(where) == 1 else where}"
    if finding.fault is Fault.LABEL_OUT_OF_RANGE:
        value = int(np.asarray(problem.targets.labels)[where])  # type: ignore[union-attr]
        return IndexError(
            sentence(
                targets,
                expected=f"class indices in [0, {classes})",
                received=f"{value}{place}",
                remedy=f"correct the label, or drop such rows with ignore_index={value}",
            )
        )
    if finding.fault is Fault.TARGET_NOT_DISTRIBUTION:
        row = problem.targets.values[where]  # type: ignore[union-attr]
        return not_a_distribution(targets, row, where, SOFT_REMEDY)
    if finding.fault in (Fault.SPARSE_OUT_OF_RANGE, Fault.SPARSE_REPEATED):
        found = int(problem.targets.indices[(*where, finding.column)])  # type: ignore[union-attr]
        repeated = finding.fault is Fault.SPARSE_REPEATED
        return (ValueError if repeated else IndexError)(
            sentence(
                f"{targets}.indices",
                expected="each class once in a row" if repeated else f"class indices in [0, {classes})",
                received=f"{found}{' again' if repeated else ''}{place}",
                remedy="add up its probabilities and list it once" if repeated else "correct the index",
            )
        )
    if finding.fault is Fault.SPARSE_NOT_DISTRIBUTION:
        row = problem.targets.probabilities[where]  # type: ignore[union-attr]
        return not_a_distribution(
            f"{targets}.probabilities", row, where, "divide the row by its sum", at_most=row.shape[-1] < classes
        )
    if finding.fault is Fault.PREDICTION_NOT_DISTRIBUTION:
        return _prediction_error(problem, predictions, where)
    whole = np.asarray(problem.targets if finding.fault is not Fault.PREDICTION_OUT_OF_RANGE else problem.predictions)
    integer = whole.dtype.kind in "iub" and finding.fault is Fault.TARGET_OUT_OF_RANGE
    expected = {
        Fault.TARGET_OUT_OF_RANGE: "class indices in [0, 2)" if integer else "targets in [0, 1]",
        Fault.TARGET_NOT_SIGN: "signs -1 or +1",
        Fault.PREDICTION_OUT_OF_RANGE: "probabilities in [0, 1]",
    }[finding.fault]
    remedy = {
        Fault.TARGET_OUT_OF_RANGE: "pass 1 for the positive class and 0 for the other",
        Fault.TARGET_NOT_SIGN: "map labels y in {0, 1} to 2*y - 1",
        Fault.PREDICTION_OUT_OF_RANGE: "correct it, or pass logits to sigmoid_cross_entropy",
    }[finding.fault]
    name = predictions if finding.fault is Fault.PREDICTION_OUT_OF_RANGE else targets
    return (IndexError if integer else ValueError)(
        sentence(name, expected=expected, received=f"{finding.value:g}{place}", remedy=remedy)
    )


def _row_index(problem: Problem, finding: Finding) -> tuple[int, ...]:
    shape = problem.predictions.shape
    if isinstance(problem, RowProblem):
        return tuple(int(i) for i in np.unravel_index(finding.row, shape[:-1])) if len(shape) > 1 else ()
    flat = finding.row * (shape[-1] if shape else 1) + finding.column
    return tuple(int(i) for i in np.unravel_index(flat, shape)) if shape else ()


def _prediction_error(problem: Problem, name: str, where: tuple[int, ...]) -> ValueError:
    row = problem.predictions[where]
    if problem.family == "categorical_cross_entropy":
        return not_a_distribution(
            name, row, where, "divide the row by its sum, or pass logits to softmax_cross_entropy"
        )
    values = row.astype(np.float64)
    place = name if not where else f"{name}, row {where[0] if len(where) == 1 else where}"
    with np.errstate(over="ignore"):
        mass = float(np.exp(values).sum())
    return ValueError(
        sentence(
            place,
            expected=f"log-probabilities whose exponentials sum to 1 (within {sum_tolerance(row.dtype):.2g})",
            received=f"a sum of {mass:.9g}",
            remedy="take log_softmax of logits first, or pass logits to softmax_cross_entropy",
        )
    )
