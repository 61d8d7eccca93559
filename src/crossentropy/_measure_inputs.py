"""What a measure is given, as valid rows of probabilities; and formulas over them, block by block."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossentropy._conventions import result_dtype, rounded, sum_tolerance
from crossentropy._validation import Array, as_axis, as_floats, not_a_distribution, sentence
from crossentropy.reference.measures import cells, total

Floats = NDArray[np.float64]

_BLOCK = 2**18  # elements at a time: float64 copies and temporaries stay small beside an array of any size

_NORMALIZE = "pass normalize=True to divide by the sum, or correct the values"
_DROP = "no division makes that a distribution: drop it, or correct its values"


def measure_dtype(*arrays: Array) -> np.dtype[Any]:
    """The dtype of a measure of all of these: float64 if one of them is, else float32 (promise 19)."""
    return max((result_dtype(array.dtype) for array in arrays), key=lambda dtype: dtype.itemsize)


def of_rows(formula: Callable[[Floats], Floats], unit: float, p: ArrayLike, axis: int, normalize: bool) -> Any:
    """``formula`` of each row of ``p``, in units of so many nats."""
    given = as_rows("p", p, axis)
    rows = as_distributions("p", given, normalize)
    return rounded(blockwise(formula, rows) / unit, measure_dtype(given))


def of_pairs(
    formula: Callable[[Floats, Floats], Floats], unit: float, p: ArrayLike, q: ArrayLike, axis: int, normalize: bool
) -> Any:
    """``formula`` of each row of ``p`` with its row of ``q``."""
    given = as_rows("p", p, axis), as_rows("q", q, axis)
    paired(*given)  # shapes first: a wrong one explains more than a sum
    rows = paired(as_distributions("p", given[0], normalize), as_distributions("q", given[1], normalize))
    return rounded(blockwise(formula, *rows) / unit, measure_dtype(*given))


def of_tables(
    formula: Callable[[Floats], Floats], unit: float, joint: ArrayLike, axis: tuple[int, int], normalize: bool
) -> Any:
    """``formula`` of each table."""
    given = as_tables("joint", joint, axis)
    tables = as_distributions("joint", given, normalize, core=2)
    return rounded(blockwise(formula, tables, core=2) / unit, measure_dtype(given))


def as_rows(argument: str, value: ArrayLike, axis: int) -> Array:
    """Real numbers with the classes moved to the last axis."""
    array = as_floats(argument, value)
    return np.moveaxis(array, as_axis(axis, array.ndim, argument), -1)


def as_tables(argument: str, value: ArrayLike, axis: tuple[int, int]) -> Array:
    """Probabilities with the axis of X moved to the last but one, and that of Y to the last."""
    array = as_floats(argument, value)
    if not isinstance(axis, tuple) or len(axis) != 2:
        raise TypeError(
            sentence(
                "axis", expected="a tuple of two integers", received=repr(axis), remedy="name the axes of X and of Y"
            )
        )
    x, y = (as_axis(one, array.ndim, argument) for one in axis)
    if x == y:
        raise ValueError(
            sentence("axis", expected="two different axes", received=repr(axis), remedy="name the axes of X and of Y")
        )
    check_entries(argument, array)  # here, where an index still is the caller's
    return np.moveaxis(array, (x, y), (-2, -1))


def check_entries(argument: str, array: Array, at_most: float = math.inf) -> None:
    """Every entry must be at least 0, and ``at_most`` at most: NaN is neither."""
    wrong = ~((array >= 0.0) & (array <= at_most))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = "" if not where else f" at index {where[0] if len(where) == 1 else where}"
        raise ValueError(
            sentence(
                argument,
                expected="probabilities of at least 0" if at_most == math.inf else "probabilities from 0 to 1",
                received=f"{float(array[where]):.6g}{place}",
                remedy="remove or correct that entry",
            )
        )


def as_distributions(argument: str, rows: Array, normalize: bool, *, core: int = 1) -> Array:
    """Rows, or tables where ``core`` is 2, that sum to 1 within the tolerance of their dtype; divided by their sums on
    request, in float64 (promise 3).
    """
    flat = cells(rows) if core == 2 else rows
    sums = blockwise(_sums, flat)
    right = (sums > 0.0) & (sums < np.inf) if normalize else np.abs(sums - 1.0) <= sum_tolerance(rows.dtype)
    if not right.all():
        where = tuple(int(i) for i in np.argwhere(~right)[0])
        remedy = _DROP if normalize else _NORMALIZE
        with np.errstate(over="ignore"):
            if core == 2 and where:
                table = f"{argument}, table {where[0] if len(where) == 1 else where}"
                raise not_a_distribution(table, flat[where], (), remedy)
            raise not_a_distribution(argument, flat[where], where, remedy)
    if not normalize:
        return rows
    return rows.astype(np.float64) / sums.reshape(sums.shape + (1,) * core)


def _sums(rows: Floats) -> Floats:
    """The sum of each row, or NaN where an entry is negative or NaN."""
    return np.where((rows >= 0.0).all(axis=-1), total(rows), np.nan)


def paired(p: Array, q: Array) -> tuple[Array, Array]:
    """Rows over the same classes; the axes before those broadcast."""
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(
            sentence(
                "q",
                expected=f"the {p.shape[-1]} classes of p",
                received=f"{q.shape[-1]} classes",
                remedy="give both a probability for every class, 0 where there is none",
            )
        )
    try:
        shape = np.broadcast_shapes(p.shape[:-1], q.shape[:-1])
    except ValueError as error:
        raise ValueError(
            sentence(
                "q",
                expected=f"rows that broadcast with those of p, shape {p.shape[:-1]}",
                received=f"rows of shape {q.shape[:-1]}",
                remedy="pass one row for each row of p, or a single one for all",
            )
        ) from error
    return np.broadcast_to(p, shape + p.shape[-1:]), np.broadcast_to(q, shape + q.shape[-1:])


def blockwise(formula: Callable[..., Floats], *arrays: Array, core: int = 1) -> Floats:
    """``formula`` of arrays of equal shape, as contiguous float64; the last ``core`` axes are the formula's own."""
    shape = arrays[0].shape[: arrays[0].ndim - core]
    if not shape:
        return formula(*(np.ascontiguousarray(array, dtype=np.float64) for array in arrays))
    result = np.empty(shape)
    size = math.prod(arrays[0].shape[1:])
    if size > _BLOCK and len(shape) > 1:
        for i in range(shape[0]):
            result[i] = blockwise(formula, *(array[i] for array in arrays), core=core)
        return result
    step = max(1, _BLOCK // max(1, size))
    for start in range(0, shape[0], step):
        block = slice(start, start + step)
        result[block] = formula(*(np.ascontiguousarray(array[block], dtype=np.float64) for array in arrays))
    return result
