"""Problems handed to the readable reference: dense float64 arrays, checked and computed the plain way."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._conventions import sum_tolerance
from crossentropy._problems import (
    Array,
    Doubles,
    ElementProblem,
    Fault,
    Finding,
    IndexTargets,
    ListedTargets,
    Order,
    RowProblem,
    SoftTargets,
)
from crossentropy.reference import losses as reference

_row, _row_and_column = attrgetter("row"), attrgetter("row", "column")


def _first(fault: Fault, wrong: NDArray[np.bool_], columns: int) -> Finding | None:
    """The finding of the first True, of an array of rows (columns = 1) or of elements."""
    flat = wrong.reshape(-1)
    if not flat.any():
        return None
    where = int(np.argmax(flat))
    return Finding(fault, where // columns, where % columns, np.nan)


def _earliest(*findings: Finding | None, by: Callable[[Finding], Any]) -> Finding | None:
    """The finding of the earliest place; of two at one place, the first."""
    return min((finding for finding in findings if finding is not None), key=by, default=None)


def _left_over(values: Doubles) -> Doubles:
    """1 - Σ values of each row (..., 1), free of the cancellation: the sum is exact until it is rounded, once."""
    rows = values.reshape(-1, values.shape[-1])
    return np.array([math.fsum((1.0, *-row)) for row in rows]).reshape(*values.shape[:-1], 1)


class _ReferenceEngine:
    """What both kinds share: the five functions of a loss, over the rows or elements that are kept."""

    family: str
    predictions: Doubles
    targets: Doubles
    options: dict[str, Any]
    sample_weight: Doubles  # broadcastable to the losses; 0 where dropped

    def _call(self, suffix: str, *more: Doubles) -> Doubles:
        function = getattr(reference, self.family + suffix)
        result: Doubles = function(self.predictions, self.targets, *more, **self.options)
        return result

    def _weighted(self, values: Doubles, weight: Doubles) -> Doubles:
        return np.where(weight == 0.0, 0.0, weight * values)

    def total_weight(self) -> float:
        return float(self._weighted(self._call("_weight"), self.sample_weight).sum())

    def run(
        self, order: Order, divisor: float, losses: Array | None, derivative: Array | None, direction: Array | None
    ) -> tuple[float, Finding | None]:
        with np.errstate(all="ignore"):
            values = self._weighted(self._call(""), self.sample_weight)
            if losses is not None:
                losses[...] = values
            if derivative is not None:
                more = () if direction is None else (direction.astype(np.float64),)
                suffix = {Order.GRADIENT: "_gradient", Order.HVP: "_hvp", Order.HESSIAN_DIAGONAL: "_hessian_diagonal"}
                slopes = self._call(suffix[order], *more)
                weight = self.sample_weight
                if slopes.ndim > weight.ndim:
                    weight = weight[..., np.newaxis]
                derivative[...] = self._weighted(slopes, weight / divisor)
            return float(values.sum()), None


class ReferenceRows(_ReferenceEngine):
    """Losses of rows by the reference."""

    def __init__(self, problem: RowProblem) -> None:
        self.family = problem.family
        self.predictions = problem.predictions.astype(np.float64)
        weight = np.ones(problem.loss_shape) if problem.sample_weight is None else problem.sample_weight
        kept = np.ones(problem.loss_shape, dtype=bool)
        if isinstance(problem.targets, IndexTargets) and problem.targets.ignore is not None:
            kept = np.asarray(problem.targets.labels != problem.targets.ignore)
        self.sample_weight = np.where(kept, weight, 0.0)
        self.kept = self.sample_weight != 0.0
        self.options = {"class_weight": problem.class_weight, "label_smoothing": problem.label_smoothing}
        if problem.family.startswith("softmax"):
            self.options |= {
                "class_mask": problem.class_mask,
                "temperature": problem.temperature,
                "softcap": problem.softcap,
                "z_loss": problem.z_loss,
            }
        if problem.family == "softmax_cross_entropy":
            self.options["focal_gamma"] = problem.focal_gamma
        self.problem = problem

    def weigh(self) -> tuple[float, Finding | None]:
        finding = _earliest(self._check_targets(), self._check_predictions(), by=_row)
        if finding is not None:
            return 0.0, finding
        self.targets = self._dense_targets()
        return self.total_weight(), None

    def _check_targets(self) -> Finding | None:
        targets, classes = self.problem.targets, self.predictions.shape[-1]
        if isinstance(targets, IndexTargets):
            outside = (targets.labels < 0) | (targets.labels >= classes)
            return _first(Fault.LABEL_OUT_OF_RANGE, self.kept & outside, 1)
        if isinstance(targets, SoftTargets):
            values = targets.values.astype(np.float64)
            off = np.abs(values.sum(axis=-1) - 1.0) > sum_tolerance(targets.values.dtype)
            return _first(Fault.TARGET_NOT_DISTRIBUTION, self.kept & (off | ~(values >= 0.0).all(axis=-1)), 1)
        return self._check_listed(targets, classes)

    def _check_listed(self, targets: ListedTargets, classes: int) -> Finding | None:
        values, tolerance = targets.probabilities.astype(np.float64), sum_tolerance(targets.probabilities.dtype)
        listed, mass = values.shape[-1], values.sum(axis=-1)
        whole = targets.tail == "uniform" and listed >= classes
        off = np.abs(mass - 1.0) > tolerance if whole else mass > 1.0 + tolerance
        wrong = _first(Fault.SPARSE_NOT_DISTRIBUTION, self.kept & (off | ~(values >= 0.0).all(axis=-1)), 1)
        outside = (targets.indices < 0) | (targets.indices >= classes)
        earlier = np.tril(np.ones((listed, listed), dtype=bool), -1)
        again = ((targets.indices[..., :, None] == targets.indices[..., None, :]) & earlier).any(axis=-1)
        kept = self.kept[..., np.newaxis]
        return _earliest(
            wrong,
            _first(Fault.SPARSE_OUT_OF_RANGE, kept & outside, listed),
            _first(Fault.SPARSE_REPEATED, kept & again, listed),
            by=_row,
        )

    def _check_predictions(self) -> Finding | None:
        if self.family.startswith("softmax"):
            return None
        p = self.predictions
        with np.errstate(over="ignore"):
            mass = (np.exp(p) if self.family == "negative_log_likelihood" else p).sum(axis=-1)
        wrong = ~(np.abs(mass - 1.0) <= sum_tolerance(self.problem.predictions.dtype))
        if self.family == "categorical_cross_entropy":
            wrong |= ~(p >= 0.0).all(axis=-1)
        return _first(Fault.PREDICTION_NOT_DISTRIBUTION, self.kept & wrong, 1)

    def _dense_targets(self) -> Doubles:
        targets, shape = self.problem.targets, self.predictions.shape
        if isinstance(targets, SoftTargets):
            # what a dropped row holds is never looked at
            return np.where(self.kept[..., np.newaxis], targets.values.astype(np.float64), 0.0)
        dense = np.zeros(shape)
        if isinstance(targets, IndexTargets):
            labels = np.where(self.kept, targets.labels, 0).astype(np.int64)
            np.put_along_axis(dense, labels[..., np.newaxis], 1.0, axis=-1)
            return dense
        values = np.where(self.kept[..., np.newaxis], targets.probabilities.astype(np.float64), 0.0)
        rest = shape[-1] - values.shape[-1]
        if targets.tail == "uniform" and rest:
            dense += np.maximum(_left_over(values), 0.0) / rest
        indices = np.where(self.kept[..., np.newaxis], targets.indices, np.arange(values.shape[-1])).astype(np.int64)
        np.put_along_axis(dense, indices, values, axis=-1)
        return dense


class ReferenceElements(_ReferenceEngine):
    """Losses of elements by the reference."""

    def __init__(self, problem: ElementProblem) -> None:
        self.family = problem.family
        self.predictions = problem.predictions.astype(np.float64)
        self.targets = problem.targets.astype(np.float64)
        weight = np.ones(()) if problem.sample_weight is None else problem.sample_weight.astype(np.float64)
        if weight.ndim and weight.ndim < self.predictions.ndim and not problem.per_row:
            weight = weight[..., np.newaxis]
        self.sample_weight = np.broadcast_to(weight, problem.loss_shape)
        self.options = {}
        if problem.family in ("sigmoid_cross_entropy", "binary_cross_entropy"):
            self.options |= {"pos_weight": problem.pos_weight, "label_smoothing": problem.label_smoothing}
        if problem.family == "sigmoid_cross_entropy":
            self.options["focal_gamma"] = problem.focal_gamma
        if problem.family not in ("soft_margin", "mean_squared_error"):
            self.options["class_weight"] = problem.class_weight

    def weigh(self) -> tuple[float, Finding | None]:
        columns = self.predictions.shape[-1] if self.predictions.ndim else 1
        targets, predictions = self.targets, self.predictions
        finding = None
        if self.family == "soft_margin":
            finding = _first(Fault.TARGET_NOT_SIGN, np.abs(targets) != 1.0, max(columns, 1))
        elif self.family != "mean_squared_error":
            finding = _first(Fault.TARGET_OUT_OF_RANGE, ~((targets >= 0.0) & (targets <= 1.0)), max(columns, 1))
        if self.family == "binary_cross_entropy":
            wrong = ~((predictions >= 0.0) & (predictions <= 1.0))
            finding = _earliest(
                finding, _first(Fault.PREDICTION_OUT_OF_RANGE, wrong, max(columns, 1)), by=_row_and_column
            )
        if finding is not None:
            source = predictions if finding.fault is Fault.PREDICTION_OUT_OF_RANGE else targets
            value = float(source.reshape(-1)[finding.row * columns + finding.column])
            return 0.0, Finding(finding.fault, finding.row, finding.column, value)
        return self.total_weight(), None
