"""The conventions that every layer shares: dtypes, tolerances, units, reductions (docs/conventions.md)."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Reduction = Literal["mean", "sum", "none"]
REDUCTIONS: tuple[Reduction, ...] = ("mean", "sum", "none")

#: Machine epsilon of each supported floating dtype, by name (bfloat16 is ml_dtypes', which is never imported here).
EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 2.0**-23, "float64": 2.0**-52}


# dtype.name takes microseconds, and every call asks for it: the answers by dtype are kept.
_by_dtype = lru_cache(maxsize=64)


@_by_dtype
def is_supported_float(dtype: np.dtype[Any]) -> bool:
    """Whether arrays of this dtype are taken as they are: float16, bfloat16, float32, float64."""
    return dtype.name in EPSILON


@_by_dtype
def result_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype of a loss or a measure of such an input: float32 at least, float64 for float64 (promise 19)."""
    return np.dtype(np.float64 if dtype.name == "float64" else np.float32)


@_by_dtype
def sum_tolerance(dtype: np.dtype[Any]) -> float:
    """How far from 1 a distribution of this dtype may sum: the square root of its machine epsilon (promise 3)."""
    return math.sqrt(EPSILON[dtype.name])


def nats_per_unit(base: float | None) -> float:
    """How many nats one unit of ``base`` is: log(base); 1 for ``None`` (promise 1)."""
    return 1.0 if base is None else math.log(base)


def rounded(value: NDArray[np.float64] | float, dtype: np.dtype[Any]) -> Any:
    """``value`` rounded once to ``dtype``; 0-d arrays become NumPy scalars, overflow becomes inf without a warning."""
    if type(value) is float and abs(value) <= 65504.0:  # float16's largest: no dtype overflows
        return dtype.type(value)
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(value, dtype=dtype)[()]
