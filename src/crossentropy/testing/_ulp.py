"""Errors counted in units in the last place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossentropy._conventions import EPSILON
from crossentropy._validation import as_floats

#: The exponent of the smallest normal number: below it, the spacing stays what it is there.
_MIN_EXPONENT = {"float16": -14, "bfloat16": -126, "float32": -126, "float64": -1022}


def ulp_distance(
    actual: ArrayLike,
    expected: ArrayLike | tuple[ArrayLike, ArrayLike],
    *,
    scale: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """How far ``actual`` is from ``expected``, elementwise, in units in the last place of ``actual``'s dtype.

    |actual - expected| / ulp(s), where ulp(s) is the gap between s and the next number of that dtype away from 0, and
    s is ``expected`` rounded to the dtype, or ``scale`` where given: the larger of two terms whose difference
    ``actual`` is (docs/conventions.md, promise 20). A correctly rounded result is at most 0.5 away.

    ``expected`` is one array, taken as float64, or a pair (high, low) of float64 arrays whose exact sum is meant, for
    references with more digits than float64 has. The shapes broadcast. NaN is 0 away from NaN, and an infinity from
    itself and from what rounds to it; anything else is inf away from either.

    Raises ``TypeError`` where ``actual`` does not hold real numbers.

    >>> import numpy as np
    >>> print(ulp_distance(np.float32(0.1), 0.1).round(6))
    0.2
    >>> print(ulp_distance([1.0, np.nan, np.inf], [1.0 + 2.0**-51, np.nan, 1.0]))
    [ 2.  0. inf]
    """
    values = as_floats("actual", actual)
    high, low = expected if isinstance(expected, tuple) else (expected, 0.0)
    high, low = np.asarray(high, dtype=np.float64), np.asarray(low, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = high.astype(values.dtype).astype(np.float64)
        # The subtraction of neighbours is exact, and its rounding does not matter where they are far apart.
        distance = np.abs((values.astype(np.float64) - high) - low)
        size = rounded if scale is None else np.asarray(scale, dtype=np.float64)
        ulps = distance / _spacing(size, values.dtype)
    same = (values == rounded) | (np.isnan(values) & np.isnan(rounded))
    finite = np.isfinite(values) & np.isfinite(rounded)
    result: NDArray[np.float64] = np.where(finite, ulps, np.where(same, 0.0, np.inf))
    return result


def _spacing(size: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[np.float64]:
    """The gap between |size| and the next number of the dtype; NaN for what is not finite."""
    _, exponent = np.frexp(size)  # |size| = mantissa · 2**exponent with 0.5 <= mantissa < 1
    exponent = np.where(size == 0.0, _MIN_EXPONENT[dtype.name], np.maximum(exponent - 1, _MIN_EXPONENT[dtype.name]))
    spacing: NDArray[np.float64] = np.where(np.isfinite(size), np.ldexp(EPSILON[dtype.name], exponent), np.nan)
    return spacing
