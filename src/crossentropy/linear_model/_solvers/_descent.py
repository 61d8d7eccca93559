"""What all methods of descent do alike: when they end, when float32 no longer says enough, and how far they step."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers._line_search import search
from crossentropy.linear_model._solvers._solution import Progress

Floats = NDArray[np.float64]

#: Iterations until a method looks at the Hessian anew for the first time; from then on ever more.
_FIRST_STRETCH = 8

#: What a step promises to win of the objective, below which float32 cannot tell.
_NEAR = 1e-7


class Method(Protocol):
    """How a step is found, from what is known of the Hessian."""

    def look(self, at: Evaluation, *, is_due: bool) -> None:
        """Look at the Hessian at a point, if it is time to or else there is a reason."""

    def direction(self, at: Evaluation) -> Floats:
        """A step from a point."""

    def learn(self, before: Evaluation, after: Evaluation, length: float) -> None:
        """So much of the last step was taken."""

    def forget(self) -> bool:
        """Forget what steps taught; whether they taught anything."""


def descend(objective: LinearObjective, progress: Progress, at: Evaluation, method: Method) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance."""
    renew, iteration = _FIRST_STRETCH, 0
    while not progress.is_exhausted:
        if progress.has_converged(at):
            if not at.single:
                break
            at = objective.evaluate(at.point, single=False)
            continue
        if progress.lacks_intercept_only(at):
            better = with_best_intercept(objective, at)
            if better is not at:
                at = better
                continue
        is_due = iteration == renew
        method.look(at, is_due=is_due)
        renew = 2 * renew + 4 if is_due else renew
        direction = method.direction(at)
        kinks = objective.kinks(at.point + direction) - objective.kinks(at.point)
        slope = float(np.vdot(at.gradient, direction)) + kinks
        if at.single and -0.5 * slope < _NEAR * at.objective:
            at = objective.evaluate(at.point, single=False)
            continue
        found = search(objective, at, direction, slope, kinks=kinks)
        if found is None:
            if not method.forget() and not at.single:
                break
            if at.single:
                at = objective.evaluate(at.point, single=False)
            continue
        length, better = found
        method.learn(at, better, length)
        at = better
        iteration += 1
        progress.record(at)
    return at


def with_best_intercept(objective: LinearObjective, at: Evaluation) -> Evaluation:
    """One Newton step of the intercepts alone, where it wins something."""
    (curvature,) = objective.kept(lambda: (objective.intercept_curvature(at.point),), at.point)
    step = np.linalg.lstsq(curvature, -at.gradient[:, -1], rcond=1e-12)[0]
    point = at.point.copy()
    point[:, -1] += step
    found = objective.evaluate(point, single=at.single)
    return found if found.gap < at.gap else at
