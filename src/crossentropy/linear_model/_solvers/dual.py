"""Stochastic dual coordinate ascent (Shalev-Shwartz and Zhang, 2013) for sparse rows that are in memory.

The dual problem has probabilities qᵢ of the classes for each row. At its optimum they are the model's, and at any of
its points W = C·Σ aᵢ(tᵢ − qᵢ)xᵢᵀ. A row in its turn gets the best qᵢ while all others keep theirs, and W follows in the
columns where the row has elements. There is no step length and no matrix, and of W only what the row touches is read.
Rows of a size C·aᵢ‖xᵢ‖² about 1, as those of tf-idf are, need few epochs.

Intercepts have no penalty. They are the coefficients of one more feature, with a penalty of their distance to a centre
that moves after each epoch by what Σ aᵢ(tᵢ − qᵢ) is off 0: the method of multipliers (Hestenes, 1969).
"""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from crossentropy._dual_ascent import DualAscent
from crossentropy._linear import Parameters, SparseFeatures
from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._rows import Block
from crossentropy.linear_model._solvers import lbfgs
from crossentropy.linear_model._solvers._descent import with_best_intercept
from crossentropy.linear_model._solvers._solution import Progress

Floats = NDArray[np.float64]

#: Bytes that the duals of all rows take at most, where there are many more rows than features.
_MOST_BYTES = 1 << 26

#: How many times as many rows as features there may be whatever their duals take: as much as two arrays (K, D).
_MANY_ROWS = 4

#: The mean C·aᵢ‖xᵢ‖² above which a metric is the better choice.
_LARGE_SIZE = 100.0

#: The square of the feature that intercepts are the coefficients of, beside the mean ‖xᵢ‖².
_INTERCEPT_SIZE = 0.125

#: Epochs after which the objective is evaluated, if not before.
_STRETCH = 16

#: What the estimate of the gap should be before that, beside the tolerance: intercepts are not in it.
_WITHIN = 0.1

#: Epochs without a smaller estimate of the gap, after which float32 has no more to say.
_PATIENCE = 8


def can_solve(objective: LinearObjective) -> bool:
    """Whether rows are sparse and in memory, with room for their duals, and the penalty is that of L2."""
    (rows, width), smooth = objective.rows.shape, objective.is_penalised and not objective.threshold.any()
    if objective.rows.is_dense or objective.rows.whole is None or not smooth:
        return False
    return rows <= _MANY_ROWS * width or 4 * rows * objective.classes <= _MOST_BYTES


def suits(objective: LinearObjective) -> bool:
    """Whether it can solve it, and is the best choice.

    It is not where rows are of so large a size that it takes very many epochs; nor where nobody waits, since there the
    order of rows, or writing one twice, can change next to nothing of what steps in float64 find.
    """
    if not (objective.is_large and can_solve(objective)):
        return False
    weight = objective.C * objective.rows.weight / objective.rows.shape[0]
    return weight * _mean_square(_rows(objective)) <= _LARGE_SIZE


def _rows(objective: LinearObjective) -> Any:
    """The rows as a CSR matrix, as they are."""
    block = objective.rows.whole
    if block is None or not isinstance(block.features, SparseFeatures):
        raise TypeError("rows that are not sparse and in memory have no duals")
    return block.features.rows


def _mean_square(rows: Any) -> float:
    """The mean ‖xᵢ‖²."""
    squares = float(np.vdot(rows.data, rows.data))
    return squares / int(rows.shape[0])


def minimise(objective: LinearObjective, progress: Progress, at: Evaluation) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance; what float32 leaves is for L-BFGS.

    An iteration is an epoch. The objective is evaluated when the ascent's own estimate of the gap is within the
    tolerance, several times over; or after some epochs.
    """
    ascent = _Ascent(objective, at)
    try:
        while at.single or not progress.has_converged(at):
            if progress.is_exhausted or ascent.is_spent:
                return lbfgs.minimise(objective, progress, at)
            epochs = ascent.run(min(_STRETCH, progress.iterations_left), _WITHIN * progress.tol * at.objective)
            at = ascent.look(at, single=False)
            progress.record(at, iterations=epochs)
            if progress.lacks_intercept_only(at):
                at = with_best_intercept(objective, at)
    except KeyboardInterrupt:
        if ascent.has_moved:
            progress.at = ascent.look(at, single=objective.is_large)
        raise
    return at


class _Ascent:
    """The dual problem of an objective, begun where the model is the one at a point, or nearly."""

    def __init__(self, objective: LinearObjective, at: Evaluation) -> None:
        self._objective, self._generator = objective, np.random.default_rng(0)
        self._dual, self._least, self._since_least = _begun(objective, at), math.inf, 0
        #: Since the last look.
        self.has_moved = False

    def run(self, most: int, goal: float) -> int:
        """Epochs until the gap is about a goal, or so many; how many it were."""
        for number in range(1, most + 1):
            estimate = self._dual.epoch(self._generator.permutation(self._objective.rows.shape[0]))
            self._objective.passes += 1.0
            self.has_moved = True
            # what is no number is no smaller one
            is_less = estimate < self._least
            self._least, self._since_least = (estimate, 0) if is_less else (self._least, self._since_least + 1)
            if estimate <= goal or self.is_spent:
                return number
        return most

    @property
    def is_spent(self) -> bool:
        """Whether the gap no longer falls."""
        return self._since_least >= _PATIENCE

    def look(self, at: Evaluation, *, single: bool) -> Evaluation:
        """The objective where the ascent is, if that is lower than at a point."""
        found = self._objective.evaluate(self._objective.point(*self._dual.parameters()), single=single)
        self.has_moved = False
        return found if found.objective < at.objective else at


def _begun(objective: LinearObjective, at: Evaluation) -> DualAscent:
    """From the duals that the targets are, where W is 0; or the probabilities at a point, if it is nearer than that."""
    rows, block = _rows(objective), cast(Block, objective.rows.whole)
    weight, duals = objective.weighted_targets(block.targets)
    weight *= objective.C
    _, intercept = objective.parameters(at.point)
    coef, excess = np.zeros((objective.classes, objective.width)), np.zeros(objective.classes)
    if at.point is not objective.first.point and at.gap < at.objective:
        duals = objective.probabilities_at(at.point)
        slopes, of_intercept = objective.parameters_gradient(at.gradient - objective.penalty * at.point)
        coef, excess = -slopes, -of_intercept
    size = 0.0
    if objective.fit_intercept:
        # no less than what makes a row's C·aᵢ‖xᵢ‖² about 1: then multipliers move far enough
        size = max(_INTERCEPT_SIZE * _mean_square(rows), float(1.0 / weight.mean()))
    return DualAscent(
        rows, weight=weight, duals=duals, start=Parameters(coef, intercept), excess=excess, intercept_size=size
    )
