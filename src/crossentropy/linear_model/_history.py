"""What a fit records of each of its iterations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Iteration:
    """The state of a fit after one iteration; iteration 0 is the start, where every class has the same logit.

    ``objective`` is C·Σ sᵢ·CEᵢ + ½‖W‖², ``cross_entropy`` the mean of the training rows in nats, ``gradient_norm`` the
    number that is compared with ``tol``, ``seconds`` the time since the fit began, and ``evaluations`` how many times
    the objective and its gradient had been computed by then.
    """

    iteration: int
    objective: float
    cross_entropy: float
    gradient_norm: float
    seconds: float
    evaluations: int


#: Called after each iteration; a progress bar, for example.
OnIteration = Callable[[Iteration], None]
