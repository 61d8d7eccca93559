"""Relations that hold for all distributions: signs, bounds, symmetries, chain rules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import crossentropy as ce

Array = NDArray[np.float64]

WEIGHTS = st.one_of(st.just(0.0), st.floats(1e-3, 1.0), st.floats(5e-324, 1.0), st.integers(1, 5).map(float))


@st.composite
def distributions(draw: st.DrawFn, count: int = 1) -> list[Array]:
    """Several over the same 1 to 8 classes, one of which has weight in all of them."""
    classes = draw(st.integers(0, 7))
    first = st.floats(0.5, 1.0)
    rows = [[draw(first), *draw(st.lists(WEIGHTS, min_size=classes, max_size=classes))] for _ in range(count)]
    return [np.array(row) / math.fsum(row) for row in rows]


@st.composite
def tables(draw: st.DrawFn) -> Array:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    weights = np.array(draw(st.lists(WEIGHTS, min_size=rows * columns, max_size=rows * columns)))
    weights[0] += 1.0
    return (weights / math.fsum(weights)).reshape(rows, columns)


def close(a: Any, b: Any, size: Any = 1.0) -> bool:
    """Equal but for the rounding of terms of this size."""
    return bool(a == b or abs(a - b) <= 1e-14 * max(1.0, size))


@given(distributions())
def test_entropy_lies_between_0_and_that_of_equally_likely_classes(rows: list[Array]) -> None:
    (p,) = rows
    assert ce.entropy(p) >= 0.0 or p.max() > 1.0
    assert ce.entropy(p) <= math.log(len(p)) + 1e-15
    assert close(ce.perplexity(p), math.exp(ce.entropy(p)), len(p))


@given(distributions(count=2))
def test_kl_divergence_is_never_negative_and_0_only_between_equals(rows: list[Array]) -> None:
    p, q = rows
    assert ce.kl_divergence(p, q) >= 0.0
    assert ce.kl_divergence(p, p) == 0.0
    if np.abs(p - q).max() > 1e-150:
        assert ce.kl_divergence(p, q) > 0.0


@given(distributions(count=2), st.floats(-16.0, -1.0))
def test_kl_divergence_is_never_negative_between_neighbours(rows: list[Array], exponent: float) -> None:
    p, other = rows
    q = p + 10.0**exponent * (other - p)
    assert ce.kl_divergence(p, q) >= 0.0
    assert ce.js_divergence(p, q) >= 0.0


@given(distributions(count=2))
def test_cross_entropy_is_entropy_plus_divergence(rows: list[Array]) -> None:
    p, q = rows
    whole = ce.cross_entropy(p, q)
    assert close(ce.kl_divergence(p, q) + ce.entropy(p), whole, whole)
    assert close(ce.cross_entropy(p, p), ce.entropy(p))


@given(distributions(count=2))
def test_js_divergence_is_symmetric_and_at_most_log_2(rows: list[Array]) -> None:
    p, q = rows
    assert ce.js_divergence(p, q) == ce.js_divergence(q, p)
    assert 0.0 <= ce.js_divergence(p, q) <= math.log(2) * (1.0 + 1e-15)
    m = (p + q) / 2
    if ((m > 0.0) | (p + q == 0.0)).all():  # the middle may be too small for a float
        assert close(ce.js_divergence(p, q), (ce.kl_divergence(p, m) + ce.kl_divergence(q, m)) / 2)


@given(distributions(count=3))
def test_js_distance_obeys_the_triangle_inequality(rows: list[Array]) -> None:
    p, q, r = rows
    assert ce.js_distance(p, r) <= ce.js_distance(p, q) + ce.js_distance(q, r) + 1e-15


@given(tables())
def test_chain_rule(table: Array) -> None:
    x, y = table.sum(axis=1), table.sum(axis=0)
    joint = ce.joint_entropy(table)
    assert close(joint, ce.entropy(x) + ce.conditional_entropy(table))
    assert close(joint, ce.entropy(y) + ce.conditional_entropy(table, axis=(1, 0)))
    assert close(ce.mutual_information(table), ce.entropy(x) + ce.entropy(y) - joint)
    assert close(ce.mutual_information(table), ce.entropy(y) - ce.conditional_entropy(table))


@given(tables())
def test_what_a_table_tells_is_never_negative(table: Array) -> None:
    assert ce.mutual_information(table) >= 0.0
    assert ce.conditional_entropy(table) >= 0.0
    assert close(ce.mutual_information(table), ce.mutual_information(table.T))


@given(distributions(), distributions())
def test_independent_variables_share_nothing(first: list[Array], second: list[Array]) -> None:
    table = np.outer(first[0], second[0])
    assert ce.mutual_information(table) <= 1e-28
    assert close(ce.conditional_entropy(table), ce.entropy(second[0]))


@given(distributions(count=2), st.randoms(use_true_random=False))
def test_the_order_of_the_classes_is_of_no_account(rows: list[Array], random: Any) -> None:
    order = list(range(len(rows[0])))
    random.shuffle(order)
    p, q = rows
    for measure in (ce.cross_entropy, ce.kl_divergence, ce.js_divergence):
        value = measure(p, q)
        assert measure(p[order], q[order]) == pytest.approx(value, rel=2e-15, abs=5e-324)


@given(distributions(count=2))
def test_an_impossible_class_changes_nothing(rows: list[Array]) -> None:
    p, q = (np.append(row, 0.0) for row in rows)
    for measure in (ce.cross_entropy, ce.kl_divergence, ce.js_divergence):
        assert measure(p, q) == pytest.approx(measure(*rows), rel=2e-15, abs=5e-324)
