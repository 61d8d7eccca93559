"""Checked mode: rows whose loss is NaN are named (promise 10)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from crossentropy._problems import Array, Engine, Order, Problem, RowProblem
from crossentropy._validation import sentence

_checked: ContextVar[bool] = ContextVar("checked", default=False)


@contextmanager
def checked() -> Iterator[None]:
    """Inside this ``with`` block, a row whose loss is NaN is named in a ``RuntimeWarning``, with the reason.

    Outside it, NaN stays in its row without a word, as in NumPy: looking for it costs another pass over the losses.

    Example:
        >>> import warnings, crossentropy as ce
        >>> with ce.checked(), warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     value = ce.softmax_cross_entropy([[0.0, 1.0], [-float("inf")] * 2], [0, 0], reduction="none")
        >>> print(caught[0].message)
        logits: expected a logit above -inf in each row, got only -inf in row 1; its loss is NaN
    """
    token = _checked.set(True)
    try:
        yield
    finally:
        _checked.reset(token)


def is_checked() -> bool:
    """Whether rows whose loss is NaN are to be named."""
    return _checked.get()


def report_undefined(problem: Problem, chosen: Engine) -> None:
    """In checked mode, warn of the first row whose loss is NaN."""
    if not _checked.get():
        return
    losses = np.empty(problem.loss_shape)
    chosen.run(Order.VALUE, 1.0, losses, None, None)
    where = _first_undefined(losses)
    if where is None:
        return
    row = problem.predictions[where].astype(np.float64)
    mask = problem.class_mask if isinstance(problem, RowProblem) else None
    if mask is not None:
        row = np.where(mask if mask.ndim == 1 else mask[where], row, -np.inf)
    only_minus_inf = (
        isinstance(problem, RowProblem) and row.size > 0 and not np.isnan(row).any() and row.max() == -np.inf
    )
    if only_minus_inf:
        _warn(problem.names[0], "a logit above -inf in each row", "only -inf", where)
    else:
        _warn(problem.names[0], "numbers whose loss is defined", "NaN or more than one +inf", where)


def warn_undefined(name: str, losses: Array | None) -> None:
    """Warn of the first row whose loss is NaN, whatever the reason."""
    where = None if losses is None else _first_undefined(losses)
    if where is not None:
        _warn(name, "numbers whose loss is defined", "NaN", where)


def _first_undefined(losses: Array) -> tuple[int, ...] | None:
    undefined = np.isnan(losses)
    return tuple(int(i) for i in np.argwhere(undefined)[0]) if undefined.any() else None


def _warn(name: str, expected: str, received: str, where: tuple[int, ...]) -> None:
    place = "" if not where else f" in row {where[0] if len(where) == 1 else where}"
    warnings.warn(
        sentence(name, expected=expected, received=received + place, remedy="its loss is NaN"),
        RuntimeWarning,
        stacklevel=5,
    )
