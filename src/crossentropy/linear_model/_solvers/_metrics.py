"""Coordinates in which the objective curves about alike in every direction: from approximations of its Hessian.

A metric is a linear map T: a vector v (K, D + 1) of its coordinates is the step T·v of a point, and a gradient g there
is Tᵀ·g. T·Tᵀ is an approximate inverse of the Hessian. Only differences between classes change a softmax: there T
removes the mean over classes.
"""

from __future__ import annotations

from copy import copy
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from crossentropy._linear import gram, multiply
from crossentropy._validation import sentence
from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._solvers._class_blocks import class_blocks, has_room_for_classes

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: What is added to a diagonal of ones: float32 products leave that much uncertain.
_JITTER = 1e-6

#: Rows that a metric of all classes looks at, for each feature or class, whatever there are more of.
_ROWS_PER_NUMBER = 32

#: Features up to which one matrix is decomposed; beyond, the features' own sizes must do.
_WIDEST = 4096


class Metric(Protocol):
    """A linear map, and its transpose."""

    def step(self, vector: Floats) -> Floats:
        """T·v."""

    def gradient(self, gradient: Floats | Singles) -> Floats:
        """Tᵀ·g."""

    def at(self, objective: LinearObjective) -> Metric:
        """That of the objective at another C, without a pass over the rows."""


#: By what the Hessian may be approximated.
SOLVERS = ("auto", "blocks", "rotation", "diagonal", "dual")


def metric_at(objective: LinearObjective, point: Floats, *, lasts: bool = False) -> Metric:
    """That of the Hessian at a point, by the objective's solver; one that ``lasts`` can serve at another C."""
    there = None if point is objective.first.point else point
    solver = _pick(objective) if objective.solver == "auto" else objective.solver
    if solver in ("diagonal", "dual"):
        return DiagonalMetric(objective)
    if not objective.rows.is_dense:
        raise ValueError(
            sentence(
                "solver",
                expected="'auto', 'dual' or 'diagonal' where X is sparse",
                received=repr(solver),
                remedy="pass one of these, or X.toarray()",
            )
        )
    return ClassMetric(objective, there, lasts=lasts) if solver == "blocks" else SharedMetric(objective, there)


def _pick(objective: LinearObjective) -> str:
    """As good a solver as there is room for."""
    if has_room_for_classes(objective):
        return "blocks"
    return "rotation" if objective.rows.is_dense and objective.width <= _WIDEST else "diagonal"


class DiagonalMetric:
    """For each class and feature its own second derivative: features are independent, as far as it knows."""

    def __init__(self, objective: LinearObjective) -> None:
        self._without_offset = objective.without_offset
        self._root = np.sqrt(1.0 / (objective.C * objective.first_curvature() + objective.penalty))

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        return self._without_offset(self._root * vector)

    def gradient(self, gradient: Floats | Singles) -> Floats:
        """Tᵀ·g."""
        scaled: Floats = self._root * self._without_offset(gradient.astype(np.float64))
        return scaled

    def at(self, objective: LinearObjective) -> Metric:
        """That of the objective at another C."""
        return DiagonalMetric(objective)


class SharedMetric:
    """One rotation of the features for all classes, in which each has a mean and a diagonal of its own.

    A class's block of the Hessian is Σ h xᵢxᵢᵀ, with the feature of ones: the mean Σ h x/Σ h takes the intercept apart
    from the features, and the diagonal is about it. The rotation makes the sum of all blocks diagonal.
    Without a point it is that of the start, where blocks differ by a factor. Elsewhere some of the rows stand for all.
    """

    def __init__(self, objective: LinearObjective, point: Floats | None) -> None:
        self._without_offset = objective.without_offset
        size = np.sqrt(np.where(objective.penalty > 0.0, objective.penalty, 1.0)[:-1])
        share = min(1.0, _ROWS_PER_NUMBER * max(objective.width, objective.classes) / objective.rows.shape[0])
        there = () if point is None else (point,)
        (total,) = objective.kept(lambda: (_all_classes(objective, point, share),), *there)
        values, vectors = np.linalg.eigh(total / size / size[:, None])
        self._vectors = vectors / size[:, None]
        # without C and the penalty
        if point is None:
            mass = objective.first_curvature()
            self._blocks = np.append(mass * np.maximum(values, 0.0), mass, axis=1)
            self._means = np.zeros((objective.classes, objective.width))
        else:
            self._blocks, self._means = objective.kept(lambda: self._found(objective, point, share), point)
        self._root = self._root_of(objective)

    def _root_of(self, objective: LinearObjective) -> Floats:
        blocks = objective.C * self._blocks
        of_features = blocks[:, :-1]
        # without a penalty, what float32 leaves uncertain of directions in which the features do not vary
        of_features += 1.0 if objective.is_penalised else _JITTER * of_features.max(axis=1, keepdims=True)
        root: Floats = np.sqrt(1.0 / blocks)
        return root

    def at(self, objective: LinearObjective) -> Metric:
        """That of the objective at another C: of the same rotation."""
        other = copy(self)
        other._root = self._root_of(objective)
        return other

    def _found(self, objective: LinearObjective, point: Floats, share: float) -> tuple[Floats, Floats]:
        """Each class's diagonal of the rotated features and the feature of ones, about its mean, and that mean."""
        blocks, means = (
            np.zeros((objective.classes, objective.width + 1)),
            np.zeros((objective.classes, objective.width)),
        )
        for block, parts in objective.curvatures(point, share):
            for rows, curvature in parts:
                features, weight = block.dense.block(rows), (curvature / share).T.astype(np.float32)
                rotated = np.empty(features.shape, np.float32)
                features.logits(self._vectors.T, None, rotated, single=True)
                if objective.fit_intercept:
                    means += weight @ rotated
                rotated *= rotated
                blocks[:, :-1] += weight @ rotated
                blocks[:, -1] += weight.sum(axis=1)
        objective.passes += 2.0 * share
        mass = blocks[:, -1:]
        means /= np.maximum(mass, np.finfo(np.float32).tiny)
        blocks[:, :-1] = np.maximum(blocks[:, :-1] - mass * means**2, 0.0)
        return blocks, means

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        scaled = self._root * vector
        scaled[:, -1] -= np.einsum("kd,kd->k", self._means, scaled[:, :-1])
        scaled[:, :-1] = multiply(scaled[:, :-1], self._vectors)
        return self._without_offset(scaled)

    def gradient(self, gradient: Floats | Singles) -> Floats:
        """Tᵀ·g."""
        found = self._without_offset(gradient.astype(np.float64))
        found[:, :-1] = multiply(found[:, :-1], self._vectors.T)
        found[:, :-1] -= self._means * found[:, -1:]
        found *= self._root
        return found


class ClassMetric:
    """A matrix for each class: its block of the Hessian at a point, C·Σ h xᵢxᵢᵀ + the penalty, factored.

    h is the row's second derivative with respect to the class's logit, a·p(1 − p). Where there are many rows the blocks
    are summed over some: each row by the chance min(1, h/τ), and then by the weight max(h, τ); the chances are spread
    evenly, not drawn. Without a point it is that of the start. Only one that ``lasts`` keeps the sums for another C.
    """

    def __init__(self, objective: LinearObjective, point: Floats | None, *, lasts: bool = False) -> None:
        self._without_offset = objective.without_offset
        # without C and the penalty
        self._blocks = class_blocks(objective, point)
        # in the same memory where the blocks have served
        self._inverse = np.empty_like(self._blocks) if lasts else self._blocks
        self._factor(objective)

    def _factor(self, objective: LinearObjective) -> None:
        for block, inverse in zip(self._blocks, self._inverse, strict=True):
            inverse[...] = _inverse_factor(np.float32(objective.C) * block, objective.penalty)

    def at(self, objective: LinearObjective) -> Metric:
        """That of the objective at another C: of the same sums, in the same memory."""
        self._factor(objective)
        return self

    def step(self, vector: Floats) -> Floats:
        """T·v."""
        single = vector.astype(np.float32)[:, :, None]
        return self._without_offset(np.matmul(self._inverse.transpose(0, 2, 1), single)[:, :, 0].astype(np.float64))

    def gradient(self, gradient: Floats | Singles) -> Floats:
        """Tᵀ·g."""
        single = self._without_offset(gradient.astype(np.float64)).astype(np.float32)[:, :, None]
        found: Floats = np.matmul(self._inverse, single)[:, :, 0].astype(np.float64)
        return found


def _all_classes(objective: LinearObjective, point: Floats | None, share: float) -> Floats:
    """The sum of all classes' blocks at a point, of some of the rows; without one, what they have in common there."""
    total = np.zeros((objective.width, objective.width))
    if point is None:
        for block in objective.rows:
            total += gram(block.dense, block.targets.row_weight / objective.rows.weight)
        objective.passes += 1.0
    else:
        for block, parts in objective.curvatures(point, share):
            for rows, curvature in parts:
                total += gram(block.dense.block(rows), curvature.sum(axis=1))
        objective.passes += share
    return total


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
