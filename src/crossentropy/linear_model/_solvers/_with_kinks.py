"""The minimum of a quadratic model plus a penalty with kinks at 0: by Newton's method in one orthant after another."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._penalty import least_subgradient
from crossentropy.linear_model._solvers._blocks import QuadraticModel

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MOST_ORTHANTS = int(os.environ.get("ORTH", 20))
_MOST_PRODUCTS = int(os.environ.get("CG", 20))
_ENOUGH = 1e-4
_ACCURACY = float(os.environ.get("ACC", 1e-2))
STAT = [0, 0, 0]


def minimise_model(model: QuadraticModel, point: Floats, gradient: Floats, threshold: Floats) -> Floats:
    """The minimum of ⟨g, v − x⟩ + ½⟨v − x, B(v − x)⟩ + Σ threshold·|v| over v (K, D + 1), near enough."""
    at, slopes, first = point, gradient, np.inf
    size = np.sqrt(model.blocks.diagonal)
    for orthant in range(_MOST_ORTHANTS):
        least = least_subgradient(at, slopes, threshold)
        steep = float(np.linalg.norm(least / size))
        if orthant == 0:
            first = steep
        elif steep <= _ACCURACY * first:
            break
        STAT[0] += 1
        sign = np.where(at != 0.0, np.sign(at), -np.sign(least))
        direction = _newton(model, at, least, sign)
        found = _search(model, at, slopes, threshold, sign, direction, least)
        if found is None:
            break
        at, slopes = found
    return at


def _newton(model: QuadraticModel, at: Floats, least: Floats, sign: Floats) -> Floats:
    free = (at != 0.0) | (least != 0.0)
    for _ in range(5):
        model.blocks.factor(free)
        direction = _conjugate_gradients(model, -np.where(free, least, 0.0), free)
        wrong = (at == 0.0) & (direction * sign < 0.0)
        if not wrong.any():
            break
        free &= ~wrong
    direction[wrong] = 0.0
    return direction


def _conjugate_gradients(model: QuadraticModel, right: Floats, free: Mask) -> Floats:
    found, rest = np.zeros_like(right), right.copy()
    solved = model.blocks.solve(rest, free)
    if not len(model):
        return solved
    along, product = solved, float(np.vdot(rest, solved))
    enough = 1e-2 * _ACCURACY * product
    for _ in range(_MOST_PRODUCTS):
        STAT[1] += 1
        image = np.where(free, model.times(along), 0.0)
        curvature = float(np.vdot(along, image))
        if not curvature > 0.0:
            break
        length = product / curvature
        found += length * along
        rest -= length * image
        solved = model.blocks.solve(rest, free)
        before, product = product, float(np.vdot(rest, solved))
        if product <= enough:
            break
        along = solved + (product / before) * along
    return found


def _search(model, at, slopes, threshold, sign, direction, least):
    length = 1.0
    kinked = threshold > 0.0
    for _ in range(30):
        STAT[2] += 1
        found = at + length * direction
        found[kinked & (found * sign < 0.0)] = 0.0
        step = found - at
        image = model.times(step)
        gain = float(np.vdot(slopes, step) + 0.5 * np.vdot(step, image))
        gain += float(np.sum(threshold * (np.abs(found) - np.abs(at))))
        slope = float(np.vdot(least, step))
        if slope < 0.0 and gain <= _ENOUGH * slope:
            return found, slopes + image
        length *= 0.5
    return None
