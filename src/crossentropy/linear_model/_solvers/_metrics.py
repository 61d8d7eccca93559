"""Coordinates in which the objective curves about alike in every direction: from approximations of its Hessian.

A metric is a linear map T: a vector v (K, D + 1) of its coordinates is the step T·v of a point, and a gradient g there
is Tᵀ·g. T·Tᵀ is an approximate inverse of the Hessian. Only differences between classes change a loss: T removes the
mean over classes.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from crossentropy._linear import Features, gram, multiply
from crossentropy.linear_model._objective import SoftmaxObjective

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: What is added to a diagonal of ones: float32 products leave that much uncertain.
_JITTER = 1e-6

#: Bytes that the matrices of all classes take at most.
MOST_BYTES = 1 << 26

#: Rows that all take part in a matrix of a class: fewer take no time to speak of.
_FEW_ROWS = 4096

#: Features up to which one matrix is decomposed; beyond, the features' own sizes must do.
_WIDEST = 4096


class Metric(Protocol):
    """A linear map, and its transpose."""

    def step(self, vector: Floats) -> Floats:
        """T·v."""

    def gradient(self, gradient: Floats) -> Floats:
        """Tᵀ·g."""


def _without_mean(values: Floats) -> Floats:
    centred: Floats = values - values.mean(axis=0)
    return centred


def room_for_classes(objective: SoftmaxObjective) -> Features | None:
    """The features, where they are dense and every class can have a matrix of its own."""
    features, numbers = objective.features, objective.classes * (objective.width + 1) ** 2
    return features if isinstance(features, Features) and 4 * numbers <= MOST_BYTES else None


def first_metric(objective: SoftmaxObjective, start: Floats) -> Metric:
    """That of the Hessian at a point, or where all rows have the same probabilities, the class frequencies."""
    if features := room_for_classes(objective):
        return ClassMetric(objective, features, None if start is objective.first.point else start)
    if isinstance(objective.features, Features) and objective.width <= _WIDEST:
        return SharedMetric(objective, objective.features)
    return DiagonalMetric(objective)


def _frequency_curvature(objective: SoftmaxObjective) -> Floats:
    """C·π(1 − π)·Σ aᵢ (K, 1): a class's block of the Hessian at the start is this times the features' covariance."""
    share = objective.targets.masses[:, None] / objective.weight
    curvature: Floats = objective.C * objective.weight * share * (1.0 - share)
    return curvature


class DiagonalMetric:
    """For each class and feature its own second derivative: features are independent, as far as it knows."""

    def __init__(self, objective: SoftmaxObjective) -> None:
        self._root = np.sqrt(1.0 / (_frequency_curvature(objective) + objective.penalty))

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        return _without_mean(self._root * vector)

    def gradient(self, gradient: Floats) -> Floats:
        """Tᵀ·g."""
        scaled: Floats = self._root * _without_mean(gradient)
        return scaled


class SharedMetric:
    """One decomposition of the features' covariance for all classes, and for each its own curvature and the penalty."""

    def __init__(self, objective: SoftmaxObjective, features: Features) -> None:
        penalty = np.sqrt(objective.penalty[:-1])
        covariance = gram(features, objective.targets.row_weight / objective.weight)
        objective.passes += 1.0
        values, vectors = np.linalg.eigh(covariance / penalty / penalty[:, None])
        curvature = _frequency_curvature(objective)
        self._vectors = vectors / penalty[:, None]
        self._root = np.sqrt(1.0 / np.append(curvature * np.maximum(values, 0.0) + 1.0, curvature, axis=1))

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        scaled = self._root * vector
        scaled[:, :-1] = multiply(scaled[:, :-1], self._vectors)
        return _without_mean(scaled)

    def gradient(self, gradient: Floats) -> Floats:
        """Tᵀ·g."""
        found = _without_mean(gradient)
        found[:, :-1] = multiply(found[:, :-1], self._vectors.T)
        found *= self._root
        return found


class ClassMetric:
    """A matrix for each class: its block of the Hessian at a point, C·Σ aᵢ p(1 − p) xᵢxᵢᵀ + the penalty, factored.

    Where there are many rows the blocks are summed over some: each row by the chance min(1, h/τ) of its weight
    h = a·p(1 − p), and then by the weight max(h, τ); the chances are spread evenly, not drawn. Without a point it is
    that of the start.
    """

    def __init__(self, objective: SoftmaxObjective, features: Features, point: Floats | None) -> None:
        size = objective.width + 1
        self._inverse = np.empty((objective.classes, size, size), np.float32)
        if point is None:
            covariance = _covariance(objective, features)
            for k, curvature in enumerate(_frequency_curvature(objective)):
                self._inverse[k] = _inverse_factor(curvature * covariance, objective.penalty)
            return
        for k, (rows, of_rows) in enumerate(_choose_rows(objective, point)):
            objective.passes += len(rows) / objective.rows
            block = objective.C * _gram(features, rows, of_rows, intercept=objective.fit_intercept)
            self._inverse[k] = _inverse_factor(block, objective.penalty)

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        single = vector.astype(np.float32)[:, :, None]
        return _without_mean(np.matmul(self._inverse.transpose(0, 2, 1), single)[:, :, 0].astype(np.float64))

    def gradient(self, gradient: Floats) -> Floats:
        """Tᵀ·g."""
        single = _without_mean(gradient).astype(np.float32)[:, :, None]
        found: Floats = np.matmul(self._inverse, single)[:, :, 0].astype(np.float64)
        return found


def _thresholds(objective: SoftmaxObjective, total: Floats) -> Floats:
    """τ for weights that add up to so much: as many rows as determine a block, or as a few passes take; 0 takes all."""
    width = objective.width + 1
    most = max(_FEW_ROWS, 8 * width, 64 * objective.rows // width)
    return np.zeros_like(total) if most >= objective.rows else total / most


def _covariance(objective: SoftmaxObjective, features: Features) -> Floats:
    """Σ weight·xxᵀ, of weights that add up to 1, over as many rows as a class's block is summed over."""
    weight = objective.targets.row_weight / objective.weight
    rows, threshold = None, _thresholds(objective, np.ones(1))
    if threshold.any():
        ((rows, weight),) = _spread(weight[:, None], _chances(0, len(weight)), threshold)
    objective.passes += len(weight) / objective.rows
    return _gram(features, rows, weight, intercept=objective.fit_intercept)


def _gram(features: Features, rows: NDArray[np.int64] | None, weight: Floats, *, intercept: bool) -> Floats:
    """Σ weight·xxᵀ of some rows or all; where there is no intercept the feature of ones stands for nothing."""
    found = gram(features, weight, rows, intercept=True)
    if not intercept:
        found[-1], found[:, -1], found[-1, -1] = 0.0, 0.0, 1.0
    return found


def _inverse_factor(block: Floats, penalty: Floats) -> Singles:
    """L⁻¹ of block + penalty = L·Lᵀ, made in float32 after its diagonal is brought to 1."""
    diagonal = np.diagonal(block) + penalty
    size = np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0))
    scaled = np.asfortranarray((block / size / size[:, None]).astype(np.float32))
    jitter = _JITTER
    while True:
        scaled[np.diag_indices_from(scaled)] = 1.0 + jitter
        factor, failed = lapack.spotrf(scaled, lower=True, clean=True)
        if not failed:
            break
        jitter *= 10.0
    inverse, _ = lapack.strtri(factor, lower=True)
    found: Singles = (inverse / size).astype(np.float32)
    return found


def _chances(first: int, end: int) -> Floats:
    """Numbers in [0, 1), one for each row: multiples of the golden ratio, spread evenly over any stretch of rows."""
    chances: Floats = np.modf(np.arange(first + 1, end + 1) * (math.sqrt(5.0) - 1.0) / 2.0)[0]
    return chances


def _spread(weight: Floats, chance: Floats, threshold: Floats) -> list[tuple[NDArray[np.int64], Floats]]:
    """For each column of weights (N, K) the rows that are taken, and what each of these then weighs."""
    taken = weight > chance[:, None] * threshold
    chosen = [np.flatnonzero(column) for column in taken.T]
    return [(rows, np.maximum(weight[rows, k], threshold[k])) for k, rows in enumerate(chosen)]


def _choose_rows(objective: SoftmaxObjective, point: Floats) -> list[tuple[NDArray[np.int64], Floats]]:
    """For each class, which rows its block is summed over, and with what weights."""
    weight = objective.targets.row_weight
    total = np.zeros(objective.classes)
    for block, share in objective.probabilities(point):
        total += weight[block] @ (share * (1.0 - share))
    threshold = _thresholds(objective, total)
    rows: list[list[NDArray[np.int64]]] = [[] for _ in total]
    weights: list[list[Floats]] = [[] for _ in total]
    for block, share in objective.probabilities(point):
        found = weight[block, None] * (share * (1.0 - share))
        for k, (taken, of_taken) in enumerate(_spread(found, _chances(block.start, block.stop), threshold)):
            rows[k].append(taken + block.start)
            weights[k].append(of_taken)
    return [(np.concatenate(r), np.concatenate(w)) for r, w in zip(rows, weights, strict=True)]
