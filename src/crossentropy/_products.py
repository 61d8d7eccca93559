"""The matrix products of a head, by NumPy: in tiles of classes where they would else need a copy of the weight."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._conventions import result_dtype
from crossentropy._memory import empty
from crossentropy._native import coded, core

Array = NDArray[Any]

#: Numbers in a tile of the weight: small enough for the caches, large enough for the products.
_TILE = 1 << 20


def tiles(classes: int, width: int) -> Iterator[slice]:
    """The classes in tiles of about ``_TILE`` numbers, where a class has ``width``."""
    step = max(64, _TILE // max(width, 1))
    return (slice(first, min(first + step, classes)) for first in range(0, classes, step))


class Products:
    """What a head needs of a library of matrix products: features (R, D), weight (K, D), logits and slopes (R, K).

    The library is NumPy; the adapter of another one overrides what that does better.
    """

    #: Whether ``multiply`` adds to its result without a temporary array of that size.
    adds_in_place = False

    def multiply(self, a: Array, b: Array, out: Array, *, add: bool = False) -> None:
        """a · b into ``out``, or added to it; all of one dtype."""
        if add:
            out += a @ b
        else:
            np.matmul(a, b, out=out)

    def add_bias(self, out: Array, bias: Array) -> None:
        """``out`` plus a row (K,), in place."""
        out += bias

    def column_sums(self, slopes: Array) -> Array:
        """Σ over the rows, in float32 at least."""
        return np.ones(len(slopes), slopes.dtype) @ slopes

    def block_dtype(self, features: Array, weight: Array) -> np.dtype[Any]:
        """The dtype that logits and slopes have in a block: float64 where an argument is float64, else float32."""
        return np.promote_types(result_dtype(features.dtype), result_dtype(weight.dtype))

    def rows_at_once(self, rows: int, weight: Array, dtype: np.dtype[Any], block_bytes: int) -> int:
        """How many of the rows make a block whose logits have that dtype."""
        return max(1, block_bytes // (len(weight) * dtype.itemsize))

    def logits(self, features: Array, weight: Array, bias: Array | None, out: Array, *, add: bool = False) -> None:
        """features · weightᵀ + bias into ``out``, or added to it."""
        x = features.astype(out.dtype, copy=False)
        whole = weight.dtype == out.dtype and bias is None and (self.adds_in_place or not add)
        for at in [slice(None)] if whole else tiles(*weight.shape):
            self.multiply(x, weight[at].astype(out.dtype, copy=False).T, out[:, at], add=add)
            if bias is not None:
                self.add_bias(out[:, at], bias[at])

    def features(self, slopes: Array, weight: Array, out: Array, *, add: bool = False) -> None:
        """slopes · weight into ``out``, or added to it."""
        if weight.dtype == slopes.dtype == out.dtype:
            self.multiply(slopes, weight, out, add=add)
            return
        total = out.astype(slopes.dtype) if add else np.zeros(out.shape, slopes.dtype)
        for at in tiles(*weight.shape):
            self.multiply(slopes[:, at], weight[at].astype(slopes.dtype, copy=False), total, add=True)
        out[...] = total

    def weight_sum(self, weight: Array, dtype: np.dtype[Any], blocks: int) -> WeightSum:
        """A gradient with respect to ``weight``, from so many blocks of slopes of ``dtype``."""
        return WeightSum(self, weight, dtype)


class WeightSum:
    """A gradient with respect to the weight, summed over blocks of rows in float32 at least."""

    def __init__(self, products: Products, weight: Array, dtype: np.dtype[Any]) -> None:
        self._products, self._rounded_to = products, weight.dtype
        self._sum, self._nothing_yet = empty(weight.shape, dtype), True

    def add(self, slopes: Array, features: Array, classes: Array | slice = slice(None)) -> None:
        """Plus slopesᵀ · features, on the rows ``classes`` of the weight."""
        x, first = features.astype(slopes.dtype, copy=False), self._nothing_yet
        if not isinstance(classes, slice):
            self._start()
            self._sum[classes] += slopes.T @ x
            return
        whole = first or self._products.adds_in_place
        for at in [slice(None)] if whole else tiles(*self._sum.shape):
            self._products.multiply(slopes[:, at].T, x, self._sum[at], add=not first)
        self._nothing_yet = False

    def rounded(self) -> Array:
        """The sum in the weight's dtype; nothing is added afterwards."""
        self._start()
        return self._sum.astype(self._rounded_to, copy=False)

    def _start(self) -> None:
        if self._nothing_yet:
            self._sum[...] = 0.0
            self._nothing_yet = False


class HalvesSum(WeightSum):
    """Sums in float32: the upper halves lie where the bfloat16 result will, the lower in as much memory again."""

    def __init__(self, products: Products, weight: Array, dtype: np.dtype[Any]) -> None:
        super().__init__(products, weight, dtype)
        self._upper = self._sum.view(np.uint16)
        self._lower = empty(weight.shape, np.dtype(np.uint16))

    def add(self, slopes: Array, features: Array, classes: Array | slice = slice(None)) -> None:
        """Plus slopesᵀ · features, on the rows ``classes`` of the weight."""
        if not isinstance(classes, slice):
            self._start()
        first, room = self._nothing_yet, None
        for at in tiles(slopes.shape[1], features.shape[1]):
            if room is None:
                room = np.empty((at.stop - at.start, features.shape[1]), slopes.dtype)
            tile = room[: at.stop - at.start]
            self._products.multiply(slopes[:, at].T, features, tile)
            some = at if isinstance(classes, slice) else classes[at]
            upper, lower = self._upper[some], self._lower[some]
            core.add_to_halves(coded(tile), first, upper, lower)
            if not isinstance(classes, slice):
                self._upper[some], self._lower[some] = upper, lower
        self._nothing_yet = False

    def rounded(self) -> Array:
        """The sums rounded to bfloat16, once."""
        if self._nothing_yet:
            return super().rounded()
        core.round_halves(self._upper, self._lower)
        return self._sum

    def _start(self) -> None:
        if self._nothing_yet:
            self._lower[...] = 0
        super()._start()
