"""One evaluation of a problem: check, weigh, run, reduce."""

from __future__ import annotations

import warnings
from typing import Any

from crossentropy._checked import report_undefined
from crossentropy._conventions import result_dtype, rounded
from crossentropy._dispatch import engine
from crossentropy._memory import empty as empty_array
from crossentropy._problems import Array, Order, Problem, error_of
from crossentropy._validation import sentence


def evaluate(
    problem: Problem, order: Order, derivative: Array | None, direction: Array | None, *, factor: float = 1.0
) -> Any:
    """The value; fills ``derivative``, ``factor`` (positive) times. Where it raises, the predictions are as they were,
    even if they are to be overwritten.
    """
    chosen = engine(problem)
    total_weight, finding = chosen.weigh()
    if finding is not None:
        raise error_of(problem, finding)
    reducing, dtype = problem.reducing, result_dtype(problem.predictions.dtype)
    is_mean = reducing.kind == "mean"
    empty = is_mean and reducing.normalizer is None and total_weight == 0.0
    divisor = 1.0
    if is_mean and not empty:
        divisor = total_weight if reducing.normalizer is None else reducing.normalizer
    losses = empty_array(problem.loss_shape, dtype) if reducing.kind == "none" else None
    total, finding = chosen.run(
        order,
        divisor / factor,
        losses,
        None if derivative is None else problem.inside(derivative),
        None if direction is None else problem.inside(direction),
    )
    if finding is not None:
        raise error_of(problem, finding)
    report_undefined(problem, chosen)
    if losses is not None:
        value = losses[()]
    elif empty:
        value = rounded(_mean_of_nothing(reducing.empty), dtype)
    else:
        value = rounded(total / divisor, dtype)
    return (value, total_weight) if reducing.return_weight else value


def _mean_of_nothing(empty: float | None) -> float:
    if empty is not None:
        return empty
    warnings.warn(
        sentence(
            "reduction",
            expected="a row of positive weight for 'mean'",
            received="none (all ignored, or of weight 0)",
            remedy="the mean is NaN; pass empty=0.0 to get 0 instead",
        ),
        RuntimeWarning,
        stacklevel=4,
    )
    return float("nan")
