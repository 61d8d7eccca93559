"""Proximal quasi-Newton steps (Lee, Sun and Saunders, 2014), for a penalty with kinks at 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers._blocks import Blocks, few_matter
from crossentropy.linear_model._solvers._descent import descend
from crossentropy.linear_model._solvers._model import QuadraticModel
from crossentropy.linear_model._solvers._solution import Progress
from crossentropy.linear_model._solvers._with_kinks import minimise_model

Floats = NDArray[np.float64]


def minimise(objective: LinearObjective, progress: Progress, at: Evaluation) -> Evaluation:
    """Minimise from a point until the gap is within the tolerance."""
    return descend(objective, progress, at, _ProximalSteps(objective, at))


#: What an exact Hessian's diagonal is raised by at first, relative to it: more where steps were too long, else less.
_DAMPING = 1e-3

#: What rounding leaves of the Hessian's smallest curvatures is more uncertain than that.
_LEAST_DAMPING = 1e-10


class _ProximalSteps:
    """Each to the minimum of a quadratic model of the smooth part, and the kinks as they are."""

    def __init__(self, objective: LinearObjective, at: Evaluation) -> None:
        self._objective, self._damping = objective, _DAMPING
        self._model = QuadraticModel(Blocks(objective, at.point, at.gradient, _DAMPING))
        #: Where the blocks were made, as long as they are as they should be.
        self._seen: Evaluation | None = at

    def look(self, at: Evaluation, *, is_due: bool) -> None:
        """Blocks made anew: where they can be exact, in each step, or else with what steps taught."""
        before = self._model.blocks
        if at is self._seen:
            return
        if few_matter(self._objective, at.point, at.gradient):
            self._model = QuadraticModel(Blocks(self._objective, at.point, at.gradient, self._damping))
            self._seen = at
        elif is_due or before.are_exact or before.lack(at.point):
            self._model = self._model.renewed(Blocks(self._objective, at.point, at.gradient))

    def direction(self, at: Evaluation) -> Floats:
        """To the minimum of the model."""
        return minimise_model(self._model, at.point, at.gradient, self._objective.threshold) - at.point

    def learn(self, before: Evaluation, after: Evaluation, length: float) -> None:
        """The model is to have the gradient's change along the step."""
        self._damping *= 0.1 if length == 1.0 else min(10.0 / length, 1e3)
        self._damping = max(self._damping, _LEAST_DAMPING)
        self._model.add(after.point - before.point, after.gradient - before.gradient)

    def forget(self) -> bool:
        """Leave the blocks alone, raised more if they are exact: rounding may be all that was left of a direction."""
        taught = len(self._model) > 0 or (self._model.blocks.are_exact and self._damping < 1.0)
        self._damping *= 1e3
        self._seen = None
        self._model = QuadraticModel(self._model.blocks)
        return taught
