"""A linear model that learns from batches of rows, one after the other, none of which is kept."""

from __future__ import annotations

from copy import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from crossentropy._dispatch import engine
from crossentropy._linear import Features, LinearLoss, SparseFeatures
from crossentropy._problems import Order
from crossentropy.linear_model._standardisation import Standardisation
from crossentropy.linear_model._survey import Found
from crossentropy.linear_model._targets import ElementTargets, Targets

Floats = NDArray[np.float64]

#: Bytes that the second derivatives of all classes take at most, and their factors as many again.
_MOST_BYTES = 1 << 26

#: By which power of its position a row counts: expansions at early, rough points are forgotten.
_POWER = 2.0

#: What draws an intercept b towards 0, by ½b²: so much of a row.
_INTERCEPT = 0.01


class Online:
    """An online Newton method for f = C·(mean loss of all rows) + ½‖W‖²/n, n what all rows so far weigh.

    Of the rows before the mean loss is known as a quadratic, with its second derivatives averaged over the points that
    the method came through, each class apart. A step minimises f with the batch's part as it is, and the quadratic for
    the rest; the batch is then expanded at that minimum, and joins the quadratic. With ``_POWER`` 0 all rows count
    alike. The coordinates are those of the first batch. An intercept there is drawn towards 0, by ½b² of a hundredth of
    a row: a class that has not been seen yet would have no finite one.
    """

    def __init__(self, found: Found, standardisation: Standardisation, *, is_dense: bool, exclusive: bool) -> None:
        self.found, self.standardisation, self.exclusive = found, standardisation, exclusive
        #: What all rows so far weigh, and the batches they came in.
        self.seen, self.steps = 0.0, 0
        classes, width = len(found.masses) - (not exclusive and not found.is_soft), len(standardisation.shift) + 1
        self._point = np.zeros((classes, width))
        has_room = is_dense and 8 * classes * width**2 <= _MOST_BYTES
        self._curvature: Floats = np.zeros((classes, width, width) if has_room else (classes, width))

    def step(
        self,
        X: Any,
        targets: Targets | ElementTargets,
        *,
        C: float,
        fit_intercept: bool,
        tol: float,
        max_iter: int,
    ) -> Online:
        """What is known after a batch; its minimum is found to within ``tol`` of the batch's part."""
        after = copy(self)
        after.steps += 1
        weight = float(targets.row_weight.sum())
        if weight == 0.0:
            return after
        features = self.standardisation.features(X)
        loss, start = LinearLoss(targets.problem, features), self._point
        seen = self.seen + weight
        share = (_POWER + 1.0) * weight / (seen + _POWER * weight)
        penalty = np.append(self.standardisation.scale**2, _INTERCEPT * C)
        root = _root((1.0 - share) * self._curvature, penalty / seen)
        # the quadratic's minimum was that of its own share and a greater penalty
        pull = 1.0 / seen - ((1.0 - share) / self.seen if self.seen else 0.0)

        def forward(vector: Floats) -> Floats:
            step = self._free(root.step(vector.reshape(start.shape)), fit_intercept)
            return start + step

        def backward(gradient: Floats) -> Floats:
            return root.gradient(self._free(gradient, fit_intercept)).ravel()

        drawn = backward(pull * penalty * start)

        def value(vector: Floats) -> tuple[float, Floats]:
            point = forward(vector)
            total, slopes = loss.gradient(point[:, :-1], point[:, -1])
            gradient = np.column_stack([slopes.coef, slopes.intercept])
            scale = share * C / weight
            value = scale * total + float(drawn @ vector) + 0.5 * float(vector @ vector)
            return value, scale * backward(gradient) + drawn + vector

        zero = np.zeros(start.size)
        # its second derivatives are at least 1, so that this gradient leaves at most ½·tol of the value
        enough = np.sqrt(tol * value(zero)[0] / start.size)
        options = {"gtol": enough, "ftol": 0.0, "maxiter": max_iter}
        point = forward(minimize(value, zero, jac=True, method="L-BFGS-B", options=options).x)
        curvature = _curvature(targets, features, point)
        if self._curvature.ndim == 3:
            of_batch = _blocks(features, curvature)
        else:
            of_batch = _diagonals(features, self.standardisation, curvature)
        after._curvature = (1.0 - share) * self._curvature + share * C / weight * of_batch
        after._point, after.seen = point, seen
        return after

    def parameters(self) -> tuple[Floats, Floats]:
        """W (K, D) and b (K,)."""
        coef = self._point[:, :-1] * self.standardisation.scale
        intercept: Floats = self._point[:, -1] - coef @ self.standardisation.shift
        return coef, intercept

    def _free(self, values: Floats, fit_intercept: bool) -> Floats:
        """Values (K, D + 1) without what changes no loss, or is not fitted."""
        free = values - values.mean(axis=0) if self.exclusive else values.copy()
        if not fit_intercept:
            free[:, -1] = 0.0
        return free


class _Root(Protocol):
    """A linear map R, with R·Rᵀ the inverse of a matrix for each class."""

    def step(self, vector: Floats) -> Floats: ...

    def gradient(self, gradient: Floats) -> Floats: ...


class _Factors:
    def __init__(self, matrices: Floats) -> None:
        self._inverse = np.linalg.inv(np.linalg.cholesky(matrices))

    def step(self, vector: Floats) -> Floats:
        step: Floats = np.matmul(self._inverse.transpose(0, 2, 1), vector[:, :, None])[:, :, 0]
        return step

    def gradient(self, gradient: Floats) -> Floats:
        found: Floats = np.matmul(self._inverse, gradient[:, :, None])[:, :, 0]
        return found


class _Diagonal:
    def __init__(self, values: Floats) -> None:
        self._root = 1.0 / np.sqrt(values)

    def step(self, vector: Floats) -> Floats:
        step: Floats = self._root * vector
        return step

    gradient = step


def _root(curvature: Floats, penalty: Floats) -> _Root:
    if curvature.ndim == 2:
        return _Diagonal(curvature + penalty)
    curvature += np.diag(penalty)
    return _Factors(curvature)


def _curvature(targets: Targets | ElementTargets, features: Features | SparseFeatures, point: Floats) -> Floats:
    """The second derivatives of each row's loss with respect to its logits (N, K)."""
    logits = np.empty((features.shape[0], len(point)))
    features.logits(point[:, :-1], point[:, -1], logits)
    curvature = np.empty_like(logits)
    loss = engine(targets.problem._replace(predictions=logits))
    loss.weigh()
    loss.run(Order.HESSIAN_DIAGONAL, 1.0, None, curvature, None)
    return curvature


def _blocks(features: Features | SparseFeatures, curvature: Floats) -> Floats:
    """Σ h·xxᵀ for each class, with a last feature of ones (K, D + 1, D + 1)."""
    x = np.column_stack([features.standardised(), np.ones(len(curvature))])
    return np.stack([x.T @ (of_class[:, None] * x) for of_class in curvature.T])


def _diagonals(features: Features | SparseFeatures, standard: Standardisation, curvature: Floats) -> Floats:
    """Σ h·x² for each class, with a last feature of ones (K, D + 1)."""
    total = curvature.sum(axis=0)
    if isinstance(features, Features):
        squares = curvature.T @ features.standardised() ** 2
    else:
        rows = features.rows
        squares = (rows.multiply(rows).T @ curvature).T - 2.0 * standard.shift * (rows.T @ curvature).T
        squares = np.maximum(squares + standard.shift**2 * total[:, None], 0.0) * standard.scale**2
    return np.column_stack([squares, total])
