"""The objective of softmax regression, which any solver minimises."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from crossentropy import softmax_cross_entropy

Floats = NDArray[np.float64]

#: Elements of the widest buffer of a block of rows: 8 MB, which amortises a matrix product and never holds N×K logits.
_BLOCK_ELEMENTS = 2**20

#: Multiplications N·D·K of a product that one thread has done in milliseconds. Sharing it gains little on an idle
#: machine, and on a busy one BLAS threads that wait for one another have made it ten times slower.
_ONE_THREAD = 2**26


@dataclass(frozen=True)
class Evaluation:
    """The objective and its gradient at one point, and the mean cross-entropy (nats) that is part of it."""

    objective: float
    cross_entropy: float
    coef_gradient: Floats
    intercept_gradient: Floats


class SoftmaxObjective:
    """Softmax regression's penalised loss, per unit of weight: Σ sᵢ·CE(W xᵢ + b, yᵢ)/S + ½‖W‖²/(C·S), S = Σ sᵢ.

    Multiplied by ``scale`` = C·S this is C·Σ sᵢ·CEᵢ + ½‖W‖²; divided, its size and its gradient's do not grow with the
    rows. X is (N, D), float64 or float32, W (K, D), b (K,). Rows are taken a block at a time and widened to float64,
    so that float32 features cost half the memory and give the same answer as their float64 values.
    """

    def __init__(
        self, X: NDArray[Any], codes: NDArray[np.intp], weights: Floats, *, classes: int, C: float, fit_intercept: bool
    ) -> None:
        self.X = X
        self.codes = codes
        self.classes = classes
        self.fit_intercept = fit_intercept
        total = float(weights.sum())
        self.weights = weights / total
        self.scale = C * total
        self.penalty = 1.0 / self.scale
        self._block_rows = max(1, _BLOCK_ELEMENTS // max(classes, X.shape[1]))
        rows = min(self._block_rows, X.shape[0])
        self._logits = np.empty((rows, classes))
        self._logits_gradient = np.empty((rows, classes))

    def threads(self) -> AbstractContextManager[Any]:
        """The context to evaluate in: small matrix products stay on one BLAS thread."""
        small = self.X.size * self.classes <= _ONE_THREAD
        return threadpool_limits(limits=1, user_api="blas") if small else nullcontext()

    def blocks(self) -> list[slice]:
        """The rows, a block at a time, in order."""
        rows = self.X.shape[0]
        return [slice(start, min(start + self._block_rows, rows)) for start in range(0, rows, self._block_rows)]

    def features(self, block: slice) -> Floats:
        """A block of rows of X as float64."""
        return np.asarray(self.X[block], dtype=np.float64)

    def evaluate(self, coef: Floats, intercept: Floats) -> Evaluation:
        """Value and gradient at one W (K, D) and b (K,), in one pass over the rows."""
        cross_entropy = 0.0
        coef_gradient = self.penalty * coef
        intercept_gradient = np.zeros(self.classes)
        for block in self.blocks():
            X = self.features(block)
            logits = np.matmul(X, coef.T, out=self._logits[: len(X)])
            logits += intercept
            loss, gradient = softmax_cross_entropy.value_and_grad(
                logits,
                self.codes[block],
                sample_weight=self.weights[block],
                reduction="sum",
                out=self._logits_gradient[: len(X)],
            )
            cross_entropy += float(loss)
            coef_gradient += gradient.T @ X
            intercept_gradient += gradient.sum(axis=0)
        penalty = 0.5 * self.penalty * float(np.vdot(coef, coef))
        return Evaluation(cross_entropy + penalty, cross_entropy, coef_gradient, intercept_gradient)
