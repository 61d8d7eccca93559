"""How far to go along a direction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import Evaluation, LinearObjective

Floats = NDArray[np.float64]

#: A step must win this share of what the slope promises (Armijo, 1966).
_ENOUGH = 1e-4

_MOST_STEPS = 20

#: In float32: where a few find nothing, its rounding is in the way.
_MOST_SINGLE_STEPS = 4

#: Relative to the objective: differences this small say nothing.
_ROUNDING = 1e-14


def search(
    objective: LinearObjective, at: Evaluation, direction: Floats, slope: float, *, kinks: float = 0.0
) -> tuple[float, Evaluation] | None:
    """The first length, 1 or then shorter by the minimum of a parabola, whose point is low enough, and that point.

    ``kinks`` is what of the slope is no smooth part's.
    """
    rounding = _ROUNDING * abs(at.objective)
    if not slope < rounding or not direction.any():
        return None
    length = 1.0
    for _ in range(_MOST_SINGLE_STEPS if at.single else _MOST_STEPS):
        found = objective.evaluate(at.point + length * direction, single=at.single)
        gain = found.objective - at.objective
        if gain <= _ENOUGH * length * slope < 0.0:
            return length, found
        # where both round to the same number the slopes tell, as that of a convex function only grows, or the gap does
        if abs(gain) <= rounding and (
            abs(float(np.vdot(found.gradient, direction)) + kinks) <= -0.9 * slope or found.gap < at.gap
        ):
            return length, found
        lowest = 0.5 * -slope * length**2 / (gain - slope * length) if np.isfinite(gain) else 0.0
        length = min(max(lowest, 0.1 * length), 0.5 * length)
    return None
