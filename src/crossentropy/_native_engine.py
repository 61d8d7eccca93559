"""Problems handed to the compiled core."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from crossentropy._conventions import EPSILON, sum_tolerance
from crossentropy._native import Coded, coded, coded_output, core
from crossentropy._problems import (
    Array,
    ElementProblem,
    Fault,
    Finding,
    IndexTargets,
    Order,
    RowProblem,
    SoftTargets,
)

# The orders are those of RowFamily and ElementFamily in cpp/core/problem.hpp.
_ROW_FAMILIES = (
    "softmax_cross_entropy",
    "softmax_kl_divergence",
    "categorical_cross_entropy",
    "negative_log_likelihood",
)
_ELEMENT_FAMILIES = (
    "sigmoid_cross_entropy",
    "binary_cross_entropy",
    "soft_margin",
    "multilabel_soft_margin",
    "mean_squared_error",
)


def plain_calls(family: str) -> core.Plain:
    """A loss's plain calls in one step: two NumPy arrays, no options but ``_loss.PLAIN``; None for whatever else."""
    families = _ROW_FAMILIES if family in _ROW_FAMILIES else _ELEMENT_FAMILIES
    return core.Plain(families is _ROW_FAMILIES, families.index(family), [math.sqrt(e) for e in EPSILON.values()])


def _outcome(found: tuple[float, int, int, int, float]) -> tuple[float, Finding | None]:
    total, fault, row, column, value = found
    return total, Finding(Fault(fault), row, column, value) if fault else None


class _NativeEngine:
    _held: core.Rows | core.Elements

    def weigh(self) -> tuple[float, Finding | None]:
        return _outcome(self._held.weigh())

    def run(
        self, order: Order, divisor: float, losses: Array | None, derivative: Array | None, direction: Array | None
    ) -> tuple[float, Finding | None]:
        return _outcome(
            self._held.run(int(order), divisor, coded_output(losses), coded_output(derivative), coded(direction))
        )

    def run_linear(self, *arguments: Any) -> tuple[float, Finding | None]:
        """The losses' sum of a linear model of dense features."""
        return _outcome(self._held.run_linear(*arguments))

    def run_sparse(self, *arguments: Any) -> tuple[float, Finding | None]:
        """The losses' sum of a linear model of sparse features."""
        return _outcome(self._held.run_sparse(*arguments))


class NativeRows(_NativeEngine):
    """Losses of rows on the native core."""

    def __init__(self, problem: RowProblem) -> None:
        targets = problem.targets
        probabilities: Coded | None = None
        tolerance, uniform_tail, ignore = 0.0, False, None
        if isinstance(targets, IndexTargets):
            kind, given, ignore = 0, targets.labels, targets.ignore
        elif isinstance(targets, SoftTargets):
            kind, given, tolerance = 1, targets.values, sum_tolerance(targets.values.dtype)
        else:
            kind, given, probabilities = 2, targets.indices, coded(targets.probabilities)
            tolerance, uniform_tail = sum_tolerance(targets.probabilities.dtype), targets.tail == "uniform"
        mask = problem.class_mask
        self._held = core.Rows(
            _ROW_FAMILIES.index(problem.family),
            coded(problem.predictions),
            sum_tolerance(problem.predictions.dtype),
            kind,
            coded(given),
            probabilities,
            tolerance,
            uniform_tail,
            ignore,
            problem.class_weight,
            None if problem.sample_weight is None else problem.sample_weight.reshape(-1),
            None if mask is None else coded(mask.view(np.uint8)),
            problem.label_smoothing,
            problem.temperature,
            problem.softcap or 0.0,
            problem.z_loss,
            problem.focal_gamma,
        )


class NativeElements(_NativeEngine):
    """Losses of elements on the native core."""

    def __init__(self, problem: ElementProblem) -> None:
        self._problem = problem
        weight = problem.sample_weight
        self._weight_per_row = weight is not None and weight.shape != problem.predictions.shape
        # without weights of columns or rows, arrays that lie end to end are one long row
        columns = (
            problem.per_row
            or self._weight_per_row
            or problem.class_weight is not None
            or problem.pos_weight is not None
        )
        self._hold(flat=not columns and _end_to_end(problem.predictions, problem.targets, weight))

    def _hold(self, *, flat: bool) -> None:
        self._flat, problem, per_row = flat, self._problem, self._weight_per_row
        weight = problem.sample_weight
        self._held = core.Elements(
            _ELEMENT_FAMILIES.index(problem.family),
            coded(self._arranged(problem.predictions)),
            coded(self._arranged(problem.targets)),
            problem.class_weight,
            problem.pos_weight,
            weight.reshape(-1) if weight is not None and per_row else None,
            None if per_row else coded(self._arranged(weight)),
            problem.label_smoothing,
            problem.focal_gamma,
        )

    def run(
        self, order: Order, divisor: float, losses: Array | None, derivative: Array | None, direction: Array | None
    ) -> tuple[float, Finding | None]:
        if self._flat and not _end_to_end(losses, derivative, direction):
            self._hold(flat=False)
        arranged = self._arranged
        return super().run(order, divisor, arranged(losses), arranged(derivative), arranged(direction))

    def _arranged(self, array: Array | None) -> Array | None:
        return array.reshape(1, -1) if array is not None and (self._flat or array.ndim == 0) else array


def _end_to_end(*arrays: Array | None) -> bool:
    return all(array is None or array.flags.c_contiguous for array in arrays)
