"""Limited-memory BFGS (Liu and Nocedal, 1989) that begins from an approximate Hessian."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers._descent import descend
from crossentropy.linear_model._solvers._metrics import DiagonalMetric, Metric, metric_at
from crossentropy.linear_model._solvers._solution import Progress

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: Pairs of steps and changes of the gradient.
_MEMORY = 10


def minimise(objective: LinearObjective, progress: Progress, at: Evaluation) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance."""
    return descend(objective, progress, at, _RoundSteps(objective, progress, at))


class _RoundSteps:
    """Those of L-BFGS from a metric."""

    def __init__(self, objective: LinearObjective, progress: Progress, at: Evaluation) -> None:
        self._objective, self._progress, self._pairs = objective, progress, _Pairs(objective)
        if progress.metric is None:
            progress.metric = metric_at(objective, at.point, lasts=progress.metric_lasts)
        self._metric = progress.metric

    def look(self, at: Evaluation, *, is_due: bool) -> None:
        """The metric made anew, where it depends on the point; what steps taught is kept."""
        if is_due and not isinstance(self._metric, DiagonalMetric):
            self._metric = metric_at(self._objective, at.point, lasts=self._progress.metric_lasts)
            self._progress.metric = self._metric
            self._pairs.measure(self._metric)

    def direction(self, at: Evaluation) -> Floats:
        """From the metric, as the pairs mend it."""
        return self._pairs.direction(at.gradient, self._metric)

    def learn(self, before: Evaluation, after: Evaluation, length: float) -> None:
        """The step, and the gradient's change."""
        self._pairs.add(after.point - before.point, after.gradient - before.gradient, self._metric)

    def forget(self) -> bool:
        """The metric alone is left."""
        taught = len(self._pairs) > 0
        self._pairs = _Pairs(self._objective)
        return taught


class _Pair(NamedTuple):
    step: Floats | Singles
    change: Floats | Singles  # of the gradient
    curvature: float


class _Pairs:
    """The last steps and changes of the gradient, which mend what a metric says of the inverse Hessian."""

    def __init__(self, objective: LinearObjective) -> None:
        # in float64 where that takes no time: then the order of rows changes next to nothing
        self._dtype: Any = np.float32 if objective.is_large else np.float64
        self._pairs: deque[_Pair] = deque(maxlen=_MEMORY)
        self._size = 1.0

    def __len__(self) -> int:
        return len(self._pairs)

    def add(self, step: Floats, change: Floats, metric: Metric) -> None:
        """One more, unless the gradient did not grow along the step."""
        curvature = float(np.vdot(step, change))
        if curvature > 0.0:
            self._pairs.append(_Pair(step.astype(self._dtype), change.astype(self._dtype), curvature))
            self.measure(metric)

    def measure(self, metric: Metric) -> None:
        """Learn from the last pair by what factor the metric is too small."""
        if self._pairs:
            last = self._pairs[-1]
            change = metric.gradient(last.change)
            self._size = last.curvature / float(np.vdot(change, change))

    def direction(self, gradient: Floats, metric: Metric) -> Floats:
        """Minus the approximate inverse Hessian times the gradient, by the two-loop recursion."""
        rest = gradient.astype(self._dtype)
        amounts = []
        for pair in reversed(self._pairs):
            amounts.append(float(np.vdot(pair.step, rest)) / pair.curvature)
            rest -= amounts[-1] * pair.change
        rest = metric.step(metric.gradient(rest)).astype(self._dtype)
        rest *= self._size
        for pair in self._pairs:
            rest += (amounts.pop() - float(np.vdot(pair.change, rest)) / pair.curvature) * pair.step
        found: Floats = -rest.astype(np.float64)
        return found
