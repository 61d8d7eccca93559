"""The best common temperature of logits: a convex problem in its inverse β = 1/T, by Newton's method in a bracket."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from crossentropy._validation import sentence
from crossentropy.calibration._rows import Block, Rows

#: Newton's method takes some ten steps, a bracket halved in its exponents some hundred.
_MOST_STEPS = 200

#: How far a logit may be from its row's mean: float32 holds the squares.
_FARTHEST = 1e18

#: How near its best a factor to begin with is.
_NEAR = 1e-3

#: Of the slope in the end: one this small at 0 is what rounding leaves of none.
_ROUNDING = 1e-14


class Look(NamedTuple):
    """What one reading of the rows says of f(β) = Σ sᵢ·CE(softmax(β zᵢ), tᵢ): at 0, and for β without end.

    ``loss`` f(0), ``slope`` f'(0), ``curvature`` f''(0), ``last_slope`` the limit of f'(β).
    """

    loss: float
    slope: float
    curvature: float
    last_slope: float


class Line(NamedTuple):
    """A line below f: its tangent at a β, or from 0 with the slope that f comes to have in the end."""

    beta: float
    value: float
    slope: float

    def below(self, other: Line) -> float:
        """How far the minimum can lie below ``value``, if f is also above a line on the other side of the minimum."""
        apart = other.value + other.slope * (self.beta - other.beta) - self.value
        return max(0.0, self.slope * apart / (other.slope - self.slope))


class Found(NamedTuple):
    """A β, f there, what the minimum lies below it at most, and how many steps it took."""

    beta: float
    loss: float
    gap: float
    steps: int


def look(rows: Rows) -> Look:
    """One reading; ``ValueError`` names the first row whose target is impossible, or whose logits are too far apart."""
    loss = slope = curvature = last_slope = 0.0
    for block in rows:
        z, impossible = block.centred
        _check(block)
        possible = np.full(len(z), z.shape[1]) if impossible is None else (~impossible).sum(axis=1)
        largest, of_target = block.centred.marked(z.copy()).max(axis=1), block.of_targets(z)
        uniform = np.broadcast_to(np.log(possible)[:, None], z.shape)
        loss += float(block.weight @ block.of_targets(uniform))
        slope -= float(block.weight @ of_target)
        curvature += float(block.weight @ (np.einsum("rk,rk->r", z, z) / possible))
        last_slope += float(block.weight @ block.of_targets(largest[:, None] - z))
    return Look(loss, 0.0 if abs(slope) <= _ROUNDING * last_slope else slope, curvature, last_slope)


def _check(block: Block) -> None:
    far = ~(np.abs(block.centred.logits).max(axis=1) < _FARTHEST)
    if far.any():
        raise ValueError(
            sentence(
                f"logits, row {block.rows.start + int(np.argmax(far))} (counted from 0)",
                expected=f"logits within {_FARTHEST:g} of their mean",
                received="some that are farther apart",
                remedy="divide all of them by one number",
            )
        )
    if block.centred.impossible is None:
        return
    wrong = (block.of_targets(block.centred.impossible.astype(np.float64)) > 0.0) & (block.weight > 0.0)
    if wrong.any():
        raise ValueError(
            sentence(
                f"logits, row {block.rows.start + int(np.argmax(wrong))} (counted from 0)",
                expected="a logit above -inf at the target",
                received="-inf, whose loss is infinite however it is scaled",
                remedy="correct it, or weigh the row 0",
            )
        )


def minimise(rows: Rows, at_ends: Look, *, tol: float) -> Found:
    """From two lines whose slopes have different signs to a β whose gap is at most ``tol`` of the loss there.

    It stops short of that where float64 cannot tell β apart any more.
    """
    left = Line(0.0, at_ends.loss, at_ends.slope)
    right = Line(0.0, 0.0, at_ends.last_slope)
    lowest, highest = 0.0, math.inf
    # f' mostly curves downwards: from the left Newton's method comes nearer without going too far
    beta = -at_ends.slope / at_ends.curvature
    for step in range(1, _MOST_STEPS + 1):
        loss, slope, curvature = derivatives(rows, beta)
        here = Line(beta, loss, slope)
        if slope < 0.0:
            left, lowest = here, beta
        else:
            right, highest = here, beta
        gap = here.below(right if slope < 0.0 else left)
        found = Found(beta, loss, gap, step)
        if gap <= tol * loss:
            break
        beta = _next(beta, slope, curvature, lowest, highest)
        if not lowest < beta < highest:
            break
    return found


def first_factor(rows: Rows, *, C: float, size: float) -> float:
    """β to begin with: about the best where there is one and the penalty ½(β − 1)²·size allows it, else 1."""
    at_ends = look(rows)
    if not at_ends.slope < 0.0 < at_ends.last_slope:
        return 1.0
    found = minimise(rows, at_ends, tol=_NEAR)
    won = derivatives(rows, 1.0)[0] - found.loss
    return found.beta if 0.5 * (found.beta - 1.0) ** 2 * size < C * won else 1.0


def _next(beta: float, slope: float, curvature: float, lowest: float, highest: float) -> float:
    """Newton's step where it stays inside the bracket; else the bracket is halved, or made narrower by a factor."""
    to = beta - slope / curvature if curvature > 0.0 else math.inf
    if lowest < to < highest and to < math.inf:
        return to
    if highest == math.inf:
        return 4.0 * lowest
    return math.sqrt(lowest * highest) if lowest > 0.0 else 0.25 * highest


def derivatives(rows: Rows, beta: float) -> tuple[float, float, float]:
    """f, f' and f'' at β."""
    loss = slope = curvature = 0.0
    for block in rows:
        z = block.centred.logits
        logits = beta * z
        value, slopes = block.loss(logits)
        p = block.probabilities(logits)
        away = z - np.einsum("rk,rk->r", p, z)[:, None]
        loss += value
        slope += float(np.vdot(slopes, z))
        curvature += float(block.weight @ np.einsum("rk,rk,rk->r", p, away, away))
    return loss, slope, curvature
