"""The memory of results: large ones come from the core, which reuses it; small ones from NumPy."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._native import core
from crossentropy._validation import sentence


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array to be written in full."""
    size = prod(shape) * dtype.itemsize
    if size < core.smallest_block:
        return np.empty(shape, dtype)
    try:
        block = core.Block(size)
    except MemoryError:
        raise MemoryError(
            sentence(
                "result",
                expected=f"{size} bytes of memory",
                received="none from the system",
                remedy="pass fewer rows at a time, or let the result overwrite the input with inplace=True",
            )
        ) from None
    return np.ndarray(shape, dtype, buffer=block)  # type: ignore[arg-type]  # NumPy's stub lists few buffers


def release_memory() -> None:
    """Give the memory that waits for new results back to the system at once.

    A result of 4 MiB or more (a gradient, an activation, row losses) lies in memory that waits, once the array is gone,
    for the next result of about that size: fresh memory costs more than the arithmetic. What waits never makes a
    process hold more than its results once needed together, and the system may take it back when it runs short, so
    that this call is seldom needed. ``show_config()["memory"]`` tells how many bytes are in use, and how many wait.

    Example:
        >>> import crossentropy as ce
        >>> ce.release_memory()
        >>> ce.show_config()["memory"]["waiting"]
        0
    """
    core.release_memory()
