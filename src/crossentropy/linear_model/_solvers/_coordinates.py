"""Coordinates in which the objective curves alike in every direction, whatever the units of the features."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence
from crossentropy.linear_model._objective import Evaluation, SoftmaxObjective

Floats = NDArray[np.float64]

#: The Hessian of one row's loss, diag(p) − ppᵀ, is nowhere above half the identity (Böhning, 1992).
_CURVATURE = 0.5


class Coordinates:
    """A flat vector for W and b: features centred, coefficients times the square root of their curvature's bound.

    Feature j of mean m and variance v over the weighted rows has the bound r² = v/2 + 1/(C·S); W = V/r, b = c·√2 − W·m
    for the vector (V, c). Without an intercept nothing is centred, and v is the mean square.
    """

    def __init__(self, objective: SoftmaxObjective) -> None:
        features = objective.X.shape[1]
        self._objective = objective
        self._mean = np.zeros(features)
        square = np.zeros(features)
        with np.errstate(over="ignore", invalid="ignore"):
            if objective.fit_intercept:
                for block in objective.blocks():
                    self._mean += objective.weights[block] @ objective.features(block)
            for block in objective.blocks():
                square += objective.weights[block] @ (objective.features(block) - self._mean) ** 2
        if not np.isfinite(square).all():
            raise ValueError(
                sentence(
                    "X",
                    expected="features whose squares float64 can hold",
                    received=f"larger ones in column {int(np.argmin(np.isfinite(square)))} (counted from 0)",
                    remedy="divide that column by its largest value",
                )
            )
        self._root = np.sqrt(_CURVATURE * square + objective.penalty)

    def start(self) -> Floats:
        """The vector of W = 0, b = 0."""
        objective = self._objective
        return np.zeros(objective.classes * (objective.X.shape[1] + objective.fit_intercept))

    def parameters(self, vector: Floats) -> tuple[Floats, Floats]:
        """W (K, D) and b (K,) of a vector."""
        classes, features = self._objective.classes, self._objective.X.shape[1]
        coef = vector[: classes * features].reshape(classes, features) / self._root
        if not self._objective.fit_intercept:
            return coef, np.zeros(classes)
        return coef, vector[classes * features :] / math.sqrt(_CURVATURE) - coef @ self._mean

    def gradient(self, evaluation: Evaluation) -> Floats:
        """The objective's gradient with respect to the vector."""
        if not self._objective.fit_intercept:
            return (evaluation.coef_gradient / self._root).ravel()
        shift = np.outer(evaluation.intercept_gradient, self._mean)
        coef = (evaluation.coef_gradient - shift) / self._root
        return np.concatenate([coef.ravel(), evaluation.intercept_gradient / math.sqrt(_CURVATURE)])
