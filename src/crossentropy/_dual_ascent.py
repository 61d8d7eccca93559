"""Dual coordinate ascent for a linear model of sparse features, an epoch at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._linear import Parameters, SparseFeatures
from crossentropy._memory import empty
from crossentropy._native import core

Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]


class DualAscent:
    """The minimum of Σ a·CE(W x + b, t) + ½‖W‖² + ½‖b − b'‖²/s, over rows x of a CSR matrix, by its dual.

    ``weight`` are the a of rows (N,), whose classes exclude each other, or (N, K) of each row and class by itself.
    ``duals`` (N, K), which are overwritten, are probabilities q, and ``start`` the W = Σ a(t − q)xᵀ and b that belong
    to them. ``excess`` (K,) is Σ a(t − q). ``intercept_size`` is s; 0 leaves b as it is.
    """

    def __init__(
        self,
        rows: Any,
        *,
        weight: Singles,
        duals: Singles,
        start: Parameters,
        excess: Doubles,
        intercept_size: float,
    ) -> None:
        self._features, self._weight, self._duals, self._size = SparseFeatures(rows), weight, duals, intercept_size
        classes, width = start.coef.shape
        # on large pages, which are read here and there
        self._coef = empty((width, core.sparse_step(classes)), np.dtype(np.float32))
        self._coef[:, :classes] = start.coef.T
        self._coef[:, classes:] = 0.0
        self._intercept, self._excess = start.intercept.copy(), excess.copy()

    def epoch(self, order: NDArray[np.int64]) -> float:
        """Each row once; about how far the dual objective was from its maximum, which is seen row by row."""
        found = self._features.ascend(
            order, self._weight, self._duals, self._coef, self._intercept, self._excess, self._size
        )
        # b' moves to where b is; b, which is b' and s·Σ a(t − q), goes on by as much
        self._intercept += self._size * self._excess
        return found

    def parameters(self) -> Parameters:
        """W (K, D) and b (K,)."""
        return Parameters(self._coef[:, : len(self._intercept)].T.astype(np.float64), self._intercept.copy())
