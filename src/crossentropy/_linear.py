"""The loss of a linear model's logits, in one pass over the features: the N×K logits are never made."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy._dispatch import engine
from crossentropy._native import coded, coded_output, core
from crossentropy._native_engine import NativeElements, NativeRows
from crossentropy._problems import ElementProblem, Order, RowProblem, error_of

Array = NDArray[Any]
Doubles = NDArray[np.float64]


class Features(NamedTuple):
    """Rows of features (N, D), float32 or float64, taken as (x − shift)·scale, or as they are."""

    rows: Array
    shift: Doubles | None = None
    scale: Doubles | None = None

    def standardised(self) -> Doubles:
        """All of them, in float64."""
        rows = self.rows.astype(np.float64)
        return rows if self.shift is None or self.scale is None else (rows - self.shift) * self.scale


class Gradient(NamedTuple):
    """A loss's sum, and its gradient."""

    total: float
    coef: Doubles
    intercept: Doubles


class LinearLoss:
    """The sum of a loss over rows whose logits are features · coefᵀ + intercept; a problem without reduction.

    The problem's predictions have the logits' shape (N, K) and need no memory: a broadcast number will do.
    """

    def __init__(self, problem: RowProblem | ElementProblem, features: Features) -> None:
        self._problem, self._features = problem, features
        self._engine = engine(problem)
        _, finding = self._engine.weigh()
        if finding is not None:
            raise error_of(problem, finding)

    def gradient(self, coef: Array, intercept: Array, *, single: bool = False) -> Gradient:
        """The value and gradient at coef (K, D) and intercept (K,); ``single``: products in float32."""
        if not isinstance(self._engine, NativeRows | NativeElements):
            return self._plain(coef, intercept)
        found = Gradient(0.0, np.zeros(coef.shape), np.zeros(intercept.shape))
        return found._replace(
            total=self._engine.run_linear(*self._features, coef, intercept, *found[1:], single=single)
        )

    def _plain(self, coef: Array, intercept: Array) -> Gradient:
        x = self._features.standardised()
        slopes = np.empty((len(x), len(coef)))
        problem = self._problem._replace(predictions=x @ coef.T + intercept)
        total, _ = engine(problem).run(Order.GRADIENT, 1.0, None, slopes, None)
        return Gradient(total, slopes.T @ x, slopes.sum(axis=0))


def linear_logits(
    features: Features, coef: Array, intercept: Array | None, out: Array, *, single: bool = False
) -> Array:
    """features · coefᵀ + intercept into ``out`` (N, K)."""
    offset = None if intercept is None else np.ascontiguousarray(intercept)
    core.logits(
        coded(features.rows),
        features.shift,
        features.scale,
        np.ascontiguousarray(coef),
        offset,
        coded_output(out),
        single,
    )
    return out


def multiply(a: Doubles, b: Doubles) -> Doubles:
    """a · bᵀ, in products of float32."""
    out = np.empty((len(a), len(b)))
    linear_logits(Features(a), b, None, out, single=True)
    return out


class Moments(NamedTuple):
    """Weighted sums of x − origin and of its square, for each feature; the first element that is not finite, or −1."""

    sum: Doubles
    square: Doubles
    not_finite: int


def moments(rows: Array, weight: Doubles, origin: Doubles) -> Moments:
    """Of rows of features (N, D) weighted by ``weight`` (N,), about ``origin`` (D,)."""
    total, square = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    return Moments(total, square, core.moments(coded(rows), weight, origin, total, square))


def gram(
    features: Features, weight: Doubles, rows: NDArray[np.int64] | None = None, *, intercept: bool = False
) -> Doubles:
    """Σ weight·x·xᵀ (D, D) of some rows or all, by products of float32; ``intercept``: with a last feature of ones."""
    size = features.rows.shape[1] + intercept
    found = np.zeros((size, size))
    core.gram(coded(features.rows), features.shift, features.scale, rows, weight, intercept, found)
    return found
