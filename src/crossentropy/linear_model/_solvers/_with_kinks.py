"""The minimum of a quadratic model plus a penalty with kinks at 0: by Newton's method in one orthant after another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._penalty import least_subgradient
from crossentropy.linear_model._solvers._model import QuadraticModel

Floats = NDArray[np.float64]

#: Orthants that are gone into, products with the model in each, and how often a step is halved, at most.
_MOST_ORTHANTS = 20
_MOST_PRODUCTS = 20
_MOST_HALVES = 60

#: Coefficients that go against the sign they are to get are held at 0 so many times.
_MOST_HELD = 5

#: To what the slopes come down.
_ACCURACY = 0.1

#: A step must win this share of what the slope promises.
_ENOUGH = 1e-4


def minimise_model(model: QuadraticModel, point: Floats, gradient: Floats, threshold: Floats) -> Floats:
    """The minimum of ⟨g, v − x⟩ + ½⟨v − x, B(v − x)⟩ + Σ threshold·|v| over v (K, D + 1), near enough."""
    at, slopes, size = point, gradient, np.sqrt(model.blocks.diagonal)
    least = least_subgradient(at, slopes, threshold)
    enough = _ACCURACY * float(np.linalg.norm(least / size))
    for _ in range(_MOST_ORTHANTS):
        found = _step(model, at, slopes, least, threshold)
        if found is None:
            break
        at, slopes = found
        least = least_subgradient(at, slopes, threshold)
        if float(np.linalg.norm(least / size)) <= enough:
            break
    return at


def _step(
    model: QuadraticModel, at: Floats, slopes: Floats, least: Floats, threshold: Floats
) -> tuple[Floats, Floats] | None:
    """A point of the same orthant where the model is lower, and its slopes there."""
    sign = np.where(at != 0.0, np.sign(at), -np.sign(least))
    direction = _direction(model, at, least, sign)
    for halves in range(_MOST_HALVES):
        found = at + 0.5**halves * direction
        found[(threshold > 0.0) & (found * sign < 0.0)] = 0.0
        step = found - at
        image = model.times(step)
        slope = float(np.vdot(least, step))
        gain = float(np.vdot(slopes, step) + 0.5 * np.vdot(step, image))
        gain += float(np.vdot(threshold, (np.abs(found) - np.abs(at)).sum(axis=0)))
        if slope < 0.0 and gain <= _ENOUGH * slope:
            return found, slopes + image
    return None


def _direction(model: QuadraticModel, at: Floats, least: Floats, sign: Floats) -> Floats:
    """Newton's, of the coefficients that are not 0 or leave it with the sign they are to get."""
    free = (at != 0.0) | (least != 0.0)
    direction = np.zeros_like(at)
    for _ in range(_MOST_HELD):
        direction[...] = 0.0
        direction[free] = model.of(free).solve(-least[free], 0.1 * _ACCURACY, _MOST_PRODUCTS)
        wrong = (at == 0.0) & (direction * sign < 0.0)
        if not wrong.any():
            break
        free &= ~wrong
        direction[wrong] = 0.0
    return direction
