"""The measures against exact tables, worked numbers, and the identities between them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from mpmath import mp, mpf

import crossentropy as ce
from crossentropy._measures import MEASURE_ULP
from crossentropy.testing import ulp_distance
from tests.oracle import Case, load
from tests.oracle import measures as oracle

CASES = load("measures")


def stated_ulp(function: str, nats: float) -> float:
    """The promise of a function's docstring; perplexity's grows with its logarithm."""
    return MEASURE_ULP[function] * (max(1.0, nats) if function == "perplexity" else 1.0)


def within_range(case: Case) -> bool:
    """Whether the docstring speaks of results as small as this one."""
    smallest = {"js_distance": 1e-150, "mutual_information": 1e-30}.get(case.function, 0.0)
    high = case.results["value"].high
    return bool(high.min() == 0.0 or high.min() > smallest)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_promise_20_error_within_what_the_docstring_states(case: Case) -> None:
    value = getattr(ce, case.function)(**case.inputs)
    exact = case.results["value"]
    assert value.dtype == np.float64
    assert np.shape(value) == exact.high.shape
    if within_range(case):
        nats = math.log(exact.high) if case.function == "perplexity" and exact.high < math.inf else 0.0
        assert ulp_distance(value, exact.pair).max() <= stated_ulp(case.function, nats)
    else:  # too small to be promised a number of ULP, but of the right size
        np.testing.assert_allclose(value, exact.high, rtol=1e-8, atol=1e-160)


@pytest.mark.parametrize("base", [2, 10, math.e])
@pytest.mark.parametrize("case", CASES[:: len(CASES) // 60], ids=str)
def test_promise_20_error_within_what_the_docstring_states_in_any_base(case: Case, base: float) -> None:
    value = getattr(ce, case.function)(**case.inputs, base=base)
    exact = case.results["value"]
    with mp.workdps(50):
        unit = {"perplexity": mpf(1), "js_distance": mp.sqrt(mp.log(base))}.get(case.function, mp.log(base))
        for got, high, low in zip(np.ravel(value), np.ravel(exact.high), np.ravel(exact.low), strict=True):
            there = (mpf(float(high)) + mpf(float(low))) / unit
            nats = float(mp.log(there)) if case.function == "perplexity" and there < mp.inf else 0.0
            rest = float(there - mpf(float(there))) if there < mp.inf else 0.0
            assert ulp_distance(got, (float(there), rest)) <= stated_ulp(case.function, nats)


@pytest.mark.parametrize("function", MEASURE_ULP)
def test_promise_20_docstring_states_the_number_that_is_tested(function: str) -> None:
    text = inspect.getdoc(getattr(ce, function))
    assert text is not None
    assert f"Accuracy: within {MEASURE_ULP[function]:g} ULP" in text
    assert "{" not in text


@pytest.mark.parametrize("case", CASES[:: len(CASES) // 40], ids=str)
def test_exact_table_is_what_its_program_computes(case: Case) -> None:
    exact = case.results["value"]
    with mp.workdps(1000):
        solved = oracle.solve(case.function, {name: value.tolist() for name, value in case.inputs.items()})
        for value, high, low in zip(
            solved if isinstance(solved, list) else [solved], np.ravel(exact.high), np.ravel(exact.low), strict=True
        ):
            frozen = mpf(float(high)) + mpf(float(low))
            assert value == frozen or abs(value - frozen) <= max(mpf(10) ** -24 * abs(value), mpf(5e-324))


@pytest.mark.parametrize("function", sorted(set(MEASURE_ULP) - {"surprisal"}))
def test_promise_20_error_over_4096_classes(function: str) -> None:
    random = Random(4096)
    p = oracle.random_distribution(random, 4096)
    q = [(p_i + q_i) / 2 for p_i, q_i in zip(p, oracle.random_distribution(random, 4096), strict=True)]
    table = np.reshape(p, (64, 64)).tolist()
    inputs = {"joint": table} if "joint" in inspect.signature(getattr(ce, function)).parameters else {"p": p, "q": q}
    if function == "entropy":
        del inputs["q"]
    with mp.workdps(60):
        there = oracle.solve(function, inputs)
        exact = float(there), float(there - mpf(float(there)))
    nats = math.log(exact[0]) if function == "perplexity" else 0.0
    assert ulp_distance(getattr(ce, function)(**inputs), exact) <= stated_ulp(function, nats)


EIGHTH = [0.125] * 8


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: ce.entropy([63 / 64, 1 / 64], base=2).round(4), 0.1161),
        (lambda: ce.entropy(EIGHTH, base=2), 3.0),
        (lambda: ce.entropy(np.full(1024, 1 / 1024), base=2), 10.0),
        (lambda: ce.entropy(np.ones(1024), base=2, normalize=True), 10.0),
        (lambda: ce.entropy(EIGHTH), math.log(8)),
        (lambda: ce.entropy([0.1] * 10, base=10).round(15), 1.0),
        (lambda: ce.cross_entropy([1, 0, 0, 0, 0], [0.1, 0.5, 0.1, 0.1, 0.2]).round(6), 2.302585),
        (lambda: ce.cross_entropy([1, 0, 0, 0, 0], [0.1, 0.6, 0.1, 0.1, 0.1]).round(6), 2.302585),
        (lambda: ce.perplexity(EIGHTH), 8.0),
        (lambda: ce.perplexity(EIGHTH, EIGHTH, base=2), 8.0),
        (lambda: ce.perplexity([0.0, 1.0, 0.0]), 1.0),
        (lambda: ce.kl_divergence([0.5, 0.5], [0.25, 0.75]).round(15), 0.143841036225890),
        (lambda: ce.js_divergence([0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.25, 0.75]), math.log(2)),
        (lambda: ce.js_divergence([1, 0], [0, 1], base=2), 1.0),
        (lambda: ce.js_distance([1, 0], [0, 1]), math.sqrt(math.log(2))),
        (lambda: ce.joint_entropy([[0.25, 0.25], [0.5, 0.0]], base=2), 1.5),
        (lambda: ce.conditional_entropy([[0.25, 0.25], [0.5, 0.0]], base=2), 0.5),
        (lambda: ce.conditional_entropy([[0.25, 0.25], [0.5, 0.0]], axis=(1, 0), base=2).round(6), 0.688722),
        (lambda: ce.mutual_information([[0.5, 0.0], [0.0, 0.5]], base=2), 1.0),
        (lambda: ce.mutual_information([[0.125, 0.375], [0.125, 0.375]]), 0.0),
        (lambda: ce.surprisal(0.125, base=2), 3.0),
    ],
)
def test_worked_number(value: Callable[[], float], expected: float) -> None:
    assert value() == expected


@pytest.mark.parametrize("function", ["kl_divergence", "js_divergence", "js_distance"])
def test_nothing_lies_between_a_distribution_and_itself(function: str) -> None:
    p = [0.1, 0.2, 0.3, 0.4, 0.0]
    assert getattr(ce, function)(p, p) == 0.0


@pytest.mark.parametrize(
    ("p", "q"),
    [
        ([0.5, 0.5], [0.25, 0.75]),
        ([0.5, 0.25, 0.25], [0.125, 0.125, 0.75]),
        ([0.5, 0.5], [0.5 + 2.0**-30, 0.5 - 2.0**-30]),
        ([1.0, 0.0], [2.0**-40, 1.0 - 2.0**-40]),
    ],
)
def test_promise_4_kl_divergence_of_exact_distributions_is_the_textbook_sum(p: list[float], q: list[float]) -> None:
    with mp.workdps(60):
        textbook = mp.fsum(mpf(p_i) * mp.log(mpf(p_i) / mpf(q_i)) for p_i, q_i in zip(p, q, strict=True) if p_i)
    assert ulp_distance(ce.kl_divergence(p, q), float(textbook)) <= MEASURE_ULP["kl_divergence"]


def test_promise_4_kl_divergence_is_of_p_from_q_and_js_distance_the_square_root() -> None:
    p, q = [1.0, 0.0], [0.5, 0.5]
    assert ce.kl_divergence(p, q) == math.log(2)
    assert ce.kl_divergence(q, p) == math.inf
    assert ce.js_distance(p, q) == math.sqrt(ce.js_divergence(p, q))


def test_promise_2_zero_times_log_zero_is_zero_and_mass_on_the_impossible_costs_inf() -> None:
    assert ce.entropy([1.0, 0.0]) == 0.0
    assert ce.cross_entropy([1.0, 0.0], [1.0, 0.0]) == 0.0
    assert ce.conditional_entropy([[1.0, 0.0], [0.0, 0.0]]) == 0.0
    assert ce.mutual_information([[1.0, 0.0], [0.0, 0.0]]) == 0.0
    assert ce.surprisal(0.0) == math.inf
    for measure in (ce.cross_entropy, ce.kl_divergence, ce.perplexity):
        np.testing.assert_array_equal(measure([[0.5, 0.5], [0.0, 1.0]], [0.0, 1.0])[0], math.inf)
        assert np.isfinite(measure([[0.5, 0.5], [0.0, 1.0]], [0.0, 1.0])[1])


@pytest.mark.parametrize(
    "value",
    [
        lambda: ce.surprisal(1.0),
        lambda: ce.entropy([1.0]),
        lambda: ce.entropy([0.0, 1.0]),
        lambda: ce.cross_entropy([1.0], [1.0]),
        lambda: ce.conditional_entropy([[1.0]]),
        lambda: ce.mutual_information([[1.0]]),
        lambda: ce.kl_divergence([1.0], [1.0]),
    ],
)
def test_certainty_costs_zero_without_a_sign(value: Callable[[], float]) -> None:
    assert str(float(value())) == "0.0"


@pytest.mark.parametrize("function", MEASURE_ULP)
@pytest.mark.parametrize("base", [2, 10.0])
def test_promise_1_nats_by_default_and_any_base(function: str, base: float) -> None:
    measure = getattr(ce, function)
    p, q = [0.5, 0.3, 0.2], [0.2, 0.2, 0.6]
    tables = "joint" in inspect.signature(measure).parameters
    two = function in {"cross_entropy", "kl_divergence", "js_divergence", "js_distance"}
    arguments = ([[p, q]] if tables else [p, q]) if tables or two else [p]
    options = {"normalize": True}
    unit = {"perplexity": 1.0, "js_distance": math.sqrt(math.log(base))}.get(function, math.log(base))
    nats = measure(*arguments, **options)
    np.testing.assert_allclose(measure(*arguments, base=base, **options) * unit, nats, rtol=1e-15)
    np.testing.assert_array_equal(measure(*arguments, base=None, **options), nats)


def test_near_equal_distributions_keep_their_digits() -> None:
    step = 1e-9
    value = ce.kl_divergence([0.5, 0.5], [0.5 + step, 0.5 - step])
    np.testing.assert_allclose(value, 2.0 * step**2, rtol=1e-7)


def test_rounded_distributions_are_not_below_zero_apart() -> None:
    p = np.float32([0.1, 0.2, 0.3, 0.4])
    q = p * np.float32(1.0 - 1e-6)
    assert 0.0 < ce.kl_divergence(p, q) < 1e-11
    assert 0.0 < ce.kl_divergence(q, p) < 1e-11
