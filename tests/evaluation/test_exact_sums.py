from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossentropy.evaluation._exact_sums import ExactSums, square_root

FINITE = st.floats(allow_nan=False, allow_infinity=False)
TERMS = st.lists(st.tuples(st.integers(0, 2), FINITE, FINITE), max_size=50)

EXTREMES = [5e-324, -5e-324, 2.2250738585072014e-308, 1e-160, -1.0, 1.0 + 2**-52, 1e160, 1.7976931348623157e308]


def sums_of(terms):
    sums = ExactSums(3)
    groups, left, right = zip(*terms, strict=True) if terms else ((), (), ())
    sums.add(np.array(groups, dtype=np.intp), np.array(left, dtype=np.float64), np.array(right, dtype=np.float64))
    return sums


def fractions(terms):
    return [sum((Fraction(a) * Fraction(b) for g, a, b in terms if g == group), Fraction()) for group in range(3)]


def as_fractions(sums):
    return [Fraction(total, ExactSums.ONE) for total in sums.totals]


@given(TERMS)
def test_sums_of_products_are_exact(terms):
    assert as_fractions(sums_of(terms)) == fractions(terms)


def test_sums_of_extreme_products_are_exact():
    terms = [(0, a, b) for a in EXTREMES for b in EXTREMES]
    assert as_fractions(sums_of(terms)) == fractions(terms)


@given(TERMS, TERMS)
def test_parts_add_up_to_the_whole(first, second):
    assert (sums_of(first) + sums_of(second)).totals == sums_of(first + second).totals


def test_a_factor_of_one_is_the_default():
    sums = ExactSums(1)
    sums.add(np.zeros(3, dtype=np.intp), np.array([1.0, 1e-300, 1.0]))
    assert as_fractions(sums) == [2 + Fraction(1e-300)]


def test_many_equal_terms_do_not_overflow():
    ulp_below_two = 2.0 - 2**-52
    sums = ExactSums(1)
    sums.add(np.zeros(100_000, dtype=np.intp), np.full(100_000, ulp_below_two), ulp_below_two)
    assert as_fractions(sums) == [100_000 * Fraction(ulp_below_two) ** 2]


@pytest.mark.parametrize("size", [-2000, -300, 0, 300, 1000])
@pytest.mark.parametrize("number", [1, 2, 3, 10**9 + 7])
def test_square_root(number, size):
    numerator, denominator = (number << size, 1) if size >= 0 else (number, 1 << -size)
    expected = math.ldexp(math.sqrt(number), size // 2)
    assert square_root(numerator, denominator) == pytest.approx(expected, rel=2**-52)


def test_square_root_of_nothing():
    assert square_root(0, 5) == 0.0
