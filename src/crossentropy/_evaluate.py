"""One evaluation of a problem: check, weigh, run, reduce."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from crossentropy._checked import report_undefined
from crossentropy._conventions import is_supported_float, result_dtype, rounded
from crossentropy._dispatch import engine
from crossentropy._native import is_plain
from crossentropy._problems import Array, Order, Problem, error_of
from crossentropy._validation import sentence


def fresh_derivative(problem: Problem) -> Array:
    """A new array for a derivative, of the predictions' shape and dtype as the caller passed them."""
    return np.empty(problem.outside(problem.predictions.shape), dtype=problem.predictions.dtype)


def as_out(problem: Problem, out: Any) -> Array:
    """The caller's array for a gradient, if it can take one."""
    expected = problem.outside(problem.predictions.shape)
    wrong = None
    if not isinstance(out, np.ndarray):
        wrong = type(out).__name__
    elif out.shape != expected:
        wrong = f"shape {out.shape}"
    elif not is_supported_float(out.dtype) or not is_plain(out):
        wrong = f"dtype {out.dtype.str}" + ("" if out.flags.aligned else ", unaligned")
    elif not out.flags.writeable:
        wrong = "a read-only array"
    elif _overlaps(problem, out):
        wrong = "an array that shares memory with another argument"
    if wrong is not None:
        raise ValueError(
            sentence(
                "out",
                expected=f"a writeable float array of shape {expected} that shares no memory with another argument",
                received=wrong,
                remedy="leave it out, pass np.empty_like(predictions), or the predictions themselves to overwrite them",
            )
        )
    return out  # type: ignore[no-any-return]


def _overlaps(problem: Problem, out: Array) -> bool:
    given = problem.inside(out)
    predictions = problem.predictions
    same = (
        given.__array_interface__["data"] == predictions.__array_interface__["data"]
        and given.strides == predictions.strides
        and given.dtype == predictions.dtype
    )
    targets = problem.targets
    arrays = [targets] if isinstance(targets, np.ndarray) else list(targets)
    arrays += [getattr(problem, name, None) for name in ("class_weight", "pos_weight", "sample_weight", "class_mask")]
    others = [a for a in arrays if isinstance(a, np.ndarray)] + ([] if same else [predictions])
    return any(np.may_share_memory(out, other) for other in others)


def evaluate(problem: Problem, order: Order, derivative: Array | None, direction: Array | None) -> Any:
    """The value; fills ``derivative``. The input is checked in full before anything is written."""
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
    losses = np.empty(problem.loss_shape, dtype=dtype) if reducing.kind == "none" else None
    total = chosen.run(
        order,
        divisor,
        losses,
        None if derivative is None else problem.inside(derivative),
        None if direction is None else problem.inside(direction),
    )
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
