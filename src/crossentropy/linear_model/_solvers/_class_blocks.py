"""A block of the Hessian for each class, Σ h xᵢxᵢᵀ, summed over some rows that stand for all.

h is the row's second derivative with respect to the class's logit, a·p(1 − p). Each row is taken by the chance
min(1, h/τ), and then by the weight max(h, τ); the chances are spread evenly, not drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from crossentropy._linear import gram
from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._rows import Block, Positions, evenly_spread

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: Bytes that the matrices of all classes take at most.
MOST_BYTES = 1 << 26

#: Rows that all take part in a matrix of a class: fewer take no time to speak of.
_FEW_ROWS = 4096

#: As many rows for each feature tell a block to a few hundredths.
_ROWS_PER_FEATURE = 1024

#: Rows that are chosen for all classes together at most, but for what a class cannot do without: 16 bytes each. So many
#: curvatures are kept, too, rather than made twice.
_MOST_CHOSEN = 1 << 22

#: Chosen rows that are kept until they are summed over: with few of them to an array, a hundred bytes each.
_MOST_WAITING = 1 << 18

#: How many times as many rows are looked at for those.
_CANDIDATES = 4


def has_room_for_classes(objective: LinearObjective) -> bool:
    """Whether features are dense and every class can have a matrix of its own."""
    return objective.rows.is_dense and 4 * objective.classes * (objective.width + 1) ** 2 <= MOST_BYTES


def class_blocks(objective: LinearObjective, point: Floats | None) -> Singles:
    """Σ h xᵢxᵢᵀ of each class (K, D + 1, D + 1) at a point, or at the start: its Hessian without C and the penalty."""
    if point is None:
        (covariance,) = objective.kept(lambda: (_covariance(objective),))
        return np.array([curvature * covariance for curvature in objective.first_curvature()], np.float32)
    curvatures = _Curvatures(objective, point)
    (total,) = objective.kept(lambda: (curvatures.total(),), point)
    (blocks,) = objective.kept(lambda: (_class_blocks(objective, curvatures, total),), point)
    return blocks


def _most_rows(objective: LinearObjective) -> int:
    """How many rows a block is summed over: as many as determine it, in a few passes' time and little memory."""
    rows, width = objective.rows.shape[0], objective.width + 1
    most = max(_FEW_ROWS, min(_ROWS_PER_FEATURE * width, 64 * rows // width))
    return min(rows, max(8 * width, min(most, _MOST_CHOSEN // objective.classes)))


def _class_blocks(objective: LinearObjective, curvatures: _Curvatures, total: Floats) -> Singles:
    """Each class's block of the Hessian at a point (K, D + 1, D + 1), without C and the penalty."""
    size = objective.width + 1
    blocks, read = np.zeros((objective.classes, size, size), np.float32), 0
    for block, k, rows, weight in _choose_rows(objective, curvatures, total):
        blocks[k] += _gram(block, rows, weight, objective.fit_intercept)
        read += len(rows)
    objective.passes += read / objective.rows.shape[0]
    return blocks


def _covariance(objective: LinearObjective) -> Floats:
    """Σ weight·xxᵀ, of weights that add up to 1, over as many rows as a class's block is summed over."""
    most, size = _most_rows(objective), objective.width + 1
    covariance, before, read = np.zeros((size, size)), 0, 0
    for block in objective.rows:
        weight, rows = block.targets.row_weight / objective.rows.weight, None
        count = len(weight)
        if most < objective.rows.shape[0]:
            chance = evenly_spread(np.arange(before, before + count))
            ((rows, weight),) = _spread(weight[:, None], chance, np.full(1, 1.0 / most))
        covariance += _gram(block, rows, weight, objective.fit_intercept)
        read += len(weight)
        before += count
    objective.passes += read / objective.rows.shape[0]
    return covariance


def _gram(block: Block, rows: NDArray[np.int64] | None, weight: Floats, intercept: bool) -> Floats:
    """Σ weight·xxᵀ of some rows or all; where there is no intercept the feature of ones stands for nothing."""
    found = gram(block.dense, weight, rows, intercept=True)
    if not intercept:
        found[-1], found[:, -1] = 0.0, 0.0
    return found


def _spread(weight: Floats, chance: Floats, threshold: Floats) -> list[tuple[NDArray[np.int64], Floats]]:
    """For each column of weights (N, K) the rows that are taken, and what each of these then weighs."""
    taken = weight > chance[:, None] * threshold
    chosen = [np.flatnonzero(column) for column in taken.T]
    return [(rows, np.maximum(weight[rows, k], threshold[k])) for k, rows in enumerate(chosen)]


class _Curvatures:
    """Second derivatives with respect to each logit at a point, of as many rows as can stand for all.

    They are kept rather than made twice, if they are not too many; the blocks may be gone by then.
    """

    def __init__(self, objective: LinearObjective, point: Floats) -> None:
        self._objective, self._point = objective, point
        every = objective.rows.shape[0]
        self.share = min(1.0, _CANDIDATES * _most_rows(objective) / every)
        self._are_few = self.share * every * objective.classes <= _MOST_CHOSEN
        self._known: list[list[tuple[Positions, Floats]]] | None = None

    def __iter__(self) -> Iterator[tuple[Block, Iterable[tuple[Positions, Floats]]]]:
        if self._known is not None:
            # whether or not they are kept, the rows are gone through again
            self._objective.passes += self.share
            return zip(self._objective.rows, self._known, strict=True)
        return self._objective.curvatures(self._point, self.share)

    def total(self) -> Floats:
        """Their sum (K,)."""
        total, known = np.zeros(self._objective.classes), []
        for _, parts in self:
            of_block = []
            for rows, curvature in parts:
                total += curvature.sum(axis=0)
                if self._are_few:
                    of_block.append((rows, curvature))
            known.append(of_block)
        if self._are_few:
            self._known = known
        return total


def _choose_rows(
    objective: LinearObjective, curvatures: _Curvatures, total: Floats
) -> Iterator[tuple[Block, int, NDArray[np.int64], Floats]]:
    """For some rows and each class, which of them the class's block is summed over, and with what weights."""
    most, share = _most_rows(objective), curvatures.share
    threshold = total / most if most < objective.rows.shape[0] else np.zeros_like(total)
    before = 0
    for block, parts in curvatures:
        chosen: list[list[tuple[NDArray[np.int64], Floats]]] = [[] for _ in total]
        waiting = 0
        for rows, curvature in parts:
            positions = np.r_[rows]
            chance = evenly_spread(before + positions) / share
            for k, (taken, weight) in enumerate(_spread(curvature, chance, threshold)):
                chosen[k].append((positions[taken], weight / share))
                waiting += len(taken)
            if waiting >= _MOST_WAITING:
                yield from _together(block, chosen)
                chosen, waiting = [[] for _ in total], 0
        before += block.features.shape[0]
        if waiting:
            yield from _together(block, chosen)


def _together(
    block: Block, chosen: list[list[tuple[NDArray[np.int64], Floats]]]
) -> Iterator[tuple[Block, int, NDArray[np.int64], Floats]]:
    for k, of_class in enumerate(chosen):
        rows, weights = (np.concatenate(part) for part in zip(*of_class, strict=True))
        yield block, k, rows, weights
