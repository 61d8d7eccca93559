"""What the estimators of linear models share: their checks, their fit, and their logits."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from crossentropy._linear import Features, SparseFeatures, moments
from crossentropy._validation import as_number, sentence
from crossentropy.linear_model._history import Iteration, OnIteration
from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._rows import Rows, RowsInMemory
from crossentropy.linear_model._solvers import Solution, minimise
from crossentropy.linear_model._standardisation import Standardisation, not_finite
from crossentropy.linear_model._targets import ElementTargets, Targets

Floats = NDArray[np.float64]

#: Logits in a block of rows where they need not all be kept.
_BLOCK = 1 << 20

#: What X may be: a NaN in it is named by us.
_ACCEPTED: Any = {"accept_sparse": "csr", "dtype": [np.float64, np.float32], "ensure_all_finite": False}


class LinearClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier whose logits are ``coef_`` (K, D) · x + ``intercept_`` (K,)."""

    C: float
    l1_ratio: float
    fit_intercept: bool
    tol: float
    max_iter: int
    warm_start: bool

    coef_: Floats
    intercept_: Floats
    classes_: NDArray[Any]
    n_iter_: int
    objective_: float
    gap_: float
    history_: tuple[Iteration, ...]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to rows X (N, D) and their targets y, each row weighted by ``sample_weight`` (N,) where given."""
        return fit_linear(self, X, y, sample_weight)

    @abstractmethod
    def _training(self, y: NDArray[Any], sample_weight: Any) -> tuple[NDArray[Any], Targets | ElementTargets]:
        """The classes, and the targets to fit to."""

    @abstractmethod
    def _objective(self, rows: Rows, C: float) -> LinearObjective:
        """What a fit to these rows minimises."""

    def _logits(self, X: Any) -> NDArray[Any]:
        return self._logits_of(self._checked(X))

    def _logits_of(self, X: Any) -> NDArray[Any]:
        return features_of(X).logits(self.coef_, self.intercept_, np.empty((X.shape[0], len(self.coef_)), X.dtype))

    def _best(self, X: Any) -> NDArray[np.intp]:
        """The position of the largest logit of each row, the first of equals; all logits are never in memory."""
        X = self._checked(X)
        rows, step = X.shape[0], max(1, _BLOCK // len(self.coef_))
        blocks = [self._logits_of(X[first : first + step]).argmax(axis=1) for first in range(0, rows, step)]
        return np.concatenate(blocks)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _checked(self, X: Any) -> Any:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **_ACCEPTED)
        with np.errstate(all="ignore"):
            place = moments(X, np.ones(X.shape[0]), np.zeros(X.shape[1])).not_finite
        if place >= 0:
            raise not_finite(X, divmod(place, X.shape[1]), getattr(self, "feature_names_in_", None))
        return X


Classifier = TypeVar("Classifier", bound=LinearClassifier)


def features_of(X: Any) -> Features | SparseFeatures:
    """Rows as they are."""
    return Features(X) if isinstance(X, np.ndarray) else SparseFeatures(X)


def fit_linear(
    estimator: Classifier, X: Any, y: Any, sample_weight: Any = None, *, on_iteration: OnIteration | None = None
) -> Classifier:
    """Fit ``estimator`` in place, calling ``on_iteration`` with each :class:`Iteration` as it happens."""
    C = _strength(estimator.C)
    as_number("l1_ratio", estimator.l1_ratio, at_least=0.0, at_most=1.0)
    tol = as_number("tol", estimator.tol, above=0.0)
    max_iter = _max_iter(estimator.max_iter)
    X, y = validate_data(estimator, X, y, multi_output=True, **_ACCEPTED)
    classes, targets = estimator._training(y, sample_weight)
    centre, names = bool(estimator.fit_intercept), getattr(estimator, "feature_names_in_", None)
    # The threads of BLAS wait for the next product where these should compute.
    with threadpool_limits(limits=1, user_api="blas"):
        standardisation = Standardisation.of(X, targets.row_weight, centre=centre, names=names)
        objective = estimator._objective(RowsInMemory(X, standardisation, targets), C)
        start = _start(estimator, objective, classes) if estimator.warm_start else None
        solution = minimise(objective, start, tol=tol, max_iter=max_iter, on_iteration=on_iteration)
    last = solution.evaluation
    estimator.classes_ = classes
    estimator.coef_, estimator.intercept_ = objective.parameters(last.point)
    estimator.history_ = solution.history
    estimator.n_iter_ = solution.history[-1].iteration
    estimator.objective_, estimator.gap_ = last.objective, solution.gap
    if solution.interrupt is not None:
        raise solution.interrupt
    if not solution.converged:
        _warn(type(estimator).__name__, solution, tol)
    return estimator


def _start(estimator: LinearClassifier, objective: LinearObjective, classes: NDArray[Any]) -> Floats | None:
    """Where the last fit ended; None where it was of other classes or features."""
    known = getattr(estimator, "classes_", None)
    if known is None or not np.array_equal(known, classes) or estimator.coef_.shape[1] != objective.width:
        return None
    return objective.point(estimator.coef_, estimator.intercept_)


def _strength(value: Any) -> float:
    """What the data weigh against the penalty; infinity stands for no penalty."""
    if isinstance(value, float | np.floating) and value == math.inf:
        return math.inf
    return as_number("C", value, above=0.0)


def _max_iter(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(
            sentence(
                "max_iter", expected="an integer of at least 1", received=repr(value), remedy="pass one such number"
            )
        )
    return int(value)


def _warn(name: str, solution: Solution, tol: float) -> None:
    last = solution.evaluation
    warnings.warn(
        sentence(
            name,
            expected=f"an objective within {tol:g} of its minimum",
            received=f"one within {solution.gap / last.objective:.2g}, after {len(solution.history) - 1} iterations",
            remedy=(
                "raise max_iter, or tol if that is close enough"
                if solution.exhausted
                else "the objective no longer decreases in float64, so raise tol above that number"
            ),
        ),
        ConvergenceWarning,
        stacklevel=4,
    )
