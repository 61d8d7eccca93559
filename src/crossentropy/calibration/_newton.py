"""Newton's method for C·Σ sᵢ·CE(L(θ, zᵢ), tᵢ) + ½‖θ − identity‖², with logits L linear in the parameters θ.

The Hessian is never made: conjugate gradients ask for its products, each of which reads the rows once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from crossentropy.calibration._rows import Floats, Rows
from crossentropy.calibration._temperature import derivatives, look
from crossentropy.calibration._temperature import minimise as best_temperature

#: How near the temperature to begin with is to its best.
_NEAR = 1e-3

#: A step must win this share of what the slope promises (Armijo, 1966).
_ENOUGH = 1e-4

_MOST_HALVINGS = 30

#: Of the objective: differences this small say nothing.
_ROUNDING = 1e-14

#: Multiplications of a pass that takes long enough for anyone to notice.
_LARGE = 1 << 22

#: Products for one step; one that is cut short goes downhill too.
_MOST_PRODUCTS = 1000


class LinearMap(Protocol):
    """Calibrated logits (R, K) of centred ones, linear in the parameters (K, …), and an approximate inverse Hessian.

    ``single``: matrix products, if there are any, may be those of float32.
    """

    def identity(self, classes: int, scale: float) -> Floats:
        """The parameters of logits ``scale`` times as large."""

    def logits(self, parameters: Floats, z: Floats, *, single: bool = False) -> Floats:
        """L(θ, z)."""

    def transposed(self, slopes: Floats, z: Floats, *, single: bool = False) -> Floats:
        """The gradient with respect to θ of what has these slopes (R, K) with respect to L(θ, z)."""

    def curvature(self, spread: Floats, z: Floats) -> tuple[Floats, ...]:
        """What :meth:`inverse` asks of some rows, in arrays that add up: ``spread`` is sᵢ·p(1 − p) (R, K)."""

    def inverse(self, curvature: tuple[Floats, ...], C: float) -> Callable[[Floats], Floats]:
        """An approximate inverse of the Hessian, symmetric and positive, as a function of a gradient."""


class Solution(NamedTuple):
    """Where it stopped: θ, the objective, what the minimum lies below it at most, and after how many steps."""

    point: Floats
    objective: float
    gap: float
    steps: int


class _Evaluation(NamedTuple):
    point: Floats
    objective: float
    gradient: Floats
    curvature: tuple[Floats, ...]

    @property
    def gap(self) -> float:
        """The objective curves at least as ½‖θ‖² does, and so lies above that parabola."""
        return 0.5 * float(np.vdot(self.gradient, self.gradient))


class Objective:
    """The objective for some rows; its minimum is unique, and it has one for any rows."""

    def __init__(self, rows: Rows, linear: LinearMap, *, C: float) -> None:
        self.C = C
        self._rows, self._linear = rows, linear
        self._identity = linear.identity(rows.logits.shape[1], 1.0)

    def start(self) -> Floats:
        """The best common temperature, about, where there is one and the penalty allows it; else the identity."""
        at_ends = look(self._rows)
        if at_ends.slope < 0.0 < at_ends.last_slope:
            found = best_temperature(self._rows, at_ends, tol=_NEAR)
            point = self._linear.identity(len(self._identity), found.beta)
            won = derivatives(self._rows, 1.0)[0] - found.loss
            if 0.5 * float(np.sum((point - self._identity) ** 2)) < self.C * won:
                return point
        return self._identity

    def evaluate(self, point: Floats) -> _Evaluation:
        """The value and derivatives at a point, in one pass."""
        away = point - self._identity
        loss, gradient = 0.0, np.zeros(point.shape)
        curvature: tuple[Floats, ...] = ()
        for block in self._rows:
            z = block.centred.logits
            logits = self._linear.logits(point, z)
            value, slopes = block.loss(logits)
            p = block.probabilities(logits)
            loss += value
            gradient += self._linear.transposed(slopes, z)
            found = self._linear.curvature(block.weight[:, None] * p * (1.0 - p), z)
            curvature = tuple(map(np.add, curvature, found)) if curvature else found
        objective = self.C * loss + 0.5 * float(np.vdot(away, away))
        return _Evaluation(point, objective, self.C * gradient + away, curvature)

    def product(self, point: Floats, direction: Floats) -> Floats:
        """The Hessian at a point times a direction, in one pass, as exactly as a direction to search in asks for."""
        product = np.zeros(point.shape)
        single = len(self._rows.weight) * point.size > _LARGE
        for block in self._rows:
            z = block.centred.logits
            p = block.probabilities(self._linear.logits(point, z, single=single))
            change = self._linear.logits(direction, z, single=single)
            change -= np.einsum("rk,rk->r", p, change)[:, None]
            change *= p
            change *= block.weight[:, None]
            product += self._linear.transposed(change, z, single=single)
        return self.C * product + direction

    def inverse(self, at: _Evaluation) -> Callable[[Floats], Floats]:
        """The approximate inverse of the Hessian there."""
        return self._linear.inverse(at.curvature, self.C)


def minimise(rows: Rows, linear: LinearMap, *, C: float, tol: float, max_iter: int) -> Solution:
    """Until the gap is at most ``tol`` of the objective, the steps run out, or it no longer decreases in float64."""
    objective = Objective(rows, linear, C=C)
    at, steps = objective.evaluate(objective.start()), 0
    while at.gap > tol * at.objective and steps < max_iter:
        found = _search(objective, at, _direction(objective, at, 0.1 * tol * at.objective))
        if found is None:
            break
        at, steps = found, steps + 1
    return Solution(at.point, at.objective, at.gap, steps)


def _direction(objective: Objective, at: _Evaluation, enough: float) -> Floats:
    """−H⁻¹·gradient by preconditioned conjugate gradients, the nearer the smaller the gradient (Dembo et al., 1982).

    ``enough`` is a gap that no one needs to go below.
    """
    inverse = objective.inverse(at)
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
