"""Promises 19 and 22 to 26: dtypes, sizes and layouts, inputs left alone, errors, implementations, derivatives."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES
from tests.contracts.test_reductions import call

BFLOAT = np.dtype(ml_dtypes.bfloat16)


class OnlyDLPack:
    """A tensor that speaks nothing but DLPack."""

    def __init__(self, array: np.ndarray, device: tuple[int, int] = (1, 0)) -> None:
        self.array, self.device = array, device

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float16, BFLOAT, np.float32, np.float64, np.int64])
def test_dtypes_of_results_promise_19(name: str, dtype) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    if loss.contract.domain in ("probabilities", "log-probabilities") and dtype is np.int64:
        x = np.eye(3)[t] if t.ndim == 1 else t
        x = np.log(np.array([[1.0]])) if loss.contract.domain == "log-probabilities" else x
        t = [0] if loss.contract.domain == "log-probabilities" else t
    x = np.asarray(x).astype(dtype)
    value, gradient = loss.value_and_grad(x, t)
    wide = np.dtype(dtype) in (np.float64, np.int64)
    assert value.dtype == (np.float64 if wide else np.float32)
    assert gradient.dtype == (np.float64 if dtype is np.int64 else dtype)
    assert loss(x, t, reduction="none").dtype == value.dtype


def test_a_bfloat16_loss_keeps_float32_digits_promise_19() -> None:
    z = np.array([[12.4375, 0.0, 0.0, 0.0]] * 2).astype(BFLOAT)
    value = ce.softmax_cross_entropy(z, [1, 2])
    assert value == np.float32(12.4375 + np.log1p(3.0 * np.exp(-12.4375)))
    assert value != value.astype(BFLOAT)


@pytest.mark.parametrize("name", LOSSES)
def test_inputs_stay_as_they_are_promise_23(name: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    x.setflags(write=False)
    t.setflags(write=False)
    v = np.ones_like(x)
    v.setflags(write=False)
    before = x.copy(), t.copy()
    loss.value_and_grad(x, t)
    loss.hvp(x, t, v)
    loss.hessian_diagonal(x, t)
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(t, before[1])


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("dtype", [np.float16, BFLOAT, np.float32, np.float64])
@pytest.mark.parametrize("order", "CF")
def test_out_takes_the_gradient_promise_23(name: str, dtype, order: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    _, expected = loss.value_and_grad(x, t)
    out = np.full(x.shape, 99.0, dtype=dtype, order=order)
    _, gradient = loss.value_and_grad(x, t, out=out)
    assert gradient is out
    np.testing.assert_array_equal(out, expected.astype(dtype))


@pytest.mark.parametrize("name", LOSSES)
def test_out_may_be_the_predictions_themselves_promise_23(name: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    value, expected = loss.value_and_grad(x, t)
    in_place, gradient = loss.value_and_grad(x, t, out=x)
    assert in_place == value
    assert gradient is x
    np.testing.assert_array_equal(x, expected)


def read_only() -> np.ndarray:
    array = np.zeros((2, 3))
    array.setflags(write=False)
    return array


Z = np.zeros((4, 3))


@pytest.mark.parametrize(
    ("out", "received"),
    [
        (np.zeros((3, 2)), "shape (3, 2)"),
        (np.zeros((2, 3), dtype=int), "dtype <i8"),
        (read_only(), "a read-only array"),
        ([[0.0] * 3] * 2, "list"),
        (Z[1:3], "an array that shares memory with another argument"),
    ],
)
def test_out_that_cannot_take_the_gradient_is_refused_promise_24(out, received: str) -> None:
    with pytest.raises(ValueError, match=r"^out: ") as caught:
        ce.softmax_cross_entropy.value_and_grad(Z[:2], [0, 1], out=out)
    assert str(caught.value) == (
        "out: expected a writeable float array of shape (2, 3) that shares no memory with another argument, "
        f"got {received}; leave it out, pass np.empty_like(predictions), "
        "or the predictions themselves to overwrite them"
    )


@pytest.mark.parametrize(
    ("logits", "error", "sentence"),
    [
        (np.zeros((2, 3), dtype=complex), TypeError,
         "logits: expected real numbers (float16, bfloat16, float32, float64, integers), got dtype complex128; "
         "convert it, for example with .astype('float64')"),
        ([[1.0, 2.0], [3.0]], TypeError, None),
        (np.zeros((2, 0)), ValueError, "logits: expected at least one class, got shape (2, 0); check axis="),
        (np.float64(1.0), ValueError,
         "axis: expected an axis of logits, which has 0 dimensions, got -1; "
         "pass an array with that axis, or an axis in range"),
        (OnlyDLPack(np.zeros((2, 3)), device=(2, 0)), TypeError,
         "logits: expected an array on the CPU, got OnlyDLPack on DLPack device type 2; move it to the CPU first"),
    ],
)  # fmt: skip
def test_errors_of_predictions_say_what_to_do_promise_24(logits, error, sentence) -> None:
    with pytest.raises(error, match=r"^(logits|axis): expected .+, got .+; .+") as caught:
        ce.softmax_cross_entropy(logits, [0, 1])
    if sentence is not None:
        assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("name", "x", "t", "sentence"),
    [
        ("categorical_cross_entropy", [[0.5, 0.4]], [0],
         "probabilities, row 0: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.9; "
         "divide the row by its sum, or pass logits to softmax_cross_entropy"),
        ("categorical_cross_entropy", [[1.5, -0.5]], [0],
         "probabilities, row 0: expected probabilities of at least 0, got -0.5 at class 1; "
         "remove or correct that entry"),
        ("negative_log_likelihood", [[2.0, -1.0]], [0],
         "log_probabilities, row 0: expected log-probabilities whose exponentials sum to 1 (within 1.5e-08), "
         "got a sum of 7.75693554; take log_softmax of logits first, or pass logits to softmax_cross_entropy"),
        ("binary_cross_entropy", [0.5, 1.5], [0, 1],
         "probabilities: expected probabilities in [0, 1], got 1.5 in row 1; "
         "correct it, or pass logits to sigmoid_cross_entropy"),
        ("binary_cross_entropy", [0.5, np.nan], [0, 1],
         "probabilities: expected probabilities in [0, 1], got nan in row 1; "
         "correct it, or pass logits to sigmoid_cross_entropy"),
        ("sigmoid_cross_entropy", [0.5, 1.5], [0.0, 1.5],
         "targets: expected targets in [0, 1], got 1.5 in row 1; pass 1 for the positive class and 0 for the other"),
        ("soft_margin", [0.5, 1.5], [0, 1],
         "signs: expected signs -1 or +1, got 0 in row 0; map labels y in {0, 1} to 2*y - 1"),
        ("mean_squared_error", [0.5, 1.5], [0.0],
         "targets: expected shape (2,) (the shape of the predictions), got shape (1,); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("implementation", ["native", "reference"])
def test_values_outside_the_domain_are_named_promise_24(name, x, t, sentence, implementation) -> None:
    with ce.use_implementation(implementation), pytest.raises(ValueError, match=r"^\w+.*: ") as caught:
        LOSSES[name](x, t)
    assert str(caught.value) == sentence


def test_dlpack_tensors_are_taken_as_they_are_promise_22() -> None:
    z, y = call("softmax_cross_entropy")
    assert ce.softmax_cross_entropy(OnlyDLPack(z), OnlyDLPack(y)) == ce.softmax_cross_entropy(z, y)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1, -2, -3, -4])
def test_any_axis_promise_22(axis: int) -> None:
    z = np.random.default_rng(2).normal(size=(2, 3, 4, 5))
    last = np.moveaxis(z, axis, -1)
    y = np.random.default_rng(3).integers(0, last.shape[-1], last.shape[:-1])
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, y, axis=axis)
    expected, slopes = ce.softmax_cross_entropy.value_and_grad(np.ascontiguousarray(last), y)
    assert value == expected
    np.testing.assert_array_equal(np.moveaxis(gradient, axis, -1), slopes)
    np.testing.assert_array_equal(
        np.moveaxis(ce.softmax_cross_entropy.hvp(z, y, z, axis=axis), axis, -1),
        ce.softmax_cross_entropy.hvp(last, y, last),
    )


def test_rows_beyond_two_to_the_31_elements_are_reached_promise_22() -> None:
    # one row of float16 repeated by a stride of 0: 2^31 + 2^12 elements that take no memory
    row = np.array([0.5] * 4095 + [1.5], dtype=np.float16)
    rows = 2**19 + 1
    z = np.broadcast_to(row, (rows, 4096))
    assert z.size > 2**31
    y = np.zeros(rows, dtype=np.uint16)
    y[-1] = 4095
    losses = ce.softmax_cross_entropy(z, y, reduction="none")
    one = ce.softmax_cross_entropy(row, 0)
    assert losses[0] == losses[-2] == one
    assert losses[-1] == ce.softmax_cross_entropy(row, 4095)


def test_which_implementation_runs_can_be_asked_and_forced_promise_25() -> None:
    served = ce.show_config()["implementations"]
    assert set(served["losses"].values()) == {"native core"}
    assert set(served["losses"]) == set(LOSSES)
    with ce.use_implementation("reference"):
        assert set(ce.show_config()["implementations"]["losses"].values()) == {"reference (float64 NumPy)"}
    assert ce.show_config()["implementations"]["activations"] == "native core"
    with (
        pytest.raises(ValueError, match=r"^name: expected one of 'native', 'reference', got 'numpy'; "),
        ce.use_implementation("numpy"),  # type: ignore[arg-type]
    ):
        pass


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_knows_its_derivatives_promise_26(name: str) -> None:
    loss = LOSSES[name]
    x, t = call(name)
    value, gradient = loss.value_and_grad(x, t)
    assert value == loss(x, t)
    diagonal = loss.hessian_diagonal(x, t)
    units = np.zeros_like(x)
    for column in range(3):
        units[:] = 0.0
        units[:, column] = 1.0
        product = loss.hvp(x, t, units)
        np.testing.assert_allclose(product[:, column], diagonal[:, column], rtol=1e-12, atol=1e-300)
        step = 1e-6
        ahead = loss.value_and_grad(x + step * units, t)[1] if loss.contract.domain in ("logits", "scores") else None
        if ahead is not None:
            behind = loss.value_and_grad(x - step * units, t)[1]
            np.testing.assert_allclose(product, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-9)
    assert gradient.shape == diagonal.shape == x.shape
    with pytest.raises(TypeError, match=r"^v: expected a direction, got nothing; pass it as third argument$"):
        loss.hvp(x, t)
    with pytest.raises(
        ValueError, match=r"^v: expected shape \(6, 3\) \(the shape of the predictions\), got shape \(3,\)"
    ):
        loss.hvp(x, t, np.ones(3))
