"""The models of many C: each fit begins where the ones before it point to, and shares what does not depend on C."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy._linear import LinearLoss
from crossentropy._validation import as_number, sentence
from crossentropy.linear_model._estimator import LinearClassifier, features_of
from crossentropy.linear_model._loss_curve import LossCurve
from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers import Solution, minimise

Floats = NDArray[np.float64]

#: The ends of a sweep that is told only how many.
_SMALLEST, _LARGEST = 1e-6, 1e6

#: So many optima say where the next will be: more magnify what each is off.
_OPTIMA = 2

#: Numbers of the rows held out that are copied at once.
_BLOCK = 1 << 22


class Stage(NamedTuple):
    """One model of a sweep: ``validation_loss`` is NaN where no rows were held out."""

    C: float
    training_loss: float
    validation_loss: float
    objective: float
    gap: float
    iterations: int
    passes: float


#: Called after each model with its fold; a progress bar, for example.
OnStage = Callable[[int, Stage], None]


class HeldOut:
    """Rows that a model was not fitted to, which are copied a block at a time, and the mean of its plain loss there."""

    def __init__(
        self, kind: LinearClassifier, X: Any, y: NDArray[Any], classes: NDArray[Any], outputs: int, weight: Floats
    ) -> None:
        rows = np.flatnonzero(weight)
        step = max(1, _BLOCK // max(X.shape[1], outputs))
        self._X = X
        # of all rows at once, so that what is wrong is named by its row
        _, self._total = kind._held_out(y, classes, outputs, weight)
        blocks = [rows[first : first + step] for first in range(0, len(rows), step)]
        self._blocks = [(block, kind._held_out(y[block], classes, outputs, weight[block])[0]) for block in blocks]

    def loss(self, coef: Floats, intercept: Floats) -> float:
        """In nats."""
        parts = (
            LinearLoss(problem, features_of(self._X[rows])).gradient(coef, intercept)[0]
            for rows, problem in self._blocks
        )
        return math.fsum(parts) / self._total


def penalties(Cs: Any) -> Floats:
    """The values of C (n,) in ascending order: those given, or so many from 1e-6 to 1e6, evenly by ratio."""
    if isinstance(Cs, int | np.integer) and not isinstance(Cs, bool):
        if Cs >= 2:
            return np.geomspace(_SMALLEST, _LARGEST, int(Cs))
    elif isinstance(Cs, Sequence | np.ndarray) and not isinstance(Cs, str) and np.ndim(Cs) == 1 and len(Cs):
        return np.unique([as_number(f"Cs[{i}]", C, above=0.0) for i, C in enumerate(Cs)])
    raise ValueError(
        sentence(
            "Cs",
            expected="a list of numbers above 0, or how many of them, at least 2",
            received=repr(Cs),
            remedy="pass for example [0.01, 1.0, 100.0], or 96",
        )
    )


def sweep(
    objective: LinearObjective, Cs: Floats, *, tol: float, max_iter: int, held_out: HeldOut | None
) -> Iterator[tuple[Stage, LinearObjective, Solution]]:
    """The models of ascending C, of which the first is the objective's own."""
    start, metric, solved = None, None, list[tuple[float, Floats]]()
    for C in Cs.tolist():
        if start is not None:
            objective, (start,) = objective.at(C, start)
            if start.gap > tol * start.objective:
                metric = None if metric is None else metric.at(objective)
                start = _better_start(objective, replace(start, single=objective.is_large), solved)
        solution = minimise(objective, start, tol=tol, max_iter=max_iter, metric=metric, metric_lasts=True)
        if solution.interrupt is not None:
            raise solution.interrupt
        start, metric = solution.evaluation, solution.metric
        solved = [*solved[1 - _OPTIMA :], (C, start.point)]
        yield _stage(objective, solution, held_out), objective, solution


def _better_start(objective: LinearObjective, start: Evaluation, solved: list[tuple[float, Floats]]) -> Evaluation:
    """Where the last optima point to, or the last of them: they move smoothly with log C."""
    if len(solved) < 2:
        return start
    log_C, ahead = math.log(objective.C), np.zeros_like(start.point)
    # by Lagrange's polynomial through those of different logarithms
    points = {math.log(C): point for C, point in solved}
    for at, point in points.items():
        ahead += math.prod((log_C - other) / (at - other) for other in points if other != at) * point
    if objective.threshold.any():
        # what was 0 stays so, and nothing changes its sign on the way
        of_coef = ahead[:, :-1]
        of_coef[of_coef * start.point[:, :-1] <= 0.0] = 0.0
    return min(start, objective.evaluate(ahead, single=objective.is_large), key=lambda found: found.objective)


def _stage(objective: LinearObjective, solution: Solution, held_out: HeldOut | None) -> Stage:
    last = solution.evaluation
    return Stage(
        C=objective.C,
        training_loss=last.cross_entropy,
        validation_loss=math.nan if held_out is None else held_out.loss(*objective.parameters(last.point)),
        objective=last.objective,
        gap=solution.gap,
        iterations=solution.history[-1].iteration,
        passes=objective.passes,
    )


def curve(stages: Sequence[Sequence[Stage]]) -> LossCurve:
    """Of the stages of each fold."""
    # (fold, number of the field, C)
    found = np.array(stages).transpose(0, 2, 1)
    C, training, validation, objectives, gaps, iterations, passes = found.transpose(1, 0, 2)
    return LossCurve(
        Cs=C[0],
        training_losses=training,
        validation_losses=None if np.isnan(validation).any() else validation,
        objectives=objectives,
        gaps=gaps,
        iterations=iterations.astype(np.intp),
        passes=passes,
    )
