"""What counts as an array: lists, scalars, anything with DLPack on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

import crossentropy as ce


class Tensor:
    """Nothing but DLPack, as a tensor of another library has it."""

    def __init__(self, array: np.ndarray, device: tuple[int, int] = (1, 0)) -> None:
        self._array, self._device = array, device

    def __dlpack__(self, **options: object) -> object:
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self._device


class Converted:
    """What only converts to an array, as a data frame does."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        return self._array


LOGITS, LABELS = np.array([[2.0, -1.0, 0.5], [0.0, 3.0, 0.0]]), np.array([0, 1])


def tuples(array: np.ndarray) -> tuple[object, ...]:
    return tuple(tuples(row) if row.ndim else row.item() for row in array)


@pytest.mark.parametrize(
    "given",
    [np.ndarray.tolist, tuples, Tensor, Converted],
    ids=["lists", "tuples", "DLPack", "__array__"],
)
def test_array_likes_count_as_their_arrays(given):
    expected, gradient = ce.softmax_cross_entropy.value_and_grad(LOGITS, LABELS, class_weight=np.array([1.0, 2.0, 3.0]))
    value, same = ce.softmax_cross_entropy.value_and_grad(
        given(LOGITS), given(LABELS), class_weight=given(np.array([1.0, 2.0, 3.0]))
    )
    assert value == expected
    assert isinstance(same, np.ndarray)
    np.testing.assert_array_equal(same, gradient)


def test_dlpack_tensors_are_read_where_they_lie():
    seen = Tensor(LOGITS)
    ce.softmax_cross_entropy(seen, LABELS)
    _, gradient = ce.softmax_cross_entropy.value_and_grad(Tensor(LOGITS), LABELS, out=LOGITS.copy())
    assert gradient.shape == LOGITS.shape
    overlapping = LOGITS.copy()
    with pytest.raises(ValueError, match=r"^out: .* shares memory with another argument; "):
        ce.softmax_cross_entropy.value_and_grad(Tensor(overlapping), LABELS, out=overlapping[::-1])


def test_a_pinned_tensor_is_read_by_the_cpu():
    assert ce.softmax_cross_entropy(Tensor(LOGITS, device=(3, 0)), LABELS) == ce.softmax_cross_entropy(LOGITS, LABELS)


@pytest.mark.parametrize("device", [2, 4, 10, 13])
@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda tensor: ce.softmax_cross_entropy(tensor, LABELS), "logits"),
        (lambda tensor: ce.softmax_cross_entropy(LOGITS, tensor), "targets"),
        (lambda tensor: ce.softmax_cross_entropy(LOGITS, LABELS, sample_weight=tensor), "sample_weight"),
        (lambda tensor: ce.softmax(tensor), "z"),
    ],
    ids=["logits", "targets", "sample_weight", "activation"],
)
def test_promise_24_a_tensor_on_another_device_is_refused(call, argument, device):
    with pytest.raises(TypeError) as error:
        call(Tensor(LOGITS, device=(device, 0)))
    assert str(error.value) == (
        f"{argument}: expected an array on the CPU, got Tensor on DLPack device type {device}; move it to the CPU first"
    )


def test_scalars_are_losses_of_one_element():
    value, gradient = ce.sigmoid_cross_entropy.value_and_grad(0.5, 1)
    assert (type(value), value) == (np.float64, np.log1p(np.exp(-0.5)))
    assert gradient.shape == ()
    assert ce.mean_squared_error(np.float32(3.0), 1) == 4.0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([[0.0, 1.0], [2.0]],
         r"^logits: expected an array-like of numbers, got list, which NumPy cannot convert \(.+\); "
         "pass a rectangular list, an array or a CPU tensor$"),
        ([["a", "b"]],
         r"^logits: expected real numbers \(float16, bfloat16, float32, float64, integers\), got dtype <U1; "
         r"convert it, for example with \.astype\('float64'\)$"),
        ([[1j, 0.0]], "^logits: expected real numbers .* got dtype complex128; convert it"),
        ([[None, 0.0]], "^logits: expected real numbers .* got dtype object; convert it"),
    ],
    ids=["ragged", "text", "complex", "objects"],
)  # fmt: skip
def test_promise_24_what_is_no_array_of_real_numbers_is_a_type_error(value, message):
    with pytest.raises(TypeError, match=message):
        ce.softmax_cross_entropy(value, [0])
