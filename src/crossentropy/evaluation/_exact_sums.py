"""Sums that do not round, so that parts add up to the whole whatever the parts are and whatever their order."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_HALF = 26  # a 53-bit significand splits into 27 and 26 bits, whose products fit an int64
_LOW = np.int64(2**_HALF - 1)

#: Sums are integers in units of 2**-_UNIT, the last bit of the product of the two smallest float64.
_UNIT = 2 * (1073 + 53)
_SPAN = 2**13  # more than there are exponents of products, so that (group, exponent) fits one integer


class ExactSums:
    """One exact sum of float64 products per group, in ``totals``: integers, in which 1.0 is ``ONE``."""

    ONE = 1 << _UNIT

    def __init__(self, groups: int) -> None:
        self.totals = [0] * groups

    def add(self, groups: NDArray[np.integer], left: Floats, right: Floats | float = 1.0) -> None:
        """Add ``left·right`` to the sums of ``groups``, which has one index per element. All must be finite."""
        a, a_exponents = _significands(left)
        b, b_exponents = _significands(np.broadcast_to(np.asarray(right, dtype=np.float64), left.shape))
        exponents = a_exponents + b_exponents
        a_high, a_low, b_high, b_low = a >> _HALF, a & _LOW, b >> _HALF, b & _LOW
        for integers, shift in (
            (a_high * b_high, 2 * _HALF),
            (a_high * b_low + a_low * b_high, _HALF),
            (a_low * b_low, 0),
        ):
            self._add_integers(groups, integers, exponents + shift)

    def _add_integers(self, groups: NDArray[np.integer], integers: Integers, exponents: Integers) -> None:
        if integers.size == 0:
            return
        keys = groups.astype(np.int64) * _SPAN + exponents + _UNIT
        order = np.argsort(keys, kind="stable")
        keys, integers = keys[order], integers[order]
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        # Halves again, so that an int64 holds the sum of 2**31 of them.
        highs = np.add.reduceat(integers >> 32, starts)
        lows = np.add.reduceat(integers & np.int64(2**32 - 1), starts)
        for key, high, low in zip(keys[starts].tolist(), highs.tolist(), lows.tolist(), strict=True):
            group, shift = divmod(key, _SPAN)
            self.totals[group] += ((high << 32) + low) << shift

    def __add__(self, other: ExactSums) -> ExactSums:
        both = ExactSums(0)
        both.totals = [mine + theirs for mine, theirs in zip(self.totals, other.totals, strict=True)]
        return both


def _significands(values: Floats) -> tuple[Integers, Integers]:
    """Integers m and e with values = m·2**e."""
    fractions, exponents = np.frexp(values)
    return np.ldexp(fractions, 53).astype(np.int64), exponents.astype(np.int64) - 53


def square_root(numerator: int, denominator: int) -> float:
    """sqrt(numerator/denominator) of two integers, however large."""
    shift = max(0, 64 + (denominator.bit_length() - numerator.bit_length()) // 2)
    return math.isqrt((numerator << 2 * shift) // denominator) / (1 << shift)
