"""A quadratic model of the objective's smooth part: blocks of the Hessian, and what steps have said of it since."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, lapack

from crossentropy._linear import Features, gram
from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._solvers._metrics import MOST_BYTES, class_blocks, has_room_for_classes

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Mask = NDArray[np.bool_]

#: Pairs of steps and changes of the gradient.
_MEMORY = 10

#: What is added to a diagonal of ones: float32 products leave that much uncertain.
_JITTER = 1e-6

#: Numbers of features that are gathered at once.
_GATHERED = 1 << 22


class Blocks:
    """Of each class the Hessian's block at a point (K, S, S), for the features ``chosen`` and the intercept.

    All other coefficients have a second derivative each: that of the start.
    """

    def __init__(self, objective: LinearObjective, point: Floats, wanted: NDArray[np.intp]) -> None:
        self.diagonal = objective.C * objective.first_curvature() + objective.penalty
        if has_room_for_classes(objective):
            wanted = np.arange(objective.width)
            start = None if point is objective.first.point else point
            self._blocks = class_blocks(objective, start)
        else:
            self._blocks = _chosen_blocks(objective, point, wanted)
        self.chosen = np.append(wanted, objective.width)
        for block in self._blocks:
            size = np.diagonal(block) + objective.penalty[self.chosen]
            # a feature that varies nowhere, or an intercept that is not fitted
            block[np.diag_indices_from(block)] = np.where(size > 0.0, size * (1.0 + _JITTER), 1.0)
        self._factors: list[tuple[Mask, Singles]] = []

    def times(self, values: Floats) -> Floats:
        """The blocks' product with (K, D + 1)."""
        found = self.diagonal * values
        part = values[:, self.chosen].astype(np.float32)[:, :, None]
        found[:, self.chosen] = np.matmul(self._blocks, part)[:, :, 0]
        return found

    def factor(self, free: Mask) -> None:
        """Make ready to solve for the coefficients (K, D + 1) that are free."""
        before, self._factors = self._factors, []
        for k, mask in enumerate(free[:, self.chosen]):
            if before and np.array_equal(before[k][0], mask):
                self._factors.append(before[k])
                continue
            self._factors.append((mask, _factor(self._blocks[k][np.ix_(mask, mask)])))

    def solve(self, values: Floats, free: Mask) -> Floats:
        """The blocks' inverse, of what is free, times (K, D + 1)."""
        found = np.where(free, values / self.diagonal, 0.0)
        for k, (mask, factor) in enumerate(self._factors):
            columns = self.chosen[mask]
            if len(columns):
                found[k, columns] = lapack.spotrs(factor, values[k, columns].astype(np.float32), lower=True)[0]
        return found


class QuadraticModel:
    """The blocks, corrected by the last steps and changes of the gradient so that it maps these to those (BFGS)."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self._steps: deque[Floats] = deque(maxlen=_MEMORY)
        self._changes: deque[Floats] = deque(maxlen=_MEMORY)
        self._sides, self._middle = np.zeros((0, blocks.diagonal.size)), np.zeros((0, 0))

    def __len__(self) -> int:
        return len(self._steps)

    def add(self, step: Floats, change: Floats) -> None:
        """One more, unless the gradient did not grow along the step."""
        if not float(np.vdot(step, change)) > 1e-14 * float(np.linalg.norm(step) * np.linalg.norm(change)):
            return
        self._steps.append(step)
        self._changes.append(change)
        steps, changes = (np.array(part).reshape(len(part), -1) for part in (self._steps, self._changes))
        images = np.array([self.blocks.times(step).ravel() for step in self._steps])
        crossed = steps @ changes.T
        lower = np.tril(crossed, -1)
        self._sides = np.concatenate([images, changes])
        self._middle = np.linalg.pinv(
            np.block([[steps @ images.T, lower], [lower.T, -np.diag(np.diag(crossed))]]), rcond=1e-13, hermitian=True
        )

    def times(self, values: Floats) -> Floats:
        """The model's second derivatives times (K, D + 1)."""
        found = self.blocks.times(values)
        if len(self._sides):
            found -= (self._sides.T @ (self._middle @ (self._sides @ values.ravel()))).reshape(values.shape)
        return found


def _chosen_blocks(objective: LinearObjective, point: Floats, wanted: NDArray[np.intp]) -> Singles:
    size = len(wanted) + 1
    blocks = np.zeros((objective.classes, size, size), np.float32)
    standard = objective.standardisation
    shift, scale = standard.shift[wanted], standard.scale[wanted]
    step = max(1, _GATHERED // size)
    for block, rows, curvature in objective.curvatures(point):
        for first in range(0, len(curvature), step):
            part = block.features.rows[rows][first : first + step][:, wanted]
            dense = part if isinstance(part, np.ndarray) else part.toarray()
            features = Features(np.ascontiguousarray(dense), shift, scale)
            for k in range(objective.classes):
                weight = np.ascontiguousarray(curvature[first : first + step, k], dtype=np.float64)
                blocks[k] += objective.C * gram(features, weight, intercept=True)
    if not objective.fit_intercept:
        blocks[:, -1], blocks[:, :, -1] = 0.0, 0.0
    objective.passes += 1.0
    return blocks


def most_chosen(objective: LinearObjective) -> int:
    """How many features have room for blocks of all classes."""
    return math.isqrt(MOST_BYTES // (4 * objective.classes)) - 1


def _factor(block: Singles) -> Singles:
    size, jitter = np.diagonal(block).copy(), _JITTER
    while True:
        factor, failed = lapack.spotrf(block, lower=True)
        if not failed:
            return factor
        jitter *= 10.0
        block[np.diag_indices_from(block)] = size * (1.0 + jitter)
