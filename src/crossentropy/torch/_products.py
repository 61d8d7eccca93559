"""The matrix products of a head by PyTorch: bfloat16 as it is, its weight gradients summed in float32 all the same."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch

from crossentropy._products import HalvesSum, Products, WeightSum
from crossentropy.torch._tensors import Array, from_array

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


class TensorProducts(Products):
    """PyTorch's products on the memory of arrays; logits of bfloat16 arguments are bfloat16, as nn.Linear's."""

    adds_in_place = True

    def multiply(self, a: Array, b: Array, out: Array, *, add: bool = False) -> None:
        """a · b into ``out``, or added to it."""
        result = from_array(out)
        if add:
            result.addmm_(from_array(a), from_array(b))
        else:
            torch.mm(from_array(a), from_array(b), out=result)

    def add_bias(self, out: Array, bias: Array) -> None:
        """``out`` plus a row (K,), in place."""
        from_array(out).add_(from_array(bias))

    def column_sums(self, slopes: Array) -> Array:
        """Σ over the rows, in float32 at least."""
        found: Array = from_array(slopes).sum(0, dtype=None if slopes.dtype == np.float64 else torch.float32).numpy()
        return found

    def block_dtype(self, features: Array, weight: Array) -> np.dtype[Any]:
        """bfloat16 where both arguments are."""
        return _BFLOAT16 if features.dtype == weight.dtype == _BFLOAT16 else super().block_dtype(features, weight)

    def rows_at_once(self, rows: int, weight: Array, dtype: np.dtype[Any], block_bytes: int) -> int:
        """Of bfloat16, all where that takes no more than half a block and the sums that several would need."""
        if dtype != _BFLOAT16:
            return super().rows_at_once(rows, weight, dtype, block_bytes)
        if 2 * rows * len(weight) <= block_bytes // 2 + 2 * weight.size:
            return max(1, rows)
        return super().rows_at_once(rows, weight, dtype, block_bytes // 2)

    def weight_sum(self, weight: Array, dtype: np.dtype[Any], blocks: int) -> WeightSum:
        """Of several blocks of bfloat16 a float32 in two halves; the product of one is summed in float32 by itself."""
        if dtype == _BFLOAT16 and blocks > 1:
            return HalvesSum(self, weight, dtype)
        return WeightSum(self, weight, dtype)
