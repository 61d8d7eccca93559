"""Where results go: into fresh arrays, or into the caller's (``out=``, ``inplace=``; promise 23)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._conventions import is_supported_float
from crossentropy._memory import empty
from crossentropy._native import is_plain
from crossentropy._validation import sentence

Array = NDArray[Any]


def result_like(array: Array, name: str, given: Any, others: Iterable[Any], *, out: Any, inplace: bool) -> Array:
    """An array for a result of ``array``'s shape.

    ``array`` is the argument ``name`` as it was validated, ``given`` as it was passed; ``others`` are the arguments
    that are still read while the result is written.
    """
    if not inplace:
        if out is None:
            return empty(array.shape, array.dtype)
    elif out is not None:
        raise ValueError(
            sentence("inplace", expected="inplace=True or out=, not both", received="both", remedy="leave one out")
        )
    taker = given if inplace else out
    fault = _fault(taker, array, others)
    if fault is None:
        return taker  # type: ignore[no-any-return]
    apart = "that shares no memory with another argument"
    if inplace:
        expected = f"{name} as a writeable float array {apart}"
        remedy = f"leave it out, or pass {name} as such an array"
    else:
        expected = f"a writeable float array of shape {array.shape} {apart}"
        remedy = f"leave it out, pass np.empty_like({name}), or inplace=True to overwrite {name}"
    raise ValueError(sentence("inplace" if inplace else "out", expected=expected, received=fault, remedy=remedy))


def _fault(taker: Any, array: Array, others: Iterable[Any]) -> str | None:
    """Why ``taker`` cannot take the result."""
    if not isinstance(taker, np.ndarray):
        return type(taker).__name__
    if taker.shape != array.shape:
        return f"shape {taker.shape}"
    if not is_supported_float(taker.dtype) or not is_plain(taker):
        return f"dtype {taker.dtype.str}" + ("" if taker.flags.aligned else ", unaligned")
    if not taker.flags.writeable:
        return "a read-only array"
    if taker.size > 1 and any(step == 0 < n - 1 for n, step in zip(taker.shape, taker.strides, strict=True)):
        return "an array whose elements share memory"
    if (not _same(taker, array) and np.may_share_memory(taker, array)) or any(
        isinstance(other, np.ndarray) and np.may_share_memory(taker, other) for other in others
    ):
        return "an array that shares memory with another argument"
    return None


def _same(a: Array, b: Array) -> bool:
    """Whether two arrays are the same elements in the same places."""
    return a is b or (
        a.dtype == b.dtype
        and a.strides == b.strides
        and a.__array_interface__["data"][0] == b.__array_interface__["data"][0]
    )
