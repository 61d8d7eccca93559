"""The loss of a linear model's logits, in one pass over the features: the N×K logits are never made."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy._dispatch import engine
from crossentropy._native import coded, coded_output, core
from crossentropy._native_engine import NativeElements, NativeRows
from crossentropy._problems import ElementProblem, Finding, Order, RowProblem, error_of

Array = NDArray[Any]
Doubles = NDArray[np.float64]
Singles = NDArray[np.float32]

#: The losses' sum, and what is wrong with the targets.
Outcome = tuple[float, Finding | None]

#: Rows of a CSR matrix whose elements are looked at together.
_SPARSE_ROWS = 1 << 14


class Features(NamedTuple):
    """Rows of features (N, D), float32 or float64, taken as (x − shift)·scale, or as they are."""

    rows: Array
    shift: Doubles | None = None
    scale: Doubles | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """N and D."""
        return self.rows.shape[0], self.rows.shape[1]

    def block(self, rows: slice | NDArray[np.int64]) -> Features:
        """Some of the rows."""
        return self._replace(rows=self.rows[rows])

    def standardised(self) -> Doubles:
        """All of them, in float64."""
        rows = self.rows.astype(np.float64)
        return rows if self.shift is None or self.scale is None else (rows - self.shift) * self.scale

    def run(self, loss: NativeRows | NativeElements, at: Parameters, gradient: Parameters, *, single: bool) -> Outcome:
        """The sum of a loss at these parameters; its gradient is added to the given one."""
        return loss.run_linear(coded(self.rows), self.shift, self.scale, *at, *gradient, single)

    def logits(self, coef: Array, intercept: Array | None, out: Array, *, single: bool = False) -> Array:
        """features · coefᵀ + intercept into ``out`` (N, K)."""
        offset = None if intercept is None else np.ascontiguousarray(intercept)
        numbers = np.ascontiguousarray(coef)
        core.logits(coded(self.rows), self.shift, self.scale, numbers, offset, coded_output(out), single)
        return out


class SparseFeatures:
    """The same of a CSR matrix, whose zeros stay zeros: the shift goes into the intercepts, and out of the gradient."""

    def __init__(self, rows: Any, shift: Doubles | None = None, scale: Doubles | None = None) -> None:
        self.rows, self.shift, self.scale, self.shape = rows, shift, scale, rows.shape
        self._offset = None if shift is None or scale is None else shift * scale
        self._starts = rows.indptr.astype(np.int64, copy=False)
        self._held = core.Sparse(self._starts, coded(rows.indices), coded(rows.data), self.shape[1], scale)

    def block(self, rows: slice | NDArray[np.int64]) -> SparseFeatures:
        """Some of the rows."""
        return SparseFeatures(self.rows[rows], self.shift, self.scale)

    def standardised(self) -> Doubles:
        """All of them, in float64, dense."""
        return Features(self.rows.toarray(), self.shift, self.scale).standardised()

    def run(self, loss: NativeRows | NativeElements, at: Parameters, gradient: Parameters, *, single: bool) -> Outcome:
        """The sum of a loss at these parameters; its gradient is added to the given one."""
        if self._offset is None:
            return loss.run_sparse(self._held, *at, *gradient, single)
        shifted, own = at.intercept - at.coef @ self._offset, np.zeros_like(gradient.intercept)
        outcome = loss.run_sparse(self._held, at.coef, shifted, gradient.coef, own, single)
        for of_class, total in zip(gradient.coef, own, strict=True):
            of_class -= total * self._offset
        gradient.intercept[...] += own
        return outcome

    def ascend(
        self,
        order: NDArray[np.int64],
        weight: Singles,
        duals: Singles,
        coef: Singles,
        intercept: Doubles,
        excess: Doubles,
        intercept_size: float,
    ) -> float:
        """One epoch of dual coordinate ascent, of rows that are not scaled; all but the first two are overwritten."""
        return core.dual_ascent(
            self._held, weight.ndim == 1, order, weight, duals, coef, intercept, excess, intercept_size
        )

    def logits(self, coef: Array, intercept: Array | None, out: Array, *, single: bool = False) -> Array:
        """features · coefᵀ + intercept into ``out`` (N, K)."""
        scaled = coef if self.scale is None else coef * self.scale
        out[...] = self.rows @ scaled.T.astype(np.float32 if single else np.float64)
        if self._offset is not None:
            out -= coef @ self._offset
        if intercept is not None:
            out += intercept
        return out


class Parameters(NamedTuple):
    """Coefficients (K, D) and intercepts (K,), or a gradient with respect to them."""

    coef: Doubles
    intercept: Doubles


class LinearLoss:
    """The sum of a loss over rows whose logits are features · coefᵀ + intercept; a problem without reduction.

    The problem's predictions have the logits' shape (N, K) and need no memory: a broadcast number will do.
    """

    def __init__(self, problem: RowProblem | ElementProblem, features: Features | SparseFeatures) -> None:
        self._problem, self._features = problem, features
        self._engine = engine(problem)
        # of elements, each run checks the targets itself
        finding = self._engine.weigh()[1] if isinstance(problem, RowProblem) else None
        if finding is not None:
            raise error_of(problem, finding)

    def gradient(self, coef: Array, intercept: Array, *, single: bool = False) -> tuple[float, Parameters]:
        """The value and gradient at coef (K, D) and intercept (K,); ``single``: products in float32."""
        at = Parameters(np.ascontiguousarray(coef), np.ascontiguousarray(intercept))
        if not isinstance(self._engine, NativeRows | NativeElements):
            return self._plain(at)
        found = Parameters(np.zeros(coef.shape), np.zeros(intercept.shape))
        total, finding = self._features.run(self._engine, at, found, single=single)
        if finding is not None:
            raise error_of(self._problem, finding)
        return total, found

    def _plain(self, at: Parameters) -> tuple[float, Parameters]:
        x = self._features.standardised()
        slopes = np.empty((len(x), len(at.coef)))
        problem = self._problem._replace(predictions=x @ at.coef.T + at.intercept)
        total, _ = engine(problem).run(Order.GRADIENT, 1.0, None, slopes, None)
        return total, Parameters(slopes.T @ x, slopes.sum(axis=0))


def multiply(a: Doubles, b: Doubles) -> Doubles:
    """a · bᵀ, in products of float32."""
    out = np.empty((len(a), len(b)))
    Features(a).logits(b, None, out, single=True)
    return out


class Moments(NamedTuple):
    """Weighted sums of x − origin and of its square, for each feature; the first element that is not finite, or −1."""

    sum: Doubles
    square: Doubles
    not_finite: int


def moments(rows: Any, weight: Doubles, origin: Doubles) -> Moments:
    """Of rows of features (N, D), dense or CSR, weighted by ``weight`` (N,), about ``origin`` (D,); 0 if CSR."""
    if not isinstance(rows, np.ndarray):
        return _sparse_moments(rows, weight)
    total, square = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    return Moments(total, square, core.moments(coded(rows), weight, origin, total, square))


def _sparse_moments(rows: Any, weight: Doubles) -> Moments:
    total, square, width = np.zeros(rows.shape[1]), np.zeros(rows.shape[1]), rows.shape[1]
    wrong = np.flatnonzero(~np.isfinite(rows.data))
    if len(wrong):
        row = int(np.searchsorted(rows.indptr, wrong[0], side="right")) - 1
        return Moments(total, square, row * width + int(rows.indices[wrong[0]]))
    for first in range(0, rows.shape[0], _SPARSE_ROWS):
        start, *_, end = rows.indptr[first : first + _SPARSE_ROWS + 1]
        values = rows.data[start:end].astype(np.float64)
        columns, counts = rows.indices[start:end], np.diff(rows.indptr[first : first + _SPARSE_ROWS + 1])
        weighted = values * np.repeat(weight[first : first + _SPARSE_ROWS], counts)
        total += np.bincount(columns, weighted, width)
        square += np.bincount(columns, weighted * values, width)
    return Moments(total, square, -1)


def gram(
    features: Features, weight: Doubles, rows: NDArray[np.int64] | None = None, *, intercept: bool = False
) -> Doubles:
    """Σ weight·x·xᵀ (D, D) of some rows or all, by products of float32; ``intercept``: with a last feature of ones."""
    size = features.rows.shape[1] + intercept
    found = np.zeros((size, size))
    core.gram(coded(features.rows), features.shift, features.scale, rows, weight, intercept, found)
    return found
