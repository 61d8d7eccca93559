"""The memory of large results: reused, bounded, released; results in it are ordinary arrays."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import crossentropy as ce
from tests.support.layouts import FLOATS

MIB = 2**20
SHAPE = (2**17, 64)  # 16 MiB of float16 at least


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    ce.release_memory()
    yield
    ce.release_memory()


def memory() -> tuple[int, int]:
    use = ce.show_config()["memory"]
    return use["in_use"] // MIB, use["waiting"] // MIB


def address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


LABELS = np.zeros(SHAPE[0], dtype=np.int64)
RESULTS: dict[str, Callable[[Any], Any]] = {
    "gradient": lambda z: ce.softmax_cross_entropy.value_and_grad(z, LABELS)[1],
    "hvp": lambda z: ce.softmax_cross_entropy.hvp(z, LABELS, z),
    "hessian_diagonal": lambda z: ce.softmax_cross_entropy.hessian_diagonal(z, LABELS),
    "element gradient": lambda z: ce.sigmoid_cross_entropy.value_and_grad(z, z)[1],
    "element losses": lambda z: ce.sigmoid_cross_entropy(z, z, reduction="none"),
    "softmax": ce.softmax,
    "softmax along rows": lambda z: ce.softmax(z, axis=0),
    "softmax.vjp": lambda z: ce.softmax.vjp(z, z),
    "logsumexp": lambda z: ce.logsumexp(z.reshape(-1, 1)),
    "sigmoid": ce.sigmoid,
    "sigmoid.derivative": ce.sigmoid.derivative,
}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", RESULTS)
def test_a_large_result_lies_where_the_last_one_did(name: str, dtype: str) -> None:
    call, z = RESULTS[name], np.zeros(SHAPE, dtype=FLOATS[dtype])
    first = call(z)
    where, whole = address(first), first.tobytes()
    assert where % 64 == 0
    assert first.flags.writeable
    assert first.dtype == (np.float32 if name == "element losses" and dtype != "float64" else FLOATS[dtype])
    assert memory() == (first.nbytes // MIB, 0)
    first[...] = np.nan
    size = first.nbytes // MIB
    del first
    assert memory() == (0, size)
    again = call(z)
    assert address(again) == where
    assert again.tobytes() == whole
    assert memory() == (size, 0)


def test_a_result_stays_as_long_as_a_view_of_it() -> None:
    view = ce.softmax(np.zeros(SHAPE))[5:, ::7]
    assert memory() == (64, 0)
    other = ce.softmax(np.ones(SHAPE))
    assert not np.may_share_memory(view, other)
    assert (view == 1 / 64).all()
    del view
    assert memory() == (64, 64)


def test_what_waits_never_adds_to_what_was_once_in_use() -> None:
    z = np.zeros(SHAPE)
    ce.softmax(z)
    ce.softmax(z[: SHAPE[0] // 2])
    assert memory() == (0, 32)


def test_small_results_are_numpys_own() -> None:
    assert ce.softmax(np.zeros((2**13, 63))).flags.owndata
    assert memory() == (0, 0)


def test_a_call_that_raises_keeps_no_memory() -> None:
    with pytest.raises(IndexError):
        ce.softmax_cross_entropy.value_and_grad(np.zeros(SHAPE), LABELS + 64)
    assert memory() == (0, 64)


def test_release_memory_leaves_results_alone() -> None:
    z = np.zeros(SHAPE)
    kept, _ = ce.softmax(z), ce.softmax(z)
    del _
    assert memory() == (64, 64)
    ce.release_memory()
    assert memory() == (64, 0)
    assert (kept == 1 / 64).all()


def test_results_are_pickled_and_copied_like_any_array() -> None:
    result = ce.softmax(np.zeros(SHAPE))
    for same in (pickle.loads(pickle.dumps(result)), result.copy()):
        np.testing.assert_array_equal(same, result)


def test_no_memory_is_an_error_that_says_so() -> None:
    z = np.broadcast_to(np.float64(0.0), (2**40, 2**10))
    for call in (ce.softmax, ce.sigmoid):
        with pytest.raises(MemoryError) as caught:
            call(z)
        assert str(caught.value) == (
            "result: expected 9007199254740992 bytes of memory, got none from the system; "
            "pass fewer rows at a time, or let the result overwrite the input with inplace=True"
        )
