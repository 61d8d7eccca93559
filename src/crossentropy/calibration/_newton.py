"""Newton's method for vector scaling, C·Σ sᵢ·CE(w∘zᵢ + b, tᵢ) + ½‖w − 1‖² + ½‖b‖²; a point is (K, 2): w, b.

The Hessian is never made: conjugate gradients ask for its products, each of which reads the rows once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from crossentropy.calibration._rows import Floats, Rows
from crossentropy.calibration._solution import Solution
from crossentropy.calibration._temperature import first_factor

#: A step must win this share of what the slope promises (Armijo, 1966).
_ENOUGH = 1e-4

_MOST_HALVINGS = 30

#: Of the objective: differences this small say nothing.
_ROUNDING = 1e-14

#: Products for one step; one that is cut short goes downhill too.
_MOST_PRODUCTS = 1000


class _Evaluation(NamedTuple):
    point: Floats
    objective: float
    gradient: Floats
    #: C·Σ of each class's second derivatives (3, K): twice by w, by w and b, twice by b.
    curvature: Floats

    @property
    def gap(self) -> float:
        """The objective curves at least as ½‖θ‖² does, and so lies above that parabola."""
        return 0.5 * float(np.vdot(self.gradient, self.gradient))

    def inverse(self) -> Callable[[Floats], Floats]:
        """An approximate inverse of the Hessian: that of the blocks of 2×2 which it has for each class."""
        ww, wb, bb = self.curvature + np.array([[1.0], [0.0], [1.0]])
        scale = 1.0 / (ww * bb - wb**2)

        def solve(gradient: Floats) -> Floats:
            w, b = gradient.T
            solved = np.column_stack([scale * (bb * w - wb * b), scale * (ww * b - wb * w)])
            # an offset that all classes have in common changes no probability, and the Hessian sees only the penalty
            solved[:, 1] -= solved[:, 1].mean()
            return solved

        return solve


class Objective:
    """The objective for some rows; its minimum is unique, and it has one for any rows."""

    def __init__(self, rows: Rows, *, C: float) -> None:
        self.C, self._rows = C, rows
        self._classes: int = rows.logits.shape[1]

    def start(self) -> Floats:
        """The best common temperature, about, where the penalty allows it; else the identity."""
        return self._uniform(first_factor(self._rows, C=self.C, size=self._classes))

    def evaluate(self, point: Floats) -> _Evaluation:
        """The value and derivatives at a point, in one pass."""
        away = point - self._uniform(1.0)
        loss, gradient, curvature = 0.0, np.zeros(point.shape), np.zeros((3, len(point)))
        for block in self._rows:
            z = block.centred.logits
            logits = _logits(point, z)
            value, slopes = block.loss(logits)
            p = block.probabilities(logits)
            loss += value
            gradient += _transposed(slopes, z)
            spread = block.weight[:, None] * p * (1.0 - p)
            once = spread * z
            curvature += np.stack([np.einsum("rk,rk->k", once, z), once.sum(axis=0), spread.sum(axis=0)])
        objective = self.C * loss + 0.5 * float(np.vdot(away, away))
        return _Evaluation(point, objective, self.C * gradient + away, self.C * curvature)

    def product(self, point: Floats, direction: Floats) -> Floats:
        """The Hessian at a point times a direction, in one pass."""
        product = np.zeros(point.shape)
        for block in self._rows:
            z = block.centred.logits
            p = block.probabilities(_logits(point, z))
            change = _logits(direction, z)
            change -= np.einsum("rk,rk->r", p, change)[:, None]
            change *= p
            change *= block.weight[:, None]
            product += _transposed(change, z)
        return self.C * product + direction

    def _uniform(self, factor: float) -> Floats:
        return np.column_stack([np.full(self._classes, factor), np.zeros(self._classes)])


def _logits(point: Floats, z: Floats) -> Floats:
    scaled: Floats = z * point[:, 0] + point[:, 1]
    return scaled


def _transposed(slopes: Floats, z: Floats) -> Floats:
    """The gradient with respect to a point of what has these slopes (R, K) with respect to its logits."""
    return np.column_stack([np.einsum("rk,rk->k", slopes, z), slopes.sum(axis=0)])


def minimise(rows: Rows, *, C: float, tol: float, max_iter: int) -> Solution:
    """Until the gap is at most ``tol`` of the objective, the steps run out, or it no longer decreases in float64."""
    objective = Objective(rows, C=C)
    at, steps = objective.evaluate(objective.start()), 0
    while at.gap > tol * at.objective and steps < max_iter:
        found = _search(objective, at, _direction(objective, at, 0.1 * tol * at.objective))
        if found is None:
            break
        at, steps = found, steps + 1
    w, b = at.point.T.copy()
    return Solution(w, b, at.objective, at.gap, steps)


def _direction(objective: Objective, at: _Evaluation, enough: float) -> Floats:
    """−H⁻¹·gradient by preconditioned conjugate gradients, the nearer the smaller the gradient (Dembo et al., 1982).

    ``enough`` is a gap that no one needs to go below.
    """
    inverse = at.inverse()
    step, rest = np.zeros(at.point.shape), -at.gradient
    scaled = inverse(rest)
    towards, size = scaled, float(np.vdot(rest, scaled))
    wanted = size * min(0.25, 3.0 * math.sqrt(size / at.objective)) ** 2
    for _ in range(_MOST_PRODUCTS):
        product = objective.product(at.point, towards)
        length = size / float(np.vdot(towards, product))
        step += length * towards
        rest -= length * product
        scaled = inverse(rest)
        before, size = size, float(np.vdot(rest, scaled))
        if size <= wanted or 0.5 * float(np.vdot(rest, rest)) <= enough:
            break
        towards = scaled + size / before * towards
    return step


def _search(objective: Objective, at: _Evaluation, direction: Floats) -> _Evaluation | None:
    """The first of 1, ½, ¼ … of a step that is low enough."""
    slope = float(np.vdot(at.gradient, direction))
    length = 1.0
    for _ in range(_MOST_HALVINGS):
        found = objective.evaluate(at.point + length * direction)
        gain = found.objective - at.objective
        # where both round to the same number the gradients tell
        if gain <= _ENOUGH * length * slope or (abs(gain) <= _ROUNDING * at.objective and found.gap < 0.9 * at.gap):
            return found
        length *= 0.5
    return None
