"""What activations take, where they write, and what they refuse."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._dispatch import IMPLEMENTATIONS
from crossentropy.testing import ulp_distance
from tests.support.layouts import FLOATS, LAYOUTS, Array, lay

ELEMENTWISE = ("sigmoid", "log_sigmoid", "softplus")
OF_ROWS = ("softmax", "log_softmax", "logsumexp")
WITH_OUT = (*ELEMENTWISE, "softmax", "log_softmax")

every_activation = pytest.mark.parametrize("name", [*ELEMENTWISE, *OF_ROWS])
every_implementation = pytest.mark.parametrize("implementation", IMPLEMENTATIONS)


def numbers(*shape: int) -> Array:
    return np.random.default_rng(shape).normal(size=shape) * 3.0


def value_and_product(name: str, z: Any, cotangent: Any, **options: Any) -> list[Array]:
    activation = getattr(ce, name)
    return [np.asarray(activation(z, **options)), np.asarray(activation.vjp(z, cotangent, **options))]


@every_activation
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_promise_22_any_layout_gives_the_same_bits_and_promise_23_stays_as_it_is(
    name: str, dtype: str, layout: str
) -> None:
    z = numbers(3, 5, 130).astype(FLOATS[dtype])
    cotangent = np.asarray(getattr(ce, name)(z))  # the right shape, and as good as any
    laid, laid_cotangent = lay(z, layout), lay(cotangent, layout)
    plain, results = value_and_product(name, z, cotangent), value_and_product(name, laid, laid_cotangent)
    assert [r.tobytes() for r in results] == [p.tobytes() for p in plain]
    assert [r.dtype for r in results] == [z.dtype] * 2
    assert laid.astype(z.dtype).tobytes() == z.tobytes()
    assert laid_cotangent.astype(z.dtype).tobytes() == cotangent.tobytes()


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("name", OF_ROWS)
def test_promise_22_every_axis(name: str, axis: int) -> None:
    z = numbers(3, 4, 5)
    last = np.ascontiguousarray(np.moveaxis(z, axis, -1))
    cotangent = numbers(*np.shape(getattr(ce, name)(last)))
    expected = value_and_product(name, last, cotangent)
    reduced = name == "logsumexp"
    value, product = value_and_product(name, z, cotangent if reduced else np.moveaxis(cotangent, -1, axis), axis=axis)
    np.testing.assert_array_equal(value if reduced else np.moveaxis(value, axis, -1), expected[0])
    np.testing.assert_array_equal(np.moveaxis(product, axis, -1), expected[1])


@pytest.mark.parametrize("classes", [1, 128, 129])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_logsumexp_keeps_its_axis_with_keepdims(axis: int, classes: int) -> None:
    z = np.moveaxis(numbers(3, classes), -1, axis)
    plain, kept = ce.logsumexp(z, axis=axis), ce.logsumexp(z, axis=axis, keepdims=True)
    assert (plain.shape, kept.shape) == ((3,), (1, 3) if axis == 0 else (3, 1))
    np.testing.assert_array_equal(kept.ravel(), plain)
    np.testing.assert_array_equal(ce.logsumexp(z[:, 0] if axis else z[0], keepdims=True).shape, (1,))


@every_activation
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (0, 0, 3), (0, 1000)])
def test_promise_22_no_rows(name: str, shape: tuple[int, ...]) -> None:
    z = np.empty(shape, dtype=np.float32)
    expected = shape[:-1] if name == "logsumexp" else shape
    value, product = value_and_product(name, z, np.empty(expected))
    assert (value.shape, value.dtype) == (expected, np.float32)
    assert (product.shape, product.dtype) == (shape, np.float32)


@every_implementation
def test_promise_22_rows_of_no_classes(implementation: Any) -> None:
    z = np.empty((2, 0))
    with ce.use_implementation(implementation):
        assert ce.logsumexp(z).tolist() == [-np.inf, -np.inf]
        assert ce.logsumexp.vjp(z, np.ones(2)).shape == (2, 0)
        assert ce.softmax.jacobian(z).shape == (2, 0, 0)
        for name in ("softmax", "log_softmax"):
            assert [result.shape for result in value_and_product(name, z, z)] == [(2, 0), (2, 0)]


@pytest.mark.parametrize("classes", [1, 7])
def test_promise_22_one_row_needs_no_axis_of_rows(classes: int) -> None:
    z = numbers(1, classes)
    for name in ("softmax", "log_softmax"):
        np.testing.assert_array_equal(getattr(ce, name)(z[0]), getattr(ce, name)(z)[0])
    np.testing.assert_array_equal(ce.softmax.jacobian(z[0]), ce.softmax.jacobian(z)[0])
    lse = ce.logsumexp(z[0])
    assert isinstance(lse, np.float64)
    assert lse == ce.logsumexp(z)[0]


def test_a_single_class_is_certain() -> None:
    z = np.array([[-3.5], [700.0], [-1e300]])
    assert ce.softmax(z).tolist() == [[1.0]] * 3
    assert ce.log_softmax(z).tolist() == [[0.0]] * 3
    np.testing.assert_array_equal(ce.logsumexp(z), z[:, 0])
    for name in ("softmax", "log_softmax"):
        np.testing.assert_array_equal(getattr(ce, name).vjp(z, np.full((3, 1), 2.0)), np.zeros((3, 1)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_number_gives_a_number_of_its_dtype(name: str, dtype: str) -> None:
    z = np.asarray(0.5, dtype=FLOATS[dtype])
    for argument in (z, z[()]):
        for result in (getattr(ce, name)(argument), getattr(ce, name).vjp(argument, 1.0)):
            assert np.ndim(result) == 0
            assert not isinstance(result, np.ndarray)
            assert result.dtype == FLOATS[dtype]
    assert getattr(ce, name)(0.5) == getattr(ce, name)(np.array([0.5]))[0]


@every_activation
@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "uint64"])
def test_integers_count_as_float64(name: str, dtype: str) -> None:
    z = np.array([[0, 1, 1], [1, 0, 0]], dtype=dtype)
    result = getattr(ce, name)(z)
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, getattr(ce, name)(z.astype(np.float64)))
    np.testing.assert_array_equal(result, getattr(ce, name)(z.tolist()))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["C order", "Fortran order", "strided", "negative strides"])
@pytest.mark.parametrize("classes", [5, 130])
@pytest.mark.parametrize("name", WITH_OUT)
@every_implementation
def test_promise_23_out_takes_the_result(name: str, classes: int, layout: str, dtype: str, implementation: Any) -> None:
    z, cotangent = numbers(4, classes), numbers(4, classes)[::-1]
    activation = getattr(ce, name)
    with ce.use_implementation(implementation):
        value, product = value_and_product(name, z, cotangent)
        for expected, call in ((value, activation), (product, activation.vjp)):
            out = lay(np.full(z.shape, np.nan).astype(FLOATS[dtype]), layout)
            given = (z,) if call is activation else (z, cotangent)
            assert call(*given, out=out) is out
            # a little beyond half a unit: results that end in float32 or less need exponentials of fewer digits
            largest = np.abs(expected).max(axis=-1, keepdims=True)
            assert ulp_distance(out, expected, scale=largest).max() <= (0.0 if dtype == "float64" else 0.501)


@pytest.mark.parametrize("layout", ["C order", "Fortran order", "strided", "negative strides"])
@pytest.mark.parametrize("classes", [5, 130])
@pytest.mark.parametrize("name", WITH_OUT)
@every_implementation
def test_promise_23_out_may_be_z_itself(name: str, classes: int, layout: str, implementation: Any) -> None:
    z, cotangent = numbers(4, classes), numbers(4, classes)[::-1]
    activation = getattr(ce, name)
    with ce.use_implementation(implementation):
        value, product = value_and_product(name, z, cotangent)
        for expected, call in ((value, activation), (product, activation.vjp)):
            for how in ("out", "inplace"):
                in_place = lay(z.copy(), layout)
                given = (in_place,) if call is activation else (in_place, cotangent)
                assert call(*given, **{how: in_place if how == "out" else True}) is in_place
                np.testing.assert_array_equal(in_place, expected)


def test_promise_23_out_of_derivative_and_of_logsumexp_vjp() -> None:
    z = numbers(4, 5)
    for call, given in ((ce.sigmoid.derivative, (z,)), (ce.logsumexp.vjp, (z, numbers(4)))):
        out = np.full_like(z, np.nan)
        assert call(*given, out=out) is out
        np.testing.assert_array_equal(out, call(*given))
        overwritten = z.copy()
        assert call(overwritten, *given[1:], inplace=True) is overwritten
        np.testing.assert_array_equal(overwritten, out)


MEMORY = np.zeros((3, 4))
SHARED = "an array that shares memory with another argument"
OUT = (
    "out: expected a writeable float array of shape (2, 4) that shares no memory with another argument, got {}; "
    "leave it out, pass np.empty_like(z), or inplace=True to overwrite z"
)
INPLACE = (
    "inplace: expected z as a writeable float array that shares no memory with another argument, got {}; "
    "leave it out, or pass z as such an array"
)


@pytest.mark.parametrize(
    ("out", "received"),
    [
        (np.zeros((4, 2)), "shape (4, 2)"),
        (np.zeros(8), "shape (8,)"),
        (np.zeros((2, 4), dtype=int), "dtype <i8"),
        (np.zeros((2, 4), dtype=complex), "dtype <c16"),
        (np.zeros((2, 4), dtype=np.dtype(">f8")), "dtype >f8"),
        (lay(np.zeros((2, 4)), "read-only"), "a read-only array"),
        (lay(np.zeros((2, 4)), "unaligned"), "dtype <f8, unaligned"),
        (MEMORY[1:], SHARED),
        (MEMORY[1::-1], SHARED),
        ([[0.0] * 4] * 2, "list"),
    ],
    ids=["shape", "size", "integers", "complex", "bytes", "read-only", "unaligned", "overlap", "reversed", "list"],
)
@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
def test_promise_24_out_that_cannot_take_the_result(name: str, out: Any, received: str) -> None:
    z = MEMORY[:2]
    for call in (lambda: getattr(ce, name)(z, out=out), lambda: getattr(ce, name).vjp(z, np.ones((2, 4)), out=out)):
        with pytest.raises(ValueError, match=r"^out: ") as caught:
            call()
        assert str(caught.value) == OUT.format(received)
    assert not MEMORY.any()


@pytest.mark.parametrize(
    ("z", "received"),
    [
        ([[0.0] * 4] * 2, "list"),
        (np.zeros((2, 4), dtype=int), "dtype <i8"),
        (np.zeros((2, 4), dtype=np.dtype(">f8")), "dtype >f8"),
        (lay(np.zeros((2, 4)), "read-only"), "a read-only array"),
        (lay(np.zeros((2, 4)), "unaligned"), "dtype <f8, unaligned"),
    ],
    ids=["list", "integers", "bytes", "read-only", "unaligned"],
)
@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
def test_promise_24_z_that_cannot_be_overwritten(name: str, z: Any, received: str) -> None:
    activation = getattr(ce, name)
    for call in (lambda: activation(z, inplace=True), lambda: activation.vjp(z, np.ones((2, 4)), inplace=True)):
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == INPLACE.format(received)
    assert not np.any(z)


@pytest.mark.parametrize("name", ["sigmoid", "softmax"])
def test_promise_24_inplace_and_out_exclude_each_other(name: str) -> None:
    activation, z = getattr(ce, name), np.zeros((2, 4))
    for call in (lambda: activation(z, out=z, inplace=True), lambda: activation.vjp(z, z, out=z, inplace=True)):
        with pytest.raises(ValueError) as caught:
            call()
        assert str(caught.value) == "inplace: expected inplace=True or out=, not both, got both; leave one out"


def test_promise_24_a_cotangent_that_is_z_keeps_it_from_being_overwritten() -> None:
    with pytest.raises(ValueError) as caught:
        ce.softmax.vjp(MEMORY, MEMORY, inplace=True)
    assert str(caught.value) == INPLACE.format(SHARED)


@pytest.mark.parametrize("name", [*WITH_OUT, "logsumexp"])
def test_promise_24_out_does_not_write_over_a_cotangent_that_is_still_to_be_read(name: str) -> None:
    cotangent = MEMORY[:2, 1] if name == "logsumexp" else MEMORY[:2]
    with pytest.raises(ValueError, match=r"^out: ") as caught:
        getattr(ce, name).vjp(np.ones((2, 4)), cotangent, out=MEMORY[1:])
    assert str(caught.value) == OUT.format(SHARED)
    assert not MEMORY.any()


NOT_REAL = [(np.ones(2, dtype=complex), "complex128"), (["a", "bc"], "<U2"), ([None, 1.0], "object")]


@every_activation
@pytest.mark.parametrize(("wrong", "dtype"), NOT_REAL, ids=[dtype for _, dtype in NOT_REAL])
def test_promise_24_what_is_no_real_number(name: str, wrong: Any, dtype: str) -> None:
    activation, z = getattr(ce, name), np.zeros((2, 2))
    for argument, call in (
        ("z", lambda: activation(wrong)),
        ("z", lambda: activation.vjp(wrong, [1.0, 1.0])),
        ("cotangent", lambda: activation.vjp(z, wrong)),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value) == (
            f"{argument}: expected real numbers (float16, bfloat16, float32, float64, integers), got dtype {dtype}; "
            "convert it, for example with .astype('float64')"
        )


@every_activation
def test_promise_24_cotangent_of_another_shape(name: str) -> None:
    expected, meaning = {
        "logsumexp": ((2,), "the shape of the value"),
        "softmax": ((2, 3), "the shape of the value"),
        "log_softmax": ((2, 3), "the shape of the value"),
    }.get(name, ((2, 3), "the shape of z"))
    with pytest.raises(ValueError, match=r"^cotangent: ") as caught:
        getattr(ce, name).vjp(np.zeros((2, 3)), np.ones(3))
    assert str(caught.value) == (
        f"cotangent: expected shape {expected} ({meaning}), got shape (3,); "
        "reshape or broadcast it yourself, so that nothing is paired by accident"
    )


REMEDY = "pass an array with that axis, or an axis in range"


@pytest.mark.parametrize(
    ("z", "axis", "error", "sentence"),
    [
        (np.zeros((2, 3)), 2, ValueError, "axis: expected an axis of z, which has 2 dimensions, got 2; " + REMEDY),
        (np.zeros(3), -2, ValueError, "axis: expected an axis of z, which has 1 dimension, got -2; " + REMEDY),
        (np.float64(3.0), -1, ValueError, "axis: expected an axis of z, which has 0 dimensions, got -1; " + REMEDY),
        (np.zeros(3), 0.0, TypeError, "axis: expected an integer, got 0.0; name one axis of the array"),
        (np.zeros(3), True, TypeError, "axis: expected an integer, got True; name one axis of the array"),
        (np.zeros((2, 3)), (0, 1), TypeError, "axis: expected an integer, got (0, 1); name one axis of the array"),
        (np.zeros(3), None, TypeError, "axis: expected an integer, got None; name one axis of the array"),
    ],
)
@pytest.mark.parametrize("name", [*OF_ROWS, "jacobian"])
def test_promise_24_wrong_axis(name: str, z: Any, axis: Any, error: type[Exception], sentence: str) -> None:
    if name == "jacobian":
        calls = [lambda: ce.softmax.jacobian(z, axis=axis)]
    else:
        calls = [lambda: getattr(ce, name)(z, axis=axis), lambda: getattr(ce, name).vjp(z, z, axis=axis)]
    for call in calls:
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == sentence


@every_activation
def test_activations_are_pickled_by_name_and_say_what_they_are(name: str) -> None:
    activation = getattr(ce, name)
    assert pickle.loads(pickle.dumps(activation)) is activation
    assert repr(activation) == f"<crossentropy activation {name}>"
    assert activation.__name__ == name
