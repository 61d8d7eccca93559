"""The compiled core, and how NumPy arrays are handed to it."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    from crossentropy._native import _core as core
except ImportError as error:
    raise ImportError(
        "crossentropy: expected its compiled core beside the package, got none that loads "
        f"({error}); build it with `pip install .` in the project's folder"
    ) from error

__all__ = ["coded", "coded_output", "core"]

# The order is that of DType in cpp/core/problem.hpp; bool is stored as u8.
_NAMES = "float16 bfloat16 float32 float64 uint8 int8 uint16 int16 uint32 int32 uint64 int64"
_CODES = {name: code for code, name in enumerate(_NAMES.split())} | {"bool": 4}

Coded = tuple[NDArray[Any], int]


def _is_plain(array: NDArray[Any]) -> bool:
    """Whether strides count whole aligned elements in native byte order, as the core needs."""
    flags, size = array.flags, array.itemsize
    return (
        flags.aligned
        and array.dtype.isnative
        and (flags.c_contiguous or all(stride % size == 0 for stride in array.strides))
    )


@lru_cache(maxsize=64)
def _code(dtype: np.dtype[Any]) -> int:
    return _CODES[dtype.name]


def _as_stored(array: NDArray[Any]) -> Coded:
    code = _code(array.dtype)
    # DLPack has no word for ml_dtypes' bfloat16: the core gets its bits
    return (array.view(np.uint16) if code == _CODES["bfloat16"] else array), code


def coded(array: NDArray[Any] | None) -> Coded | None:
    """An input as the core takes it: the array and its dtype code; copied only where the layout leaves no choice."""
    if array is None:
        return None
    if not _is_plain(array):
        array = np.array(array, dtype=array.dtype.newbyteorder("="))
    return _as_stored(array)


def coded_output(array: NDArray[Any] | None) -> Coded | None:
    """An output as the core takes it; the caller has made sure that its layout is plain."""
    return None if array is None else _as_stored(array)


def is_plain(array: NDArray[Any]) -> bool:
    """Whether results can be written into ``array`` as it lies."""
    return _is_plain(array)


_chosen = os.environ.get("CROSSENTROPY_ISA")
if _chosen and not core.use_instruction_set(_chosen):
    raise ImportError(
        f"CROSSENTROPY_ISA: expected one of {', '.join(core.available_instruction_sets())}, got {_chosen!r}; "
        "unset it, or name a set that this machine has"
    )
