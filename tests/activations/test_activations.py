"""Every implementation of the activations against exact tables, the formulas, numeric differences and each other."""

from __future__ import annotations

import inspect
import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossentropy as ce
from crossentropy._activations import ACTIVATION_ULP
from crossentropy._conventions import EPSILON
from crossentropy._dispatch import implementation
from crossentropy.reference import activations as reference
from crossentropy.testing import ulp_distance
from tests.oracle import Case, load
from tests.support.layouts import FLOATS, LAYOUTS, Array, lay

INF, NAN = math.inf, math.nan
ELEMENTWISE = ("sigmoid", "log_sigmoid", "softplus")
OF_ROWS = ("softmax", "log_softmax", "logsumexp")
#: Class counts on both sides of every vector width, and of 128, above which rows are computed another way.
CLASSES = (1, 2, 3, 7, 8, 9, 127, 128, 129, 1000)

pytestmark = pytest.mark.usefixtures("engine")
every_activation = pytest.mark.parametrize("name", [*ELEMENTWISE, *OF_ROWS])
every_float = pytest.mark.parametrize("dtype", FLOATS)


def public(name: str, result: str = "value") -> Any:
    return getattr(ce, name) if result == "value" else getattr(getattr(ce, name), result)


def formula(name: str, result: str, *arguments: Array) -> Array:
    """What the reference gives in float64, classes on the last axis."""
    function = getattr(reference, name if result == "value" else f"{name}_{result}")
    with np.errstate(all="ignore"):
        return np.asarray(function(*(argument.astype(np.float64) for argument in arguments)))


def largest_term(name: str, z: Array, cotangent: Array) -> Any:
    """The size of each row's product: that of the largest term of its differences; 0 where none is taken."""
    if name not in ("softmax", "log_softmax"):
        return 0.0
    p, sizes = formula("softmax", "value", z), np.abs(cotangent.astype(np.float64))
    own = p * sizes if name == "softmax" else sizes
    return np.maximum(own, p * own.sum(axis=-1, keepdims=True)).max(axis=-1, keepdims=True, initial=0.0)


def largest_logit(name: str, z: Array) -> Any:
    """The size of a log-sum-exp, which adds to the largest logit; 0 for what adds nothing."""
    return np.nan_to_num(np.abs(z.astype(np.float64)), posinf=0.0).max(axis=-1) if name == "logsumexp" else 0.0


def check(actual: Any, expected: Array, size: Any = 0.0) -> None:
    """As near as two implementations of the stated accuracy are; a narrower dtype is rounded to once (promise 19)."""
    values = np.asarray(actual)
    assert values.shape == expected.shape
    allowed = float(ACTIVATION_ULP + reference.ACTIVATION_ULP)
    if values.dtype.itemsize < 4:  # computed in float32, and rounded once more
        allowed = 0.5 + ACTIVATION_ULP * EPSILON["float32"] / EPSILON[values.dtype.name]
    if values.dtype.name == "bfloat16" and implementation() == "reference":
        allowed += 2.0**-17  # ml_dtypes rounds float64 to float32 on the way
    within(allowed, ulp_distance(values, expected, scale=np.maximum(np.abs(expected), size)), values, expected)


def within(allowed: float, ulps: Array, actual: Array, expected: Array) -> None:
    if ulps.size and not (ulps <= allowed).all():
        worst = np.argmin(ulps <= allowed)
        got, there = actual.flat[worst], expected.flat[worst]
        raise AssertionError(f"got {got!r}, not {there!r}, off by {ulps.flat[worst]:.3g} ULP of {allowed:.3g}")


TABLE = [
    pytest.param(case, np.dtype(dtype), id=f"{case}, {dtype}")
    for case in load("activations")
    for dtype in ("float32", "float64")
    if dtype in ("float64", case.dtype)
]


@pytest.mark.parametrize(("case", "dtype"), TABLE)
def test_mpmath_table(case: Case, dtype: np.dtype[Any]) -> None:
    """Promises 6, 7, 9 and 20: every result within the stated ULP of the exact one, at every extreme."""
    z, cotangent = case.inputs["z"].astype(dtype), case.inputs["cotangent"].astype(dtype)
    for result, exact in case.results.items():
        actual = np.asarray(public(case.function, result)(*((z, cotangent) if result == "vjp" else (z,))))
        assert (actual.dtype, actual.shape) == (dtype, exact.high.shape)
        within(ACTIVATION_ULP, ulp_distance(actual, exact.pair, scale=exact.scale), actual, exact.high)


@every_activation
def test_promise_20_docstring_states_the_number_that_is_tested(name: str) -> None:
    assert f"Accuracy: {ACTIVATION_ULP:g} ULP" in (inspect.getdoc(public(name)) or "")


def bit_patterns(dtype: str) -> Array:
    """Every float of 16 bits; 65,536 of the wider ones, spread over all signs, exponents, infinities and NaN."""
    width = FLOATS[dtype].itemsize
    bits = np.arange(2**16, dtype=np.uint64)
    if width > 2:
        bits = (bits << (8 * width - 16)) | np.random.default_rng(7).integers(
            0, 2 ** (8 * width - 16), 2**16, np.uint64
        )
    return bits.astype(f"u{width}").view(FLOATS[dtype])


@every_float
@pytest.mark.parametrize(
    ("name", "result"), [("sigmoid", "derivative"), *itertools.product(ELEMENTWISE, ("value", "vjp"))]
)
def test_elements_of_every_bit_pattern(name: str, result: str, dtype: str) -> None:
    """Promises 9, 19 and 20: subnormal, huge, infinite and NaN ones among them."""
    z = bit_patterns(dtype)
    cotangent = np.resize(np.array([1.0, -2.0, 0.75]), z.shape).astype(z.dtype)
    arguments = (z, cotangent) if result == "vjp" else (z,)
    actual = public(name, result)(*arguments)
    assert actual.dtype == z.dtype
    check(actual, formula(name, result, *arguments))


@every_float
@pytest.mark.parametrize("classes", CLASSES)
@pytest.mark.parametrize("name", OF_ROWS)
def test_rows_of_any_number_of_classes(name: str, classes: int, dtype: str) -> None:
    """Promises 19, 20 and 22: rows that do not fill the vectors, of few and of many classes."""
    random = np.random.default_rng(classes)
    z = (random.normal(size=(19, classes)) * random.choice([0.1, 3.0, 50.0], (19, 1))).astype(FLOATS[dtype])
    cotangent = random.normal(size=formula(name, "value", z).shape).astype(z.dtype)
    value, product = public(name)(z), public(name).vjp(z, cotangent)
    assert value.dtype == product.dtype == z.dtype
    check(value, formula(name, "value", z), size=largest_logit(name, z))
    check(product, formula(name, "vjp", z, cotangent), size=largest_term(name, z, cotangent))


@every_activation
@settings(max_examples=2 * settings.default.max_examples)
@given(data=st.data())
def test_results_are_those_of_the_formulas(name: str, data: st.DataObject) -> None:
    """Promises 20 and 22: any dtype, layout, shape and axis, infinities and NaN in the same places."""
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    of_rows = name in OF_ROWS
    shape = tuple(data.draw(st.lists(st.integers(0, 4), max_size=2)))
    if of_rows or data.draw(st.booleans()):
        shape += (data.draw(st.sampled_from(CLASSES)),)
    z = random.normal(size=shape) * data.draw(st.sampled_from([0.01, 1.0, 30.0, 8e3]))
    z = z + data.draw(st.sampled_from([0.0, 1e3]))
    extreme = random.random(shape) < data.draw(st.sampled_from([0.0, 0.1, 0.5]))
    z = np.where(extreme, random.choice([INF, -INF, NAN, 0.0], size=shape, p=[0.1, 0.5, 0.1, 0.3]), z)
    z = z.astype(FLOATS[data.draw(st.sampled_from(list(FLOATS)))])
    exact = formula(name, "value", z)
    cotangent = random.normal(size=exact.shape).astype(data.draw(st.sampled_from(["f2", "f4", "f8"])))

    axis = data.draw(st.integers(-len(shape), len(shape) - 1)) if of_rows else -1
    options = {"axis": axis} if of_rows else {}

    def outside(array: Array) -> Array:
        """Laid out somehow, the class axis where the caller has it."""
        moved = np.moveaxis(array, -1, axis) if array.ndim == len(shape) > 0 else array
        return lay(moved, data.draw(st.sampled_from(list(LAYOUTS))))

    def inside(array: Any) -> Array:
        return np.moveaxis(array, axis, -1) if np.ndim(array) == len(shape) > 0 else np.asarray(array)

    given_z = outside(z)
    value = inside(public(name)(given_z, **options))
    product = inside(public(name).vjp(given_z, outside(cotangent), **options))
    assert value.dtype == product.dtype == z.dtype
    check(value, exact, size=largest_logit(name, z))
    check(product, formula(name, "vjp", z, cotangent), size=largest_term(name, z, cotangent))


@pytest.mark.parametrize("others", [-2.0, -INF], ids=["finite", "-inf"])
@pytest.mark.parametrize("classes", [3, 128, 129, 1000])
@pytest.mark.parametrize("name", OF_ROWS)
def test_promise_6_and_10_infinities_and_nan_stay_in_their_rows(name: str, classes: int, others: float) -> None:
    patterns = np.array(list(itertools.product([NAN, INF, -INF, -1.0, 0.5], repeat=3)))
    z = np.full((len(patterns), classes), others)
    z[:, [0, classes // 2, -1]] = patterns
    cotangent = np.random.default_rng(3).normal(size=formula(name, "value", z).shape)
    value, product = public(name)(z), public(name).vjp(z, cotangent)
    check(value, formula(name, "value", z), size=largest_logit(name, z))
    check(product, formula(name, "vjp", z, cotangent), size=largest_term(name, z, cotangent))
    alone = [public(name)(row) for row in z], [public(name).vjp(row, c) for row, c in zip(z, cotangent, strict=True)]
    np.testing.assert_array_equal(value, alone[0])
    np.testing.assert_array_equal(product, alone[1])


def test_promise_10_rows_without_a_distribution_in_so_many_words() -> None:
    z = [[1.0, 2.0], [NAN, 0.0], [-INF, -INF], [INF, INF], [INF, NAN], [INF, -INF]]
    for name in ("softmax", "log_softmax"):
        undefined = np.isnan(public(name)(z))
        assert undefined.tolist() == [[row] * 2 for row in (False, True, True, True, True, False)]
    np.testing.assert_array_equal(ce.logsumexp(z)[1:], [NAN, -INF, INF, NAN, INF])
    np.testing.assert_array_equal(ce.softmax(z)[5], [1.0, 0.0])
    np.testing.assert_array_equal(ce.log_softmax(z)[5], [0.0, -INF])


def test_promise_9_elements_have_exact_limits() -> None:
    z = [INF, 1e300, -1e300, -INF]
    assert ce.sigmoid(z).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert ce.log_sigmoid(z).tolist() == [0.0, 0.0, -1e300, -INF]
    assert ce.softplus(z).tolist() == [INF, 1e300, 0.0, 0.0]
    assert ce.sigmoid.derivative(z).tolist() == [0.0] * 4
    assert ce.softplus.vjp(z, [3.0] * 4).tolist() == [3.0, 3.0, 0.0, 0.0]
    assert ce.log_sigmoid.vjp(z, [3.0] * 4).tolist() == [0.0, 0.0, 3.0, 3.0]


@every_activation
@pytest.mark.parametrize("classes", [5, 130])
def test_promise_26_vjp_is_that_of_numeric_differences(name: str, classes: int) -> None:
    f, step, random = public(name), 2.0**-17, np.random.default_rng(classes)
    z = random.normal(size=(4, classes)) * 2.0
    cotangent = random.normal(size=f(z).shape)
    product = f.vjp(z, cotangent)
    for j in range(0, classes, 1 + classes // 10):
        e = step * np.eye(classes)[j]
        slope = (f(z + e) - f(z - e)) / (2.0 * step) * cotangent
        expected = slope if slope.ndim == 1 else slope.sum(axis=-1)
        np.testing.assert_allclose(product[:, j], expected, rtol=1e-8, atol=2e-9)


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_promise_26_jacobian_holds_every_vjp(axis: int) -> None:
    z = np.random.default_rng(1).normal(size=(3, 4, 5))
    rows = np.moveaxis(z, axis, -1)
    jacobian = ce.softmax.jacobian(z, axis=axis)
    assert jacobian.shape == (*rows.shape, rows.shape[-1])
    check(jacobian, formula("softmax", "jacobian", rows), size=formula("softmax", "value", rows)[..., np.newaxis, :])
    for i, e in enumerate(np.eye(rows.shape[-1])):
        cotangent = np.moveaxis(np.broadcast_to(e, rows.shape), -1, axis)
        np.testing.assert_array_equal(
            jacobian[..., i, :], np.moveaxis(ce.softmax.vjp(z, cotangent, axis=axis), axis, -1)
        )


def test_promise_8_jacobian_and_derivative_keep_their_digits_where_p_is_nearly_1() -> None:
    slope = math.exp(-40.0) / (1.0 + math.exp(-40.0)) ** 2  # p (1 - p); 1 - p itself would be 0
    np.testing.assert_allclose(ce.softmax.jacobian([40.0, 0.0]), [[slope, -slope], [-slope, slope]], rtol=1e-15)
    assert ce.sigmoid.derivative(40.0) == ce.sigmoid.derivative(-40.0) == pytest.approx(slope, rel=1e-15)
    assert ce.log_softmax([40.0, 0.0])[0] == pytest.approx(-math.log1p(math.exp(-40.0)), rel=1e-15)


def test_sigmoid_derivative_is_its_vjp_of_one() -> None:
    z = np.linspace(-30.0, 30.0, 121)
    np.testing.assert_array_equal(ce.sigmoid.derivative(z), ce.sigmoid.vjp(z, np.ones_like(z)))


@pytest.mark.parametrize("classes", [3, 130])
@pytest.mark.parametrize("offset", [2.0**10, -(2.0**40), 2.0**47])
def test_promise_7_a_common_offset_changes_nothing(offset: float, classes: int) -> None:
    z = np.random.default_rng(2).integers(-64, 64, (5, classes)) / 16.0
    np.testing.assert_array_equal(ce.softmax(z + offset), ce.softmax(z))
    np.testing.assert_array_equal(ce.log_softmax(z + offset), ce.log_softmax(z))
    np.testing.assert_array_equal(ce.softmax.vjp(z + offset, z), ce.softmax.vjp(z, z))
    check(ce.logsumexp(z + offset), ce.logsumexp(z) + offset)


def test_softmax_of_two_classes_is_the_sigmoid_of_the_difference() -> None:
    z = np.linspace(-50.0, 50.0, 101)
    pairs = np.stack([np.full_like(z, 0.25), z + 0.25], axis=-1)
    check(ce.softmax(pairs)[:, 1], ce.sigmoid(z))
    check(ce.log_softmax(pairs)[:, 1], ce.log_sigmoid(z))
    check(ce.logsumexp(pairs), ce.softplus(z) + 0.25, size=np.abs(z) + 0.25)


def test_relations_between_activations() -> None:
    z = np.random.default_rng(4).normal(size=(6, 50)) * 10.0
    np.testing.assert_array_equal(ce.log_sigmoid(z), -ce.softplus(-z))
    np.testing.assert_allclose(ce.softplus(z) - ce.softplus(-z), z, rtol=1e-14)
    np.testing.assert_allclose(ce.sigmoid(z) + ce.sigmoid(-z), 1.0, rtol=4e-16)
    np.testing.assert_allclose(np.log(ce.sigmoid(z)), ce.log_sigmoid(z), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(ce.softmax(z).sum(axis=-1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(np.exp(ce.log_softmax(z)), ce.softmax(z), rtol=1e-14)
    np.testing.assert_allclose(z - ce.logsumexp(z)[:, np.newaxis], ce.log_softmax(z), rtol=0.0, atol=1e-14)
    np.testing.assert_array_equal(ce.logsumexp.vjp(z, np.ones(6)), ce.softmax(z))
    np.testing.assert_allclose(ce.softmax.vjp(z, np.ones_like(z)), 0.0, atol=1e-16)
