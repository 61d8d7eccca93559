"""What a fit records of each of its iterations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Iteration:
    """The state of a fit after one iteration; iteration 0 is the start.

    ``objective`` is C·Σ sᵢ·CEᵢ and the penalty, ``cross_entropy`` the weighted mean of the training rows in nats,
    ``gradient_norm`` the Euclidean norm of the objective's gradient with respect to W and b (with an L1 penalty, of the
    subgradient nearest to 0), ``gap`` an upper bound of how far the objective is above its minimum (without a penalty,
    above all models in a distance that the estimator states), ``seconds`` the time since the fit began, and ``passes``
    how many times the rows had been read by then.
    """

    iteration: int
    objective: float
    cross_entropy: float
    gradient_norm: float
    gap: float
    seconds: float
    passes: float


#: Called after each iteration; a progress bar, for example.
OnIteration = Callable[[Iteration], None]
