"""Limited-memory BFGS (Liu and Nocedal, 1989), by SciPy's L-BFGS-B without bounds."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult, minimize

from crossentropy.linear_model._history import Iteration, OnIteration
from crossentropy.linear_model._objective import Evaluation, SoftmaxObjective
from crossentropy.linear_model._solvers._coordinates import Coordinates
from crossentropy.linear_model._solvers._solution import Solution

Floats = NDArray[np.float64]

_MEMORY = 20
_LINE_SEARCH_STEPS = 50


@dataclass(frozen=True)
class _Point:
    coef: Floats
    intercept: Floats
    evaluation: Evaluation
    gradient: Floats

    @property
    def gradient_norm(self) -> float:
        return float(np.max(np.abs(self.gradient)))


def minimise(
    objective: SoftmaxObjective, *, tol: float, max_iter: int, on_iteration: OnIteration | None = None
) -> Solution:
    """Minimise from W = 0, b = 0 until no component of the gradient exceeds ``tol``.

    The gradient is that of the objective per unit of weight, in coordinates that free it of the features' units.
    """
    began = time.perf_counter()
    coordinates = Coordinates(objective)
    history: list[Iteration] = []
    evaluations = 0
    # SciPy evaluates, then accepts: what was evaluated last is what the callback speaks of.
    latest: _Point
    accepted: _Point

    def evaluate(vector: Floats) -> tuple[float, Floats]:
        nonlocal latest, evaluations
        coef, intercept = coordinates.parameters(vector)
        evaluation = objective.evaluate(coef, intercept)
        latest = _Point(coef, intercept, evaluation, coordinates.gradient(evaluation))
        evaluations += 1
        if not history:
            accept()
        return evaluation.objective, latest.gradient

    def accept() -> None:
        nonlocal accepted
        accepted = latest
        record = Iteration(
            iteration=len(history),
            objective=objective.scale * accepted.evaluation.objective,
            cross_entropy=accepted.evaluation.cross_entropy,
            gradient_norm=accepted.gradient_norm,
            seconds=time.perf_counter() - began,
            evaluations=evaluations,
        )
        history.append(record)
        if on_iteration is not None:
            on_iteration(record)

    def callback(intermediate_result: OptimizeResult) -> None:
        accept()

    minimize(
        evaluate,
        coordinates.start(),
        jac=True,
        method="L-BFGS-B",
        callback=callback,
        # ftol=0: a small decrease alone is no sign of the minimum.
        options={
            "gtol": tol,
            "ftol": 0.0,
            "maxiter": max_iter,
            "maxfun": _LINE_SEARCH_STEPS * (max_iter + 1),
            "maxls": _LINE_SEARCH_STEPS,
            "maxcor": _MEMORY,
        },
    )
    return Solution(
        coef=accepted.coef,
        intercept=accepted.intercept,
        history=tuple(history),
        converged=accepted.gradient_norm <= tol,
        exhausted=len(history) > max_iter,
    )
