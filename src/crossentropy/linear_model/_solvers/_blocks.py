"""Each class's block of the Hessian for the coefficients that matter, and a diagonal for all others."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from crossentropy._linear import Features, gram
from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._rows import Block
from crossentropy.linear_model._solvers._metrics import MOST_BYTES, class_blocks, has_room_for_classes

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]

#: What is added to a diagonal of ones: float32 products leave that much uncertain.
_JITTER = 1e-6

#: Numbers of dense features that are gathered at once.
_GATHERED = 1 << 22

#: Coefficients of a class that have a block together at most: its decomposition takes the cube of that.
_MOST_CHOSEN = 256

#: Features up to which all of them have a place in the blocks.
_WIDEST = 1024

#: Slopes at 0, relative to where a coefficient leaves 0, from which on it is expected to.
_NEAR = 0.9


class Blocks:
    """For each class the Hessian's block (S, S) of its ``chosen`` features (S,) and the intercept, which comes last."""

    def __init__(self, objective: LinearObjective, point: Floats, gradient: Floats) -> None:
        self.diagonal = objective.C * objective.first_curvature() + objective.penalty
        if has_room_for_classes(objective) and objective.width <= _WIDEST:
            self.chosen = [np.arange(objective.width + 1)] * objective.classes
            self._blocks = list(class_blocks(objective, None if point is objective.first.point else point))
        else:
            self.chosen = [np.append(chosen, objective.width) for chosen in _chosen(objective, point, gradient)]
            self._blocks = _blocks_of(objective, point, [chosen[:-1] for chosen in self.chosen])
        for chosen, block in zip(self.chosen, self._blocks, strict=True):
            size = np.diagonal(block) + objective.penalty[chosen]
            # a feature that varies nowhere, or an intercept that is not fitted
            block[np.diag_indices_from(block)] = np.where(size > 0.0, size * (1.0 + _JITTER), 1.0)

    def times(self, values: Floats) -> Floats:
        """The product with (K, D + 1)."""
        found = self.diagonal * values
        for k, (chosen, block) in enumerate(zip(self.chosen, self._blocks, strict=True)):
            found[k, chosen] = block @ values[k, chosen].astype(np.float32)
        return found

    def of(self, free: Mask) -> FreeBlocks:
        """What is left of them where only some coefficients (K, D + 1) are free."""
        places = np.full(free.shape, -1)
        places[free] = np.arange(np.count_nonzero(free))
        parts = []
        for k, (chosen, block) in enumerate(zip(self.chosen, self._blocks, strict=True)):
            mask = free[k, chosen]
            if mask.any():
                part = block[np.ix_(mask, mask)]
                parts.append(Part(places[k, chosen[mask]], part, _factor(part)))
        return FreeBlocks(self.diagonal[free], parts)

    def lack(self, point: Floats) -> bool:
        """Whether many coefficients of a point have no place in a block, and there is room for them."""
        has = point[:, :-1] != 0.0
        total = int(np.count_nonzero(has))
        for k, chosen in enumerate(self.chosen):
            has[k, chosen[:-1]] = False
        room = any(len(chosen) <= _most_chosen(len(self.chosen)) for chosen in self.chosen)
        return room and int(np.count_nonzero(has)) > 0.1 * total


class Part(NamedTuple):
    """Of a class: where its coefficients lie among all that are free, their block, and its Cholesky factor."""

    places: Indices
    block: Singles
    factor: Singles


class FreeBlocks(NamedTuple):
    """Blocks of free coefficients alone, in vectors of these."""

    diagonal: Floats
    parts: list[Part]

    def times(self, values: Floats) -> Floats:
        """The product with a vector."""
        found = self.diagonal * values
        for places, block, _ in self.parts:
            found[places] = block @ values[places].astype(np.float32)
        return found

    def solve(self, values: Floats) -> Floats:
        """The inverse's product with a vector."""
        found = values / self.diagonal
        for places, _, factor in self.parts:
            found[places] = lapack.spotrs(factor, values[places].astype(np.float32), lower=True)[0]
        return found


def _most_chosen(classes: int) -> int:
    return min(_MOST_CHOSEN, math.isqrt(MOST_BYTES // (4 * classes))) - 1


def _chosen(objective: LinearObjective, point: Floats, gradient: Floats) -> list[Indices]:
    """For each class the features that have a coefficient, or are nearest to having one."""
    near = np.abs(gradient[:, :-1]) / objective.threshold[:-1]
    near[point[:, :-1] != 0.0] = np.inf
    most = _most_chosen(objective.classes)
    found = []
    for of_class in near:
        wanted = np.flatnonzero(of_class > _NEAR)
        order = np.argsort(-of_class[wanted], kind="stable")
        found.append(np.sort(wanted[order[:most]]))
    return found


def _blocks_of(objective: LinearObjective, point: Floats, chosen: list[Indices]) -> list[Singles]:
    blocks = [np.zeros((len(part) + 1, len(part) + 1), np.float32) for part in chosen]
    for block, rows, curvature in objective.curvatures(point):
        weights = objective.C * curvature
        for k, part in enumerate(chosen):
            blocks[k] += _gram(objective, block, rows, part, np.ascontiguousarray(weights[:, k], dtype=np.float64))
    if not objective.fit_intercept:
        for found in blocks:
            found[-1], found[:, -1] = 0.0, 0.0
    objective.passes += 1.0
    return blocks


def _gram(objective: LinearObjective, block: Block, rows: slice, columns: Indices, weight: Floats) -> Floats:
    """Σ weight·x'x'ᵀ of some rows, of some features and one of ones."""
    shift, scale = (
        np.asarray(values)[columns] for values in (objective.standardisation.shift, objective.standardisation.scale)
    )
    size = len(columns) + 1
    if isinstance(block.features, Features):
        given, found = block.features.rows[rows], np.zeros((size, size))
        step = max(1, _GATHERED // size)
        for first in range(0, len(weight), step):
            part = np.ascontiguousarray(given[first : first + step][:, columns])
            found += gram(Features(part, shift, scale), weight[first : first + step], intercept=True)
        return found
    part = block.features.rows[rows][:, columns].astype(np.float64)
    total, sums = float(weight.sum()), part.T @ weight
    found = np.empty((size, size))
    # about the shift, from the sums about 0
    products = (part.multiply(weight[:, None]).T @ part).toarray()
    products -= np.outer(sums - total * shift, shift) + np.outer(shift, sums)
    found[:-1, :-1] = products * np.outer(scale, scale)
    found[-1, :-1] = found[:-1, -1] = scale * (sums - total * shift)
    found[-1, -1] = total
    return found


def _factor(block: Singles) -> Singles:
    """L of block = L·Lᵀ, of a block whose diagonal is raised until it has one."""
    jitter = _JITTER
    while True:
        factor, failed = lapack.spotrf(block, lower=True)
        if not failed:
            return np.asarray(factor, np.float32)
        jitter *= 10.0
        block = block + np.diag(jitter * np.diagonal(block))
