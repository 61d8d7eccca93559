"""What every solver is asked for, and what it returns."""

from __future__ import annotations

from dataclasses import dataclass

from crossentropy.linear_model._history import Iteration, OnIteration
from crossentropy.linear_model._objective import Evaluation, LinearObjective
from crossentropy.linear_model._solvers._metrics import Metric

#: How much of an objective rounding leaves uncertain, many times over: in products of float64, and of float32.
_DOUBT = (1e-13, 1e-5)


@dataclass(frozen=True)
class Solution:
    """Where a solver stopped, and how it came there.

    ``converged`` says whether the gap reached the tolerance; if not, ``interrupt`` is what the solver was interrupted
    by, if it was, and ``exhausted`` says whether the iterations ran out (or else the objective no longer decreased in
    float64). ``metric`` is what its last steps were made in.
    """

    evaluation: Evaluation
    gap: float
    history: tuple[Iteration, ...]
    converged: bool
    exhausted: bool
    interrupt: KeyboardInterrupt | None
    metric: Metric | None


class Progress:
    """The history of a fit: what is written down after each iteration, and when it ends."""

    def __init__(
        self,
        objective: LinearObjective,
        start: Evaluation,
        *,
        tol: float,
        max_iter: int,
        on_iteration: OnIteration | None,
        metric: Metric | None,
        metric_lasts: bool,
    ) -> None:
        #: The best point so far: objectives only decrease.
        self.at = start
        #: What steps are made in, and whether that will be asked for at another C.
        self.metric, self.metric_lasts = metric, metric_lasts
        self.tol = tol
        self._objective, self._max_iter, self._on_iteration = objective, max_iter, on_iteration
        self._began = objective.rows.clock()
        self._history: list[Iteration] = []
        #: What the minimum is at least, by the best of all points of the dual problem so far: no loss is below 0.
        self._lowest = 0.0

    def record(self, evaluation: Evaluation, *, iterations: int = 1) -> None:
        """So many more have come to this point; the first is where they began, iteration 0."""
        self.at = evaluation
        number = self._history[-1].iteration + iterations if self._history else 0
        self._history.append(self._iteration(number, evaluation))
        if self._on_iteration is not None:
            self._on_iteration(self._history[-1])

    def gap(self, evaluation: Evaluation) -> float:
        """What the minimum lies below an evaluation at most, by that and all that were recorded."""
        return min(evaluation.gap, max(evaluation.objective - self._lowest, 0.0))

    def _iteration(self, number: int, evaluation: Evaluation) -> Iteration:
        doubt = _DOUBT[evaluation.single] * abs(evaluation.objective)
        if self._objective.is_penalised:  # else what a point says holds about itself
            self._lowest = max(self._lowest, evaluation.objective - evaluation.gap - doubt)
        return Iteration(
            iteration=number,
            objective=evaluation.objective,
            cross_entropy=evaluation.cross_entropy,
            gradient_norm=evaluation.gradient_norm,
            gap=self.gap(evaluation),
            seconds=self._objective.rows.clock() - self._began,
            passes=self._objective.passes,
        )

    def has_converged(self, evaluation: Evaluation) -> bool:
        """Whether the optimum is within the tolerance, by products of float64 or of float32."""
        return self.gap(evaluation) <= self.tol * evaluation.objective

    def lacks_intercept_only(self, evaluation: Evaluation) -> bool:
        """Whether the gap would be within the tolerance if the intercepts were the best for their coefficients."""
        return evaluation.coef_gap <= 0.5 * self.tol * evaluation.objective < evaluation.gap

    @property
    def iterations_left(self) -> int:
        """How many more there may be."""
        return self._max_iter - self._history[-1].iteration if self._history else self._max_iter

    @property
    def is_exhausted(self) -> bool:
        """Whether the iterations have run out."""
        return self.iterations_left <= 0

    def end(self, evaluation: Evaluation, interrupt: KeyboardInterrupt | None = None) -> Solution:
        """The solver stops here: the last iteration, as it is known now."""
        # none is recorded yet where the interrupt came at once
        last = self._iteration(self._history[-1].iteration if self._history else 0, evaluation)
        return Solution(
            evaluation=evaluation,
            gap=last.gap,
            history=(*self._history[:-1], last),
            converged=self.has_converged(evaluation),
            exhausted=self.is_exhausted,
            interrupt=interrupt,
            metric=self.metric,
        )
