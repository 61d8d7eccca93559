"""The same numbers, laid out in memory in every way that a caller's array may be."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FLOATS = {
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}


def _strided(array: Array) -> Array:
    wide = np.zeros([3 * n for n in array.shape], dtype=array.dtype)
    view = wide[(slice(1, None, 3),) * array.ndim]
    view[...] = array
    return view


def _reversed(array: Array) -> Array:
    backwards = (slice(None, None, -1),) * array.ndim
    return array[backwards].copy()[backwards]


def _read_only(array: Array) -> Array:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def _memory_mapped(array: Array) -> Array:
    if array.size == 0:
        return _read_only(array)  # nothing cannot be mapped
    with tempfile.TemporaryFile() as file:
        file.write(array.tobytes())
        file.flush()
        return np.memmap(file, dtype=array.dtype, mode="r", shape=array.shape)


def _byte_swapped(array: Array) -> Array:
    if array.dtype.name == "bfloat16":
        return array.copy()  # ml_dtypes has one byte order
    return array.astype(array.dtype.newbyteorder())


def _unaligned(array: Array) -> Array:
    memory = np.zeros(array.nbytes + 1, dtype=np.uint8)
    view = memory[1:].view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "strided": _strided,
    "negative strides": _reversed,
    "read-only": _read_only,
    "memory-mapped": _memory_mapped,
    "byte-swapped": _byte_swapped,
    "unaligned": _unaligned,
}


def lay(array: Array, layout: str) -> Array:
    """The array in one of LAYOUTS; a 0-d array stays one."""
    return LAYOUTS[layout](array) if array.ndim else array
