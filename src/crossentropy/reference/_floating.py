"""Floating-point tools of the reference: quiet limits, 0 · inf = 0, differences that keep their rounding error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: The formulas run through infinities on purpose (exp overflows to its limit, inf - inf marks a row without a
#: distribution as NaN), so NumPy's warnings about them are switched off; what is undefined still comes out as NaN.
quiet = np.errstate(over="ignore", divide="ignore", invalid="ignore")


def as_float64(value: ArrayLike) -> Array:
    """The value as a float64 array; no copy where it is one."""
    return np.asarray(value, dtype=np.float64)


def times(coefficient: Array, factor: Array) -> Array:
    """coefficient · factor with 0 · inf = 0: what has no weight contributes nothing."""
    return np.where(coefficient == 0.0, 0.0, coefficient * factor)


def total(values: Array) -> Array:
    """The sum over the last axis, which stays with length 1."""
    return as_float64(values.sum(axis=-1, keepdims=True))


def difference(a: Array, b: Array) -> tuple[Array, Array]:
    """a - b and its rounding error: their sum is the exact difference (Knuth, 1969)."""
    result = a - b
    b_part = result - a
    error = (a - (result - b_part)) - (b + b_part)
    return result, np.where(np.isfinite(error), error, 0.0)


def quotient(a: Array, a_error: Array, b: float) -> tuple[Array, Array]:
    """(a + a_error) / b and the rounding error of that quotient, with the exact product of Dekker (1971)."""
    result = a / b
    high, low = _halves(result)
    b_high, b_low = _halves(as_float64(b))
    product = result * b
    product_error = ((high * b_high - product) + high * b_low + low * b_high) + low * b_low
    error = ((a - product) - product_error + a_error) / b
    return result, np.where(np.isfinite(error), error, 0.0)


def _halves(a: Array) -> tuple[Array, Array]:
    """Two numbers of 26 bits that add up to ``a``, so that products of halves are exact (Veltkamp, 1968)."""
    spread = 134217729.0 * a  # 2**27 + 1
    high = spread - (spread - a)
    return high, a - high
