"""Limited-memory BFGS (Liu and Nocedal, 1989) in coordinates that an approximate Hessian makes round."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers._line_search import search
from crossentropy.linear_model._solvers._metrics import ClassMetric, first_metric, has_room_for_classes
from crossentropy.linear_model._solvers._solution import Progress

Floats = NDArray[np.float64]

#: Pairs of steps and changes of the gradient.
_MEMORY = 10

#: Iterations until the metric is made anew for the first time; from then on ever more.
_FIRST_STRETCH = 8

#: What a step promises to win of the objective, below which float32 cannot tell.
_NEAR = 1e-7


def minimise(objective: LinearObjective, progress: Progress, at: Evaluation) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance."""
    metric = progress.metric or first_metric(objective, at.point, lasts=progress.metric_lasts)
    pairs, iteration, renew = _Pairs(), 0, _FIRST_STRETCH
    progress.metric = metric
    while not progress.is_exhausted:
        if progress.has_converged(at):
            if not at.single:
                break
            at = objective.evaluate(at.point, single=False)
            continue
        if progress.lacks_intercept_only(at):
            better = _with_best_intercept(objective, at)
            if better is not at:
                at = better
                continue
        if iteration == renew and has_room_for_classes(objective):
            metric = ClassMetric(objective, at.point, lasts=progress.metric_lasts)
            progress.metric, pairs, renew = metric, _Pairs(), 2 * renew + 4
        gradient = metric.gradient(at.gradient)
        vector = pairs.direction(gradient)
        direction = metric.step(vector)
        slope = float(np.vdot(at.gradient, direction))
        if at.single and -0.5 * slope < _NEAR * at.objective:
            at = objective.evaluate(at.point, single=False)
            continue
        found = search(objective, at, direction, slope)
        if found is None:
            if at.single:
                at = objective.evaluate(at.point, single=False)
            elif not len(pairs):
                break
            pairs = _Pairs()
            continue
        length, at = found
        pairs.add(length * vector, metric.gradient(at.gradient) - gradient)
        iteration += 1
        progress.record(at)
    return at


def _with_best_intercept(objective: LinearObjective, at: Evaluation) -> Evaluation:
    """One Newton step of the intercepts alone, where it wins something."""
    curvature = objective.intercept_curvature(at.point)
    step = np.linalg.lstsq(curvature, -at.gradient[:, -1], rcond=1e-12)[0]
    point = at.point.copy()
    point[:, -1] += step
    found = objective.evaluate(point, single=at.single)
    return found if found.gap < at.gap else at


class _Pair(NamedTuple):
    step: NDArray[np.float32]
    change: NDArray[np.float32]  # of the gradient
    curvature: float


class _Pairs:
    """The last steps and changes of the gradient, and the approximate inverse Hessian they make."""

    def __init__(self) -> None:
        self._pairs: deque[_Pair] = deque(maxlen=_MEMORY)
        self._size = 1.0

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, step: Floats, change: Floats) -> None:
        """One more, unless the gradient did not grow along the step."""
        curvature = float(np.vdot(step, change))
        if curvature > 0.0:
            self._pairs.append(_Pair(step.ravel().astype(np.float32), change.ravel().astype(np.float32), curvature))
            self._size = curvature / float(np.vdot(change, change))

    def direction(self, gradient: Floats) -> Floats:
        """Minus the approximate inverse Hessian times the gradient, by the two-loop recursion."""
        rest = gradient.ravel().astype(np.float32)
        amounts = []
        for pair in reversed(self._pairs):
            amounts.append(float(pair.step @ rest) / pair.curvature)
            rest -= np.float32(amounts[-1]) * pair.change
        rest *= np.float32(self._size)
        for pair in self._pairs:
            rest += np.float32(amounts.pop() - float(pair.change @ rest) / pair.curvature) * pair.step
        return -rest.reshape(gradient.shape).astype(np.float64)
