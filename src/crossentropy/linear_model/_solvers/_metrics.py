"""Coordinates in which the objective curves about alike in every direction: from approximations of its Hessian.

A metric is a linear map T: a vector v (K, D + 1) of its coordinates is the step T·v of a point, and a gradient g there
is Tᵀ·g. T·Tᵀ is an approximate inverse of the Hessian. Only differences between classes change a softmax: there T
removes the mean over classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from crossentropy._linear import Features, gram, multiply
from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._rows import Block

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: What is added to a diagonal of ones: float32 products leave that much uncertain.
_JITTER = 1e-6

#: Bytes that the matrices of all classes take at most.
MOST_BYTES = 1 << 26

#: Rows that all take part in a matrix of a class: fewer take no time to speak of.
_FEW_ROWS = 4096

#: As many rows for each feature tell a block to a few hundredths.
_ROWS_PER_FEATURE = 1024

#: Rows that are chosen for all classes together at most, but for what a class cannot do without: 16 bytes each.
_MOST_CHOSEN = 1 << 22

#: Features up to which one matrix is decomposed; beyond, the features' own sizes must do.
_WIDEST = 4096


class Metric(Protocol):
    """A linear map, and its transpose."""

    def step(self, vector: Floats) -> Floats:
        """T·v."""

    def gradient(self, gradient: Floats) -> Floats:
        """Tᵀ·g."""


def has_room_for_classes(objective: LinearObjective) -> bool:
    """Whether features are dense and every class can have a matrix of its own."""
    return objective.rows.is_dense and 4 * objective.classes * (objective.width + 1) ** 2 <= MOST_BYTES


def first_metric(objective: LinearObjective, start: Floats) -> Metric:
    """That of the Hessian at a point, or where all rows have the same probabilities, the class frequencies."""
    if has_room_for_classes(objective):
        return ClassMetric(objective, None if start is objective.first.point else start)
    if objective.rows.is_dense and objective.width <= _WIDEST:
        return SharedMetric(objective)
    return DiagonalMetric(objective)


class DiagonalMetric:
    """For each class and feature its own second derivative: features are independent, as far as it knows."""

    def __init__(self, objective: LinearObjective) -> None:
        self._without_offset = objective.without_offset
        self._root = np.sqrt(1.0 / (objective.C * objective.first_curvature() + objective.penalty))

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        return self._without_offset(self._root * vector)

    def gradient(self, gradient: Floats) -> Floats:
        """Tᵀ·g."""
        scaled: Floats = self._root * self._without_offset(gradient)
        return scaled


class SharedMetric:
    """One decomposition of the features' covariance for all classes, and for each its own curvature and the penalty."""

    def __init__(self, objective: LinearObjective) -> None:
        self._without_offset = objective.without_offset
        penalty = np.sqrt(np.where(objective.penalty > 0.0, objective.penalty, 1.0)[:-1])
        covariance = np.zeros((objective.width, objective.width))
        for block in objective.rows:
            covariance += gram(_dense(block), block.targets.row_weight / objective.rows.weight)
        objective.passes += 1.0
        values, vectors = np.linalg.eigh(covariance / penalty / penalty[:, None])
        curvature = objective.C * objective.first_curvature()
        self._vectors = vectors / penalty[:, None]
        # without a penalty, what float32 leaves uncertain of directions in which the features do not vary
        least = 1.0 if objective.is_penalised else _JITTER * curvature * values[-1]
        self._root = np.sqrt(1.0 / np.append(curvature * np.maximum(values, 0.0) + least, curvature, axis=1))

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        scaled = self._root * vector
        scaled[:, :-1] = multiply(scaled[:, :-1], self._vectors)
        return self._without_offset(scaled)

    def gradient(self, gradient: Floats) -> Floats:
        """Tᵀ·g."""
        found = self._without_offset(gradient).copy()
        found[:, :-1] = multiply(found[:, :-1], self._vectors.T)
        found *= self._root
        return found


class ClassMetric:
    """A matrix for each class: its block of the Hessian at a point, C·Σ h xᵢxᵢᵀ + the penalty, factored.

    h is the row's second derivative with respect to the class's logit, a·p(1 − p). Where there are many rows the blocks
    are summed over some: each row by the chance min(1, h/τ), and then by the weight max(h, τ); the chances are spread
    evenly, not drawn. Without a point it is that of the start.
    """

    def __init__(self, objective: LinearObjective, point: Floats | None) -> None:
        self._without_offset = objective.without_offset
        # the blocks at first, their factors then
        self._inverse = class_blocks(objective, point)
        for found in self._inverse:
            found[...] = _inverse_factor(found, objective.penalty)

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        single = vector.astype(np.float32)[:, :, None]
        return self._without_offset(np.matmul(self._inverse.transpose(0, 2, 1), single)[:, :, 0].astype(np.float64))

    def gradient(self, gradient: Floats) -> Floats:
        """Tᵀ·g."""
        single = self._without_offset(gradient).astype(np.float32)[:, :, None]
        found: Floats = np.matmul(self._inverse, single)[:, :, 0].astype(np.float64)
        return found


def class_blocks(objective: LinearObjective, point: Floats | None) -> Singles:
    """C·Σ h xᵢxᵢᵀ of each class (K, D + 1, D + 1) at a point, or at the start, without the penalty."""
    size = objective.width + 1
    blocks = np.zeros((objective.classes, size, size), np.float32)
    if point is None:
        covariance = _covariance(objective)
        for k, curvature in enumerate(objective.C * objective.first_curvature()):
            blocks[k] = curvature * covariance
        return blocks
    for block, k, rows, weight in _choose_rows(objective, point):
        blocks[k] += objective.C * _gram(block, rows, weight, objective.fit_intercept)
        objective.passes += len(rows) / objective.rows.shape[0]
    return blocks


def _dense(block: Block) -> Features:
    features = block.features
    if not isinstance(features, Features):
        raise TypeError("a matrix of sparse features is never made")
    return features


def _thresholds(objective: LinearObjective, total: Floats) -> Floats:
    """τ for weights that add up to so much: as many rows as determine a block, in a pass's time and little memory."""
    rows, width = objective.rows.shape[0], objective.width + 1
    most = max(_FEW_ROWS, min(_ROWS_PER_FEATURE * width, 64 * rows // width))
    most = max(8 * width, min(most, _MOST_CHOSEN // objective.classes))
    return np.zeros_like(total) if most >= rows else total / most


def _covariance(objective: LinearObjective) -> Floats:
    """Σ weight·xxᵀ, of weights that add up to 1, over as many rows as a class's block is summed over."""
    threshold = _thresholds(objective, np.ones(1))
    size = objective.width + 1
    covariance, first = np.zeros((size, size)), 0
    for block in objective.rows:
        weight, rows = block.targets.row_weight / objective.rows.weight, None
        end = first + len(weight)
        if threshold.any():
            ((rows, weight),) = _spread(weight[:, None], _chances(first, end), threshold)
        covariance += _gram(block, rows, weight, objective.fit_intercept)
        objective.passes += len(weight) / objective.rows.shape[0]
        first = end
    return covariance


def _gram(block: Block, rows: NDArray[np.int64] | None, weight: Floats, intercept: bool) -> Floats:
    """Σ weight·xxᵀ of some rows or all; where there is no intercept the feature of ones stands for nothing."""
    found = gram(_dense(block), weight, rows, intercept=True)
    if not intercept:
        found[-1], found[:, -1] = 0.0, 0.0
    return found


def _inverse_factor(block: Singles, penalty: Floats) -> Singles:
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


def _choose_rows(objective: LinearObjective, point: Floats) -> Iterator[tuple[Block, int, NDArray[np.int64], Floats]]:
    """For each block and class, which rows the class's block is summed over, and with what weights."""
    total = np.zeros(objective.classes)
    for _, _, curvature in objective.curvatures(point):
        total += curvature.sum(axis=0)
    threshold, before = _thresholds(objective, total), 0
    of_block: list[list[tuple[NDArray[np.int64], Floats]]] = [[] for _ in total]
    for block, rows, curvature in objective.curvatures(point):
        chances = _chances(before + rows.start, before + rows.stop)
        for k, (taken, weight) in enumerate(_spread(curvature, chances, threshold)):
            of_block[k].append((taken + rows.start, weight))
        if rows.stop < block.features.shape[0]:
            continue
        before += rows.stop
        for k, chosen in enumerate(of_block):
            of_class, weights = (np.concatenate(part) for part in zip(*chosen, strict=True))
            yield block, k, of_class, weights
            chosen.clear()
