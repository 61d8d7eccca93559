"""One evaluation of a problem: check, weigh, run, reduce."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from crossentropy._checked import report_undefined
from crossentropy._conventions import result_dtype, rounded
from crossentropy._dispatch import engine
from crossentropy._memory import empty as empty_array
from crossentropy._problems import Array, Order, Problem, Reducing, error_of
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
    divisor = divisor_of(reducing, total_weight)
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
    return value_of(reducing, total, total_weight, losses, dtype)


def divisor_of(reducing: Reducing, total_weight: float) -> float:
    """What the sum of the losses is divided by."""
    if reducing.kind != "mean":
        return 1.0
    return reducing.normalizer if reducing.normalizer is not None else total_weight or 1.0


def value_of(reducing: Reducing, total: float, total_weight: float, losses: Array | None, dtype: np.dtype[Any]) -> Any:
    """What the caller gets: the losses, or their sum reduced; with the sum of row weights where asked for."""
    if losses is not None:
        value = losses[()]
    elif reducing.kind == "mean" and reducing.normalizer is None and total_weight == 0.0:
        value = rounded(_mean_of_nothing(reducing.empty), dtype)
    else:
        value = rounded(total / divisor_of(reducing, total_weight), dtype)
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
        stacklevel=5,
    )
    return float("nan")
