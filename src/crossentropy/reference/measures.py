"""Measures of distributions as formulas, in float64 NumPy and in nats.

Every argument is valid already: a distribution has its classes along the last axis, a joint table has X along the last
axis but one and Y along the last; axes before those are a batch.
No formula is written as a difference of two large numbers, so that small results are as exact as large ones.
"""

from __future__ import annotations

import numpy as np

from crossentropy.reference._floating import Array, _halves, difference, quiet, times

_ATANH_TERMS = 17  # 1/3 + s²/5 + …: for |s| <= 1/3 the next term is below the last digit of r - log(1 + r)


@quiet
def surprisal(p: Array) -> Array:
    """−log p."""
    return 0.0 - np.log(p)  # rather than -log p, so that certainty costs 0.0 and not -0.0


def entropy(p: Array) -> Array:
    """H(p) = Σ p·(−log p)."""
    return total(_cost(p, p))


def cross_entropy(p: Array, q: Array) -> Array:
    """H(p, q) = Σ p·(−log q)."""
    return total(_cost(p, q))


def perplexity(p: Array, q: Array) -> Array:
    """e^H(p, q), taken as 2^(H in bits): 8 equally likely classes give 8.0, and every power of two itself."""
    with np.errstate(over="ignore"):
        result: Array = np.exp2(cross_entropy(p, q) / np.log(2.0))
    return result


def kl_divergence(p: Array, q: Array) -> Array:
    """D(p‖q) = Σ p·log(p/q) − p + q.

    The part −p + q adds up to 0 over a distribution, and makes every term at least 0: a sum without cancellation, and 0
    exactly where p = q. Rounded probabilities, whose sums differ from 1 in the last digits, do not disturb it either.
    """
    return total(_excess(p, q - p, _log_ratio(p, q)))


def js_divergence(p: Array, q: Array) -> Array:
    """JS(p, q) = ½ D(p‖m) + ½ D(q‖m) with m = ½ (p + q)."""
    m = 0.5 * (p + q)
    step = 0.5 * (q - p)  # m - p = q - m, without the rounding error of m
    return 0.5 * total(_excess(p, step, _log_ratio(p, m)) + _excess(q, -step, _log_ratio(q, m)))


def js_distance(p: Array, q: Array) -> Array:
    """√JS(p, q), a metric."""
    return np.sqrt(js_divergence(p, q))


def joint_entropy(table: Array) -> Array:
    """H(X, Y) = Σ p(x, y)·(−log p(x, y))."""
    return entropy(cells(table))


def conditional_entropy(table: Array) -> Array:
    """H(Y|X) = Σ p(x, y)·log(p(x) / p(x, y)), the logarithm as log1p(others / p(x, y)) with others = p(x) − p(x, y)."""
    row, row_low = (part[..., :, None] for part in two_part_sum(table))
    others = (row - table) + row_low
    terms = times(table, _log_one_plus_ratio(others, table))
    return total(cells(terms))


def mutual_information(table: Array) -> Array:
    """I(X; Y) = D(p(x, y) ‖ p(x)·p(y)), the marginals and their product carried to twice float64's digits."""
    row, row_low = (part[..., :, None] for part in two_part_sum(table))
    column, column_low = (part[..., None, :] for part in two_part_sum(np.swapaxes(table, -1, -2)))
    product, error = _two_product(row, column)
    step = (product - table) + (error + (row * column_low + row_low * column))
    terms = _excess(table, step, _log_ratio(table, row, column))
    return total(cells(terms))


def cells(table: Array) -> Array:
    """The cells of each table in a row."""
    return table.reshape(*table.shape[:-2], table.shape[-2] * table.shape[-1])


def total(terms: Array) -> Array:
    """Σ terms along the last axis, to the last digit."""
    return two_part_sum(terms)[0]


@quiet
def two_part_sum(terms: Array) -> tuple[Array, Array]:
    """Σ terms along the last axis as high + low: halves are added to each other, and every rounding error is kept.

    Ogita, Rump and Oishi, "Accurate sum and dot product" (2005).
    """
    terms = np.ascontiguousarray(terms)  # one memory order, so that the layout cannot change the last digit
    low = np.zeros(terms.shape[:-1])
    while terms.shape[-1] > 1:
        half = terms.shape[-1] // 2
        sums, errors = difference(terms[..., :half], -terms[..., half : 2 * half])
        low = low + errors.sum(axis=-1)
        terms = np.concatenate([sums, terms[..., 2 * half :]], axis=-1)
    return difference(terms.sum(axis=-1), -low)


def _two_product(a: Array, b: Array) -> tuple[Array, Array]:
    """a·b rounded, and its rounding error (Dekker, 1971)."""
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(b)
    product = a * b
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _cost(p: Array, q: Array) -> Array:
    """p·(−log q), and 0 where p = 0 whatever q is."""
    cost = surprisal(q)
    with np.errstate(invalid="ignore"):
        return times(p, cost)


@quiet
def _log_ratio(p: Array, *divisors: Array) -> Array:
    """log(p / (q₁·q₂·…)); taken apart where the ratio overflows, which so far from 1 costs no digits."""
    ratio, apart = p, np.log(p)
    for q in divisors:
        ratio, apart = ratio / q, apart - np.log(q)
    return np.where(ratio < np.inf, np.log(ratio), apart)


@quiet
def _log_one_plus_ratio(a: Array, b: Array) -> Array:
    """log(1 + a/b); 0 where b = 0, whose factor is 0; taken apart where a/b overflows."""
    ratio = a / b
    log = np.where(ratio < np.inf, np.log1p(ratio), np.log(a) - np.log(b))
    return np.where(b == 0.0, 0.0, log)


@quiet
def _excess(p: Array, step: Array, log_ratio: Array) -> Array:
    """p·log(p/q) − p + q ≥ 0 for q = p + step; q itself where p = 0. By a series near p: about step²/2p."""
    relative = step / p
    near = (relative >= -0.5) & (relative <= 1.0)
    terms = np.where(near, p * _log1p_gap(np.where(near, relative, 0.0)), p * log_ratio + step)
    return np.where(p == 0.0, step, terms)


def _log1p_gap(r: Array) -> Array:
    """r − log(1 + r) for −½ ≤ r ≤ 1, from log(1 + r) = 2·atanh(s) with s = r/(2 + r): s·(r − 2s²·(1/3 + s²/5 + …))."""
    s = r / (2.0 + r)
    square = s * s
    series = np.zeros_like(s)
    for k in reversed(range(_ATANH_TERMS)):
        series = series * square + 1.0 / (2 * k + 3)
    return s * (r - 2.0 * square * series)
