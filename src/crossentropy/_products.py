"""The matrix products of a head, by NumPy: in tiles of classes where they would else need a copy of the weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crossentropy._conventions import result_dtype
from crossentropy._memory import empty

Array = NDArray[Any]

#: Numbers in a tile of the weight: small enough for the caches, large enough for the products.
_TILE = 1 << 20


class WeightSum(Protocol):
    """A gradient with respect to the weight, summed over blocks of rows."""

    def add(self, slopes: Array, features: Array, classes: Array | slice = slice(None)) -> None:
        """Plus slopesᵀ · features, on the rows ``classes`` of the weight."""

    def rounded(self) -> Array:
        """The sum in the weight's dtype; nothing is added afterwards."""


class Products(Protocol):
    """What a head needs of a library of matrix products. (R, D) features, (K, D) weight, (R, K) logits and slopes."""

    def block_dtype(self, features: Array, weight: Array) -> np.dtype[Any]:
        """The dtype that logits and slopes have in a block."""

    def logits(self, features: Array, weight: Array, bias: Array | None, out: Array, *, add: bool = False) -> None:
        """features · weightᵀ + bias into ``out``, or added to it."""

    def features(self, slopes: Array, weight: Array, out: Array, *, add: bool = False) -> None:
        """slopes · weight into ``out``, or added to it."""

    def column_sums(self, slopes: Array) -> Array:
        """Σ over the rows."""

    def weight_sum(self, weight: Array, dtype: np.dtype[Any], blocks: int) -> WeightSum:
        """A gradient with respect to ``weight``, from so many blocks of slopes of ``dtype``."""


def tiles(classes: int, width: int) -> Iterator[slice]:
    """The classes in tiles of about ``_TILE`` numbers, where a class has ``width``."""
    step = max(64, _TILE // max(width, 1))
    return (slice(first, min(first + step, classes)) for first in range(0, classes, step))


class ArrayProducts:
    """NumPy's products, in float64 where an argument is float64, else in float32."""

    def block_dtype(self, features: Array, weight: Array) -> np.dtype[Any]:
        return np.promote_types(result_dtype(features.dtype), result_dtype(weight.dtype))

    def logits(self, features: Array, weight: Array, bias: Array | None, out: Array, *, add: bool = False) -> None:
        x = features.astype(out.dtype, copy=False)
        for at in tiles(*weight.shape):
            w = weight[at].astype(out.dtype, copy=False)
            if add:
                out[:, at] += x @ w.T
            else:
                np.matmul(x, w.T, out=out[:, at])
            if bias is not None:
                out[:, at] += bias[at]

    def features(self, slopes: Array, weight: Array, out: Array, *, add: bool = False) -> None:
        if weight.dtype == slopes.dtype == out.dtype and not add:
            np.matmul(slopes, weight, out=out)
            return
        total = np.zeros(out.shape, slopes.dtype)
        for at in tiles(*weight.shape):
            total += slopes[:, at] @ weight[at].astype(slopes.dtype, copy=False)
        if add:
            total += out
        out[...] = total

    def column_sums(self, slopes: Array) -> Array:
        return np.ones(len(slopes), slopes.dtype) @ slopes

    def weight_sum(self, weight: Array, dtype: np.dtype[Any], blocks: int) -> WeightSum:
        return _ArraySum(weight, dtype)


class _ArraySum:
    def __init__(self, weight: Array, dtype: np.dtype[Any]) -> None:
        self._sum, self._rounded_to = empty(weight.shape, dtype), weight.dtype
        self._nothing_yet = True

    def add(self, slopes: Array, features: Array, classes: Array | slice = slice(None)) -> None:
        x = features.astype(slopes.dtype, copy=False)
        if isinstance(classes, slice):
            if self._nothing_yet:
                np.matmul(slopes.T, x, out=self._sum)
            else:
                self._add_tiles(slopes, x)
        else:
            self._start()
            self._sum[classes] += slopes.T @ x
        self._nothing_yet = False

    def _add_tiles(self, slopes: Array, x: Array) -> None:
        room = None
        for at in tiles(*self._sum.shape):
            room = np.empty((at.stop - at.start, x.shape[1]), x.dtype) if room is None else room[: at.stop - at.start]
            self._sum[at] += np.matmul(slopes[:, at].T, x, out=room)

    def _start(self) -> None:
        if self._nothing_yet:
            self._sum[...] = 0.0
            self._nothing_yet = False

    def rounded(self) -> Array:
        self._start()
        return self._sum.astype(self._rounded_to, copy=False)
