"""Limited-memory BFGS (Liu and Nocedal, 1989) that begins from an approximate Hessian."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers._line_search import search
from crossentropy.linear_model._solvers._metrics import DiagonalMetric, Metric, metric_at
from crossentropy.linear_model._solvers._solution import Progress

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: Pairs of steps and changes of the gradient.
_MEMORY = 10

#: Iterations until the metric is made anew for the first time; from then on ever more.
_FIRST_STRETCH = 8

#: What a step promises to win of the objective, below which float32 cannot tell.
_NEAR = 1e-7


def minimise(objective: LinearObjective, progress: Progress, at: Evaluation) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance."""
    metric = progress.metric or metric_at(objective, at.point, lasts=progress.metric_lasts)
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
        if iteration == renew and not isinstance(metric, DiagonalMetric):
            metric, renew = metric_at(objective, at.point, lasts=progress.metric_lasts), 2 * renew + 4
            progress.metric = metric
            pairs.measure(metric)
        direction = pairs.direction(at.gradient, metric)
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
        length, new = found
        pairs.add(length * direction, new.gradient - at.gradient, metric)
        at = new
        iteration += 1
        progress.record(at)
    return at


def _with_best_intercept(objective: LinearObjective, at: Evaluation) -> Evaluation:
    """One Newton step of the intercepts alone, where it wins something."""
    (curvature,) = objective.kept(lambda: (objective.intercept_curvature(at.point),), at.point)
    step = np.linalg.lstsq(curvature, -at.gradient[:, -1], rcond=1e-12)[0]
    point = at.point.copy()
    point[:, -1] += step
    found = objective.evaluate(point, single=at.single)
    return found if found.gap < at.gap else at


class _Pair(NamedTuple):
    step: Singles
    change: Singles  # of the gradient
    curvature: float


class _Pairs:
    """The last steps and changes of the gradient, which mend what a metric says of the inverse Hessian."""

    def __init__(self) -> None:
        self._pairs: deque[_Pair] = deque(maxlen=_MEMORY)
        self._size = 1.0

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, step: Floats, change: Floats, metric: Metric) -> None:
        """One more, unless the gradient did not grow along the step."""
        curvature = float(np.vdot(step, change))
        if curvature > 0.0:
            self._pairs.append(_Pair(step.astype(np.float32), change.astype(np.float32), curvature))
            self.measure(metric)

    def measure(self, metric: Metric) -> None:
        """Learn from the last pair by what factor the metric is too small."""
        if self._pairs:
            last = self._pairs[-1]
            change = metric.gradient(last.change)
            self._size = last.curvature / float(np.vdot(change, change))

    def direction(self, gradient: Floats, metric: Metric) -> Floats:
        """Minus the approximate inverse Hessian times the gradient, by the two-loop recursion."""
        rest = gradient.astype(np.float32)
        amounts = []
        for pair in reversed(self._pairs):
            amounts.append(float(np.vdot(pair.step, rest)) / pair.curvature)
            rest -= np.float32(amounts[-1]) * pair.change
        rest = metric.step(metric.gradient(rest)).astype(np.float32)
        rest *= np.float32(self._size)
        for pair in self._pairs:
            rest += np.float32(amounts.pop() - float(np.vdot(pair.change, rest)) / pair.curvature) * pair.step
        found: Floats = -rest.astype(np.float64)
        return found
