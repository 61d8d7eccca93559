"""Arrays in watched memory: what lies beside them, and what is only read, must stay as it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.layouts import Array

_POISON = 0xA5
_STEPS = (1, 1, 1, 1, 2, 3, -1, -2)
_LONG_STEP = 20_000


class Guarded:
    """Lays out arrays: axes in any order, steps of any sign and length, with poisoned margins or with none.

    Without margins the memory ends where the array does, and an address sanitizer sees what is read beyond.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._watched: list[tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8] | None]] = []

    def input(self, array: Array, *, repeated: bool = True, contiguous: bool = False) -> Array:
        """A copy of the array; ``repeated``: now and then of its first entries along an axis, with a step of 0."""
        if contiguous:
            return self._input(array, contiguous=True)
        if repeated and array.size > 0 and array.ndim > 0 and self._random.random() < 0.05:
            axis = int(self._random.integers(array.ndim))
            return np.broadcast_to(self._input(np.take(array, [0], axis=axis)), array.shape)
        return self._input(array)

    def _input(self, array: Array, *, contiguous: bool = False) -> Array:
        layout = self._layout(array.shape, array.dtype.itemsize, contiguous=contiguous)
        memory = np.full(layout["bytes"], _POISON, dtype=np.uint8)
        view = _view(array.shape, array.dtype, memory, layout)
        view[...] = array
        self._watched.append((memory, memory.copy(), None))
        return view

    def output(self, shape: tuple[int, ...], dtype: Any, *, contiguous: bool = False) -> Array:
        """An array to write into."""
        layout = self._layout(shape, np.dtype(dtype).itemsize, contiguous=contiguous)
        memory = np.full(layout["bytes"], _POISON, dtype=np.uint8)
        own = np.zeros(layout["bytes"], dtype=np.uint8)
        _view((*shape, np.dtype(dtype).itemsize), np.dtype(np.uint8), own, layout)[...] = 1
        self._watched.append((memory, memory.copy(), own))
        return _view(shape, np.dtype(dtype), memory, layout)

    def check(self) -> None:
        for memory, before, own in self._watched:
            changed = memory != before
            if own is not None:
                changed &= own == 0
            assert not changed.any(), "an input has changed, or memory beside an array"

    def _layout(self, shape: tuple[int, ...], itemsize: int, *, contiguous: bool) -> dict[str, Any]:
        random, length, offset = self._random, 1, 0
        strides = [0] * len(shape)
        for axis in reversed(range(len(shape))) if contiguous else random.permutation(len(shape)):
            step = 1 if contiguous else int(random.choice(_STEPS))
            if not contiguous and math.prod(shape) <= 64 and length < _LONG_STEP and random.random() < 0.05:
                step = _LONG_STEP
            strides[axis] = step * length * itemsize
            if step < 0:
                offset -= max(shape[axis] - 1, 0) * strides[axis]
            length *= max(shape[axis] - 1, 0) * abs(step) + 1
        margin = itemsize * int(random.choice([0, 0, 1, 9]))
        return {"bytes": length * itemsize + 2 * margin, "offset": offset + margin, "strides": tuple(strides)}


def _view(shape: tuple[int, ...], dtype: Any, memory: NDArray[np.uint8], layout: dict[str, Any]) -> Array:
    strides = layout["strides"] + (1,) * (len(shape) - len(layout["strides"]))
    return np.ndarray(shape, dtype, memory, layout["offset"], strides)
