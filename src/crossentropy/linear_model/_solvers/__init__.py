"""Solvers of a linear objective: one module each, one function ``minimise`` each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence
from crossentropy.linear_model._history import OnIteration
from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers import dual, lbfgs, proximal
from crossentropy.linear_model._solvers._metrics import SOLVERS, Metric
from crossentropy.linear_model._solvers._solution import Progress, Solution
from crossentropy.linear_model._solvers._unpenalised import refuse_separated


def minimise(
    objective: LinearObjective,
    start: NDArray[np.float64] | Evaluation | None = None,
    *,
    tol: float,
    max_iter: int,
    on_iteration: OnIteration | None = None,
    metric: Metric | None = None,
    metric_lasts: bool = False,
) -> Solution:
    """Minimise from a point, or from the class frequencies, until no point can be lower by ``tol`` times the objective.

    Products are made in float32 first where they take any time. Interrupted, it returns the best point so far. The
    first steps are made in ``metric`` where there is one; that of the solution serves at another C if ``metric_lasts``.
    """
    if isinstance(start, np.ndarray):
        start = objective.evaluate(start, single=objective.is_large)
    at = objective.first if start is None else start
    progress = Progress(
        objective, at, tol=tol, max_iter=max_iter, on_iteration=on_iteration, metric=metric, metric_lasts=metric_lasts
    )
    try:
        progress.record(at)
        at = _chosen(objective)(objective, progress, at)
        if not objective.is_penalised:
            refuse_separated(objective, at.point)
        return progress.end(at)
    except KeyboardInterrupt as interrupt:
        # As it was evaluated, perhaps in float32: whoever interrupts does not want to wait for another pass.
        return progress.end(progress.at, interrupt)


def _chosen(objective: LinearObjective) -> Callable[[LinearObjective, Progress, Evaluation], Evaluation]:
    """The solver that is asked for, or that suits best."""
    if objective.threshold.any():
        return proximal.minimise
    if objective.solver == "dual":
        if not dual.can_solve(objective):
            raise ValueError(
                sentence(
                    "solver",
                    expected="'dual' where X is sparse, in memory, and at most 4 times as long as wide or of at most "
                    "16777216 rows times classes, and C is finite",
                    received="other rows, or C=inf",
                    remedy="leave it at 'auto'",
                )
            )
        return dual.minimise
    return dual.minimise if objective.solver == "auto" and dual.suits(objective) else lbfgs.minimise


__all__ = ["SOLVERS", "Solution", "minimise"]
