"""Limited-memory BFGS (Liu and Nocedal, 1989) in coordinates that an approximate Hessian makes round."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers._descent import descend
from crossentropy.linear_model._solvers._metrics import ClassMetric, first_metric, has_room_for_classes
from crossentropy.linear_model._solvers._solution import Progress

Floats = NDArray[np.float64]

#: Pairs of steps and changes of the gradient.
_MEMORY = 10


def minimise(objective: LinearObjective, progress: Progress, at: Evaluation) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance."""
    return descend(objective, progress, at, _RoundSteps(objective, at))


class _RoundSteps:
    """Those of L-BFGS in a metric."""

    def __init__(self, objective: LinearObjective, at: Evaluation) -> None:
        self._objective, self._metric, self._pairs = objective, first_metric(objective, at.point), _Pairs()
        self._vector = self._gradient = np.zeros(0)

    def look(self, at: Evaluation, *, is_due: bool) -> None:
        """The metric of the classes' blocks made anew, where there is room; what steps taught is in the old one's."""
        if is_due and has_room_for_classes(self._objective):
            self._metric, self._pairs = ClassMetric(self._objective, at.point), _Pairs()

    def direction(self, at: Evaluation) -> Floats:
        """In the metric's coordinates, and then in those of points."""
        self._gradient = self._metric.gradient(at.gradient)
        self._vector = self._pairs.direction(self._gradient)
        return self._metric.step(self._vector)

    def learn(self, before: Evaluation, after: Evaluation, length: float) -> None:
        """The step and the gradient's change, in the metric's coordinates."""
        self._pairs.add(length * self._vector, self._metric.gradient(after.gradient) - self._gradient)

    def forget(self) -> bool:
        """The metric alone is left."""
        taught = len(self._pairs) > 0
        self._pairs = _Pairs()
        return taught


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
