"""Each class's block of the Hessian for the coefficients that matter, and a diagonal for all others."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_solve, cholesky

from crossentropy._linear import Features, gram
from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._rows import Block, Positions
from crossentropy.linear_model._solvers._class_blocks import MOST_BYTES, class_blocks, has_room_for_classes

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]

#: What is added to a diagonal of ones: float32 products leave that much uncertain.
_JITTER = 1e-6

#: The same of float64 ones.
_DOUBLE_JITTER = 1e-12

#: Numbers of dense features that are gathered at once.
_GATHERED = 1 << 22

#: Coefficients of a class that have a block together at most: its decomposition takes the cube of that.
_MOST_CHOSEN = 256

#: Coefficients of all classes that have a block together at most, and the multiplications that it may take in a step:
#: so many at least, and otherwise as many passes.
_MOST_TOGETHER = 1024
_CHEAP = 1 << 28
_PASSES = 16

#: Features up to which all of them have a place in the blocks.
_WIDEST = 1024

#: Slopes at 0, relative to where a coefficient leaves 0, from which on it is expected to.
_NEAR = 0.9


class Part(NamedTuple):
    """Places among all coefficients, flat, and the Hessian's block there."""

    places: Indices
    block: Singles | Floats


class Blocks:
    """Blocks of the Hessian: of all coefficients that matter together where these are few, or else of each class's.

    ``damping``: what the diagonal of the former is raised by, relative to it.
    """

    def __init__(self, objective: LinearObjective, point: Floats, gradient: Floats, damping: float = 0.0) -> None:
        self.diagonal = objective.C * objective.first_curvature() + objective.penalty
        near = _nearness(objective, point, gradient)
        #: Whether the blocks are the Hessian itself, of what matters.
        self.are_exact = few_matter(objective, point, gradient)
        block: Any
        if self.are_exact:
            wanted = near > _NEAR
            (block,) = objective.kept(lambda: (_together(objective, point, wanted),), point, wanted)
            self._parts = [Part(np.flatnonzero(wanted.ravel()), block)]
        elif has_room_for_classes(objective) and objective.width <= _WIDEST:
            blocks = class_blocks(objective, None if point is objective.first.point else point)
            blocks *= np.float32(objective.C)
            places = np.arange(objective.width + 1)
            self._parts = [Part(places + k * len(places), block) for k, block in enumerate(blocks)]
        else:
            chosen = _nearest(objective, near)
            found = objective.kept(lambda: tuple(_of_classes(objective, point, chosen)), point, *chosen)
            width = objective.width + 1
            self._parts = [
                Part(np.append(part, width - 1) + k * width, block)
                for k, (part, block) in enumerate(zip(chosen, found, strict=True))
            ]
        self._has_room = len(self._parts) > 1 and any(
            len(part.places) <= _most_chosen(objective.classes) for part in self._parts
        )
        penalty = np.broadcast_to(objective.penalty, self.diagonal.shape).ravel()
        for places, block in self._parts:
            size = np.diagonal(block) + penalty[places]
            # a feature that varies nowhere, or an intercept that is not fitted
            raised = size * (1.0 + max(damping if self.are_exact else 0.0, _jitter(block)))
            block[np.diag_indices_from(block)] = np.where(size > 0.0, raised, 1.0)

    def times(self, values: Floats) -> Floats:
        """The product with (K, D + 1)."""
        found = self.diagonal * values
        for places, block in self._parts:
            found.ravel()[places] = block @ values.ravel()[places].astype(block.dtype)
        return found

    def of(self, free: Mask) -> FreeBlocks:
        """What is left of them where only some coefficients (K, D + 1) are free."""
        order = np.full(free.size, -1)
        order[free.ravel()] = np.arange(np.count_nonzero(free))
        parts = []
        for places, block in self._parts:
            mask = order[places] >= 0
            if mask.any():
                left = block[np.ix_(mask, mask)]
                parts.append(FreePart(order[places[mask]], left, _factor(left)))
        return FreeBlocks(self.diagonal[free], parts)

    def lack(self, point: Floats) -> bool:
        """Whether many coefficients of a point have no place in a block, and there is room for them."""
        without = point != 0.0
        without[:, -1] = False
        total = int(np.count_nonzero(without))
        for places, _ in self._parts:
            without.ravel()[places] = False
        return self._has_room and int(np.count_nonzero(without)) > 0.1 * total


def few_matter(objective: LinearObjective, point: Floats, gradient: Floats) -> bool:
    """Whether so few coefficients matter that their Hessian, made anew in each step, takes no more than it wins."""
    near = _nearness(objective, point, gradient)
    count, (rows, features) = int(np.count_nonzero(near > _NEAR)), objective.rows.shape
    most = max(_CHEAP, _PASSES * rows * features * objective.classes)
    return count <= _MOST_TOGETHER and rows * count**2 <= most


class FreePart(NamedTuple):
    """Places among the free coefficients, their block, and its Cholesky factor."""

    places: Indices
    block: Singles | Floats
    factor: Singles | Floats


class FreeBlocks(NamedTuple):
    """Blocks of free coefficients alone, in vectors of these."""

    diagonal: Floats
    parts: list[FreePart]

    def times(self, values: Floats) -> Floats:
        """The product with a vector."""
        found = self.diagonal * values
        for places, block, _ in self.parts:
            found[places] = block @ values[places].astype(block.dtype)
        return found

    def solve(self, values: Floats) -> Floats:
        """The inverse's product with a vector."""
        found = values / self.diagonal
        for places, _, factor in self.parts:
            found[places] = cho_solve((factor, True), values[places].astype(factor.dtype), check_finite=False)
        return found


def _most_chosen(classes: int) -> int:
    return min(_MOST_CHOSEN, math.isqrt(MOST_BYTES // (4 * classes))) - 1


def _nearness(objective: LinearObjective, point: Floats, gradient: Floats) -> Floats:
    """How near each coefficient (K, D + 1) is to having a value: the slope at 0, relative to what it leaves 0 at."""
    near = np.full(point.shape, np.inf if objective.fit_intercept else 0.0)
    near[:, :-1] = np.abs(gradient[:, :-1]) / objective.threshold[:-1]
    near[point != 0.0] = np.inf
    return near


def _nearest(objective: LinearObjective, near: Floats) -> list[Indices]:
    """For each class the features that have a coefficient, or are nearest to having one."""
    most = _most_chosen(objective.classes)
    found = []
    for of_class in near[:, :-1]:
        wanted = np.flatnonzero(of_class > _NEAR)
        order = np.argsort(-of_class[wanted], kind="stable")
        found.append(np.sort(wanted[order[:most]]))
    return found


def _together(objective: LinearObjective, point: Floats, wanted: Mask) -> Floats:
    """The Hessian of the wanted coefficients, in float64."""
    classes, columns = np.nonzero(wanted)
    found = np.zeros((len(classes), len(classes)))
    features = np.unique(columns)
    at = np.searchsorted(features, columns)
    step = max(1, _GATHERED // max(len(classes), 1))
    for block, rows, diagonal, outer in objective.hessians(point):
        for first in range(0, len(diagonal), step):
            some = np.r_[rows][first : first + step]
            part = _columns(objective, block, some, features)[:, at]
            product = part * outer[first : first + step][:, classes]
            found -= objective.C * (product.T @ product)
            for k in np.unique(classes):
                mask = classes == k
                mine = part[:, mask]
                weighted = diagonal[first : first + step, k, None] * mine
                found[np.ix_(mask, mask)] += objective.C * (mine.T @ weighted)
    objective.passes += 1.0
    return found


def _columns(objective: LinearObjective, block: Block, rows: Indices, columns: Indices) -> Floats:
    """Some features x' of some rows, in float64; the last of all is one of ones."""
    chosen = columns[columns < objective.width]
    part = block.features.rows[rows][:, chosen]
    part = part if isinstance(part, np.ndarray) else part.toarray()
    standard = objective.standardisation
    found = Features(part, standard.shift[chosen], standard.scale[chosen]).standardised()
    return found if len(chosen) == len(columns) else np.column_stack([found, np.ones(len(found))])


def _of_classes(objective: LinearObjective, point: Floats, chosen: list[Indices]) -> list[Singles]:
    blocks = [np.zeros((len(part) + 1, len(part) + 1), np.float32) for part in chosen]
    for block, parts in objective.curvatures(point):
        for rows, curvature in parts:
            weights = objective.C * curvature
            for k, part in enumerate(chosen):
                blocks[k] += _gram(objective, block, rows, part, np.ascontiguousarray(weights[:, k], dtype=np.float64))
    if not objective.fit_intercept:
        for found in blocks:
            found[-1], found[:, -1] = 0.0, 0.0
    objective.passes += 1.0
    return blocks


def _gram(objective: LinearObjective, block: Block, rows: Positions, columns: Indices, weight: Floats) -> Floats:
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


def _jitter(block: Singles | Floats) -> float:
    return _JITTER if block.dtype == np.float32 else _DOUBLE_JITTER


def _factor(block: Any) -> Singles | Floats:
    """L of block = L·Lᵀ, of a block whose diagonal is raised until it has one."""
    jitter = _jitter(block)
    while True:
        try:
            factor: Singles | Floats = cholesky(block, lower=True, check_finite=False)
            return factor
        except LinAlgError:
            jitter *= 10.0
            block = block + np.diag(jitter * np.diagonal(block))
