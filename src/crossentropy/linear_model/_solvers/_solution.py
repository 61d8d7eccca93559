"""What every solver is asked for, and what it returns."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from crossentropy.linear_model._history import Iteration, OnIteration
from crossentropy.linear_model._objective import Evaluation, SoftmaxObjective


@dataclass(frozen=True)
class Solution:
    """Where a solver stopped, and how it came there.

    ``converged`` says whether the gap reached the tolerance; if not, ``exhausted`` says whether the iterations ran out
    (or else the objective no longer decreased in float64).
    """

    evaluation: Evaluation
    history: tuple[Iteration, ...]
    converged: bool
    exhausted: bool


class Progress:
    """The history of a fit: what is written down after each iteration, and when it ends."""

    def __init__(
        self, objective: SoftmaxObjective, *, tol: float, max_iter: int, on_iteration: OnIteration | None
    ) -> None:
        self._objective, self._tol, self._max_iter, self._on_iteration = objective, tol, max_iter, on_iteration
        self._began = time.perf_counter()
        self._history: list[Iteration] = []

    def record(self, evaluation: Evaluation) -> None:
        """One more iteration has come to this point."""
        self._history.append(self._iteration(len(self._history), evaluation))
        if self._on_iteration is not None:
            self._on_iteration(self._history[-1])

    def _iteration(self, number: int, evaluation: Evaluation) -> Iteration:
        return Iteration(
            iteration=number,
            objective=evaluation.objective,
            cross_entropy=evaluation.cross_entropy,
            gradient_norm=evaluation.gradient_norm,
            gap=evaluation.gap,
            seconds=time.perf_counter() - self._began,
            passes=self._objective.passes,
        )

    def has_converged(self, evaluation: Evaluation) -> bool:
        """Whether the optimum is within the tolerance, by products of float64 or of float32."""
        return evaluation.gap <= self._tol * evaluation.objective

    def lacks_intercept_only(self, evaluation: Evaluation) -> bool:
        """Whether the gap would be within the tolerance if the intercepts were the best for their coefficients."""
        return evaluation.coef_gap <= 0.5 * self._tol * evaluation.objective < evaluation.gap

    @property
    def is_exhausted(self) -> bool:
        """Whether the iterations have run out."""
        return len(self._history) > self._max_iter

    def end(self, evaluation: Evaluation) -> Solution:
        """The solver stops here: the last iteration, as it is known now."""
        self._history[-1] = self._iteration(len(self._history) - 1, evaluation)
        return Solution(evaluation, tuple(self._history), self.has_converged(evaluation), self.is_exhausted)


Solver = Callable[[SoftmaxObjective, Progress, Evaluation], Evaluation]
