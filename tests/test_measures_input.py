"""What the measures take, return and refuse: dtypes, layouts, shapes, axes, and the sentence of every error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import crossentropy as ce
from crossentropy import _measure_inputs
from crossentropy._measures import MEASURE_ULP
from tests.support.layouts import FLOATS, LAYOUTS, lay

Array = NDArray[Any]

ROWS = ("entropy", "perplexity")
PAIRS = ("cross_entropy", "kl_divergence", "js_divergence", "js_distance")
TABLES = ("joint_entropy", "conditional_entropy", "mutual_information")


def draw(*shape: int, seed: int = 0) -> Array:
    """Distributions along the last axis in multiples of 1/64, which every float dtype holds exactly."""
    even = np.full(shape[-1], 1.0 / shape[-1])
    return np.random.default_rng(seed).multinomial(64, even, size=shape[:-1]) / 64.0


def arguments(function: str, rows: int = 6, classes: int = 12) -> tuple[Array, ...]:
    """One array of rows for each distribution that the function takes; a table is a row folded."""
    if function in PAIRS:
        return draw(rows, classes), draw(rows, classes, seed=1)
    return (draw(rows, classes).reshape(rows, 3, -1) if function in TABLES else draw(rows, classes),)


def same_bits(a: Any, b: Any) -> bool:
    return bool(np.asarray(a).dtype == np.asarray(b).dtype and np.asarray(a).tobytes() == np.asarray(b).tobytes())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("function", MEASURE_ULP)
def test_promises_21_22_23_layouts(function: str, dtype: str, layout: str) -> None:
    measure = getattr(ce, function)
    plain = [array.astype(FLOATS[dtype]) for array in arguments(function)]
    laid = [lay(array, layout) for array in plain]
    assert same_bits(measure(*laid), measure(*plain))
    assert all(np.array_equal(after, before) for after, before in zip(laid, plain, strict=True))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("function", MEASURE_ULP)
def test_promise_19_computed_in_float64_and_rounded_once(function: str, dtype: str) -> None:
    measure = getattr(ce, function)
    value = measure(*(array.astype(FLOATS[dtype]) for array in arguments(function)))
    exact = measure(*arguments(function))
    assert exact.dtype == np.float64
    assert same_bits(value, exact.astype(np.float64 if dtype == "float64" else np.float32))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("float16", "bfloat16", "float32"),
        ("float32", "float16", "float32"),
        ("float32", "float64", "float64"),
        ("bfloat16", "int64", "float64"),
        ("bool", "float16", "float64"),
    ],
)
def test_promise_19_the_wider_of_two_dtypes(first: str, second: str, expected: str) -> None:
    p, q = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    value = ce.js_divergence(p.astype(FLOATS.get(first, first)), q.astype(FLOATS.get(second, second)))
    assert value.dtype == expected
    assert value == np.dtype(expected).type(math.log(2))


@pytest.mark.parametrize("function", [*ROWS, *PAIRS])
def test_any_axis(function: str) -> None:
    measure = getattr(ce, function)
    given = [array.reshape(2, 3, 12) for array in arguments(function)]
    for axis in (0, 1, 2, -1, -2, -3):
        moved = [np.moveaxis(array, -1, axis) for array in given]
        assert same_bits(measure(*moved, axis=axis), measure(*given))


@pytest.mark.parametrize("function", TABLES)
@pytest.mark.parametrize("axis", [(0, 1), (1, 0), (2, 0), (-1, -3), (0, -1)])
def test_any_two_axes_of_a_table(function: str, axis: tuple[int, int]) -> None:
    measure = getattr(ce, function)
    (tables,) = arguments(function)
    assert same_bits(measure(np.moveaxis(tables, (-2, -1), axis), axis=axis), measure(tables))


def test_conditional_entropy_is_given_the_first_axis() -> None:
    x_decides_y = [[0.25, 0.0], [0.25, 0.0], [0.0, 0.5]]
    assert ce.conditional_entropy(x_decides_y) == 0.0
    assert ce.conditional_entropy(x_decides_y, axis=(1, 0), base=2) == 0.5


@pytest.mark.parametrize("function", MEASURE_ULP)
def test_promise_21_a_batch_is_its_rows_one_by_one(function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = getattr(ce, function)
    given = arguments(function, rows=24)
    whole = measure(*given)
    assert same_bits(whole, [measure(*row) for row in zip(*given, strict=True)])
    folded = [array.reshape(2, 3, 4, *array.shape[1:]) for array in given]
    for block in (1, 30, 100, 500):
        monkeypatch.setattr(_measure_inputs, "_BLOCK", block)
        assert same_bits(measure(*given), whole)
        assert same_bits(measure(*folded), whole.reshape(2, 3, 4, *whole.shape[1:]))


@pytest.mark.parametrize("function", [*PAIRS, "perplexity"])
def test_axes_before_the_classes_broadcast(function: str) -> None:
    measure = getattr(ce, function)
    p, q = draw(4, 1, 5), draw(3, 5, seed=1)
    p_full, q_full = np.broadcast_arrays(p, q)
    assert same_bits(measure(p, q), measure(p_full, q_full))
    assert measure(p[0, 0], q).shape == (3,)
    assert same_bits(measure(p[0, 0], q.T, axis=0), measure(p[0, 0], q))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("function", [*ROWS, *PAIRS, "surprisal"])
def test_promise_22_no_rows_and_one_class(function: str, normalize: bool) -> None:
    measure = getattr(ce, function)
    several = 2 if function in PAIRS else 1
    kept = (5,) if function == "surprisal" else ()
    assert measure(*[np.empty((0, 5))] * several, normalize=normalize).shape == (0, *kept)
    assert measure(*[np.empty((3, 0, 5))] * several, normalize=normalize).shape == (3, 0, *kept)
    one = measure(*[np.ones((4, 1))] * several, normalize=normalize)
    np.testing.assert_array_equal(np.ravel(one), 1.0 if function == "perplexity" else 0.0)


@pytest.mark.parametrize("function", TABLES)
def test_promise_22_no_tables(function: str) -> None:
    assert getattr(ce, function)(np.empty((0, 2, 3))).shape == (0,)
    assert getattr(ce, function)(np.ones((3, 1, 1))).tolist() == [0.0] * 3


@pytest.mark.parametrize("function", MEASURE_ULP)
def test_normalize_divides_counts_by_their_sum(function: str) -> None:
    measure = getattr(ce, function)
    given = arguments(function)
    counts = [(64 * array).astype(np.int32) for array in given]
    if function == "surprisal":
        assert same_bits(measure(counts[0].T, axis=0, normalize=True), measure(given[0].T))
    assert same_bits(measure(*counts, normalize=True), measure(*given))


def test_surprisal_is_elementwise_and_keeps_the_shape() -> None:
    assert ce.surprisal(0.5, base=2) == 1.0
    np.testing.assert_array_equal(ce.surprisal([[1.0, 0.25], [0.5, 0.0]], base=2), [[0.0, 2.0], [1.0, math.inf]])
    assert ce.surprisal(7, normalize=True) == 0.0


TOLERANCES = {"float16": 0.031, "bfloat16": 0.088, "float32": 3.5e-4, "float64": 1.5e-8}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_promise_3_the_tolerance_of_each_dtype(dtype: str, sign: float) -> None:
    tolerance = TOLERANCES[dtype]
    within = np.array([0.5, 0.5 + sign * 0.9 * tolerance]).astype(FLOATS[dtype])
    beyond = np.array([0.5, 0.5 + sign * 1.2 * tolerance]).astype(FLOATS[dtype])
    assert ce.entropy(within) > 0.0
    with pytest.raises(ValueError, match=r"^p: expected probabilities that sum to 1 "):
        ce.entropy(beyond)


@pytest.mark.parametrize("scale", [1.0 - 1e-9, 1.0 + 1e-9])
def test_promise_3_within_the_tolerance_values_are_used_as_they_are(scale: float) -> None:
    half = 0.5 * scale
    assert ce.cross_entropy([half, half], [0.5, 0.5]) == 2.0 * half * math.log(2)


SUM = "pass normalize=True to divide by the sum, or correct the values"
DROP = "no division makes that a distribution: drop it, or correct its values"
FIX = "remove or correct that entry"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ce.entropy([[0.5, 0.5], [0.5, 0.6]]),
            f"p, row 1: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 1.1; {SUM}",
        ),
        (
            lambda: ce.entropy(np.full((2, 2, 3), 0.25), axis=1),
            f"p, row (0, 0): expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.5; {SUM}",
        ),
        (
            lambda: ce.kl_divergence([0.5, 0.5], np.float32([0.5, 0.25])),
            f"q: expected probabilities that sum to 1 (within 0.00035), got a sum of 0.75; {SUM}",
        ),
        (
            lambda: ce.entropy([]),
            f"p: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0; {SUM}",
        ),
        (
            lambda: ce.entropy([math.inf, 1.0]),
            f"p: expected probabilities that sum to 1 (within 1.5e-08), got a sum of inf; {SUM}",
        ),
        (
            lambda: ce.entropy([[1.0, 0.0], [1.5, -0.5]]),
            f"p, row 1: expected probabilities of at least 0, got -0.5 at class 1; {FIX}",
        ),
        (
            lambda: ce.entropy([[3, 1], [2, -1]], normalize=True),
            f"p, row 1: expected probabilities of at least 0, got -1 at class 1; {FIX}",
        ),
        (
            lambda: ce.cross_entropy([math.nan, 1.0], [0.5, 0.5], normalize=True),
            f"p: expected probabilities of at least 0, got nan at class 0; {FIX}",
        ),
        (
            lambda: ce.entropy([[1, 2], [0, 0]], normalize=True),
            f"p, row 1: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0; {DROP}",
        ),
        (
            lambda: ce.entropy([1e308] * 3, normalize=True),
            f"p: expected probabilities that sum to 1 (within 1.5e-08), got a sum of inf; {DROP}",
        ),
        (
            lambda: ce.joint_entropy([[0.5, 0.5], [0.5, 0.5]]),
            f"joint: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 2; {SUM}",
        ),
        (
            lambda: ce.mutual_information([[[1.0]], [[0.5]]]),
            f"joint, table 1: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.5; {SUM}",
        ),
        (
            lambda: ce.joint_entropy([[[[1]], [[0]]]], normalize=True),
            f"joint, table (0, 1): expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0; {DROP}",
        ),
        (
            lambda: ce.conditional_entropy([[0.5, 0.5], [-0.25, 0.25]], axis=(1, 0), normalize=True),
            f"joint: expected probabilities of at least 0, got -0.25 at index (1, 0); {FIX}",
        ),
        (
            lambda: ce.joint_entropy([[0.5, math.nan]]),
            f"joint: expected probabilities of at least 0, got nan at index (0, 1); {FIX}",
        ),
        (
            lambda: ce.joint_entropy([[0.5, 0.5]], axis=(1, -1)),
            "axis: expected two different axes, got (1, -1); name the axes of X and of Y",
        ),
        (
            lambda: ce.joint_entropy([0.5, 0.5]),
            "axis: expected an axis of joint, which has 1 dimension, got -2; "
            "pass an array with that axis, or an axis in range",
        ),
        (
            lambda: ce.entropy(1.0),
            "axis: expected an axis of p, which has 0 dimensions, got -1; "
            "pass an array with that axis, or an axis in range",
        ),
        (
            lambda: ce.surprisal([0.5, 0.5], axis=1),
            "axis: expected an axis of p, which has 1 dimension, got 1; "
            "pass an array with that axis, or an axis in range",
        ),
        (lambda: ce.surprisal(1.5), f"p: expected probabilities from 0 to 1, got 1.5; {FIX}"),
        (
            lambda: ce.surprisal([0.5, math.nan]),
            f"p: expected probabilities from 0 to 1, got nan at index 1; {FIX}",
        ),
        (
            lambda: ce.surprisal([[0.5], [-0.1]]),
            f"p: expected probabilities from 0 to 1, got -0.1 at index (1, 0); {FIX}",
        ),
        (
            lambda: ce.js_distance([0.5, 0.5], [1.0]),
            "q: expected the 2 classes of p, got 1 classes; "
            "give both a probability for every class, 0 where there is none",
        ),
        (
            lambda: ce.kl_divergence(draw(4, 3), draw(2, 3)),
            "q: expected rows that broadcast with those of p, shape (4,), got rows of shape (2,); "
            "pass one row for each row of p, or a single one for all",
        ),
        (
            lambda: ce.entropy([1.0], base=0.5),
            "base: expected a base above 1, got 0.5; pass 2 for bits, 10 for hartleys",
        ),
        (
            lambda: ce.perplexity([1.0], base=1),
            "base: expected a base other than 1, got 1; pass 2 for bits, 10 for hartleys",
        ),
    ],
)
def test_promises_3_and_24_value_error(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ce.joint_entropy([[1.0]], axis=-1),  # type: ignore[arg-type]
            "axis: expected a tuple of two integers, got -1; name the axes of X and of Y",
        ),
        (
            lambda: ce.entropy([1.0], axis=(0, 1)),  # type: ignore[arg-type]
            "axis: expected an integer, got (0, 1); name one axis of the array",
        ),
        (
            lambda: ce.entropy([0.5 + 0.5j, 0.5]),
            "p: expected real numbers (float16, bfloat16, float32, float64, integers), got dtype complex128; "
            "convert it, for example with .astype('float64')",
        ),
        (
            lambda: ce.entropy([1.0], base="2"),  # type: ignore[arg-type]
            "base: expected a finite number above 0, got '2'; pass one such number",
        ),
    ],
)
def test_promise_24_type_error(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert str(caught.value) == message
