"""Softmax regression as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from crossentropy import log_softmax, softmax, softmax_cross_entropy
from crossentropy._validation import as_number, sentence
from crossentropy.linear_model._history import Iteration, OnIteration
from crossentropy.linear_model._labels import class_codes
from crossentropy.linear_model._objective import SoftmaxObjective
from crossentropy.linear_model._solvers import Solution
from crossentropy.linear_model._solvers.lbfgs import minimise
from crossentropy.linear_model._weights import sample_weights, training_weights

Floats = NDArray[np.float64]


class SoftmaxRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression: softmax cross-entropy of linear logits, with an L2 penalty.

    Minimises ``C·Σ sᵢ·CE(W xᵢ + b, yᵢ) + ½‖W‖²`` over W (K, D) and b (K,), which is the objective of scikit-learn's
    ``LogisticRegression``: the same ``C`` gives the same model. For two classes it stays the softmax of two logits,
    where scikit-learn's has one logit: ``coef_`` has K rows always, and the penalty then spreads over both rows, which
    equals scikit-learn's one-row model at twice the ``C``.

    Parameters: ``C`` > 0, the weight of the data against the penalty; ``fit_intercept``, whether to fit b (never
    penalised); ``class_weight``, None, ``"balanced"`` (each class the same total weight) or a dict of weights by class
    (1 where absent); ``tol``, the largest component of the gradient at which to stop, and ``max_iter``, the most
    iterations. The gradient is that of the objective divided by C·Σ sᵢ, in coordinates of the solver that make it
    independent of the number of rows and of the features' units.

    X is (N, D), dense. float32 is kept as it is, at half the memory; every computation is in float64, so the model is
    that of the same values in float64. L-BFGS from W = 0: the same input gives the same model.

    Fitted: ``coef_`` (K, D), ``intercept_`` (K,), ``classes_`` (K,) sorted, ``n_iter_``, ``objective_`` (the value
    above), ``history_`` (one :class:`Iteration` per iteration, from the start on), ``n_features_in_`` and, from a data
    frame, ``feature_names_in_``.

    Warns with ``ConvergenceWarning`` where it stops short of ``tol``. Raises ``ValueError`` for a parameter out of
    range, a NaN or infinity in X (row and column named), fewer than two classes, a class without weight, and shapes
    that do not fit; ``TypeError`` for sparse X.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegression().fit(X, y)
    >>> print(f"{model.objective_:.6f}", f"{model.loss(X, y):.6f} nats")
    28.886317 0.119637 nats
    """

    def __init__(
        self,
        *,
        C: float = 1.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        tol: float = 1e-8,
        max_iter: int = 1000,
    ) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.tol = tol
        self.max_iter = max_iter

    coef_: Floats
    intercept_: Floats
    classes_: NDArray[Any]
    n_iter_: int
    objective_: float
    history_: tuple[Iteration, ...]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SoftmaxRegression:
        """Fit to X (N, D) and labels y (N,), each row weighted by ``sample_weight`` (N,) where given."""
        return fit_softmax(self, X, y, sample_weight)

    def decision_function(self, X: Any) -> Floats:
        """Logits (N, K); for two classes their difference (N,), the log-odds of ``classes_[1]``."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> Floats:
        """Class probabilities (N, K), columns in the order of ``classes_``."""
        return np.asarray(softmax(self._logits(X)))

    def predict_log_proba(self, X: Any) -> Floats:
        """Logarithms of the class probabilities (N, K) in nats, finite where the probability itself underflows."""
        return np.asarray(log_softmax(self._logits(X)))

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row (N,); the first of equals."""
        logits = self._logits(X)
        labels: NDArray[Any] = self.classes_[np.argmax(logits, axis=1)]
        return labels

    def loss(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean cross-entropy of the labels y (N,) in nats, without the penalty; ``ValueError`` for an unknown label."""
        logits = self._logits(X)
        codes = class_codes("y", column_or_1d(y).tolist(), self.classes_.tolist())
        if sample_weight is not None:
            sample_weight = sample_weights(sample_weight, len(codes))
        return float(softmax_cross_entropy(logits, codes, sample_weight=sample_weight))

    def _logits(self, X: Any) -> Floats:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_all_finite=False, reset=False)
        _check_finite(X, getattr(self, "feature_names_in_", None))
        logits: Floats = X @ self.coef_.T + self.intercept_
        return logits


def fit_softmax(
    estimator: SoftmaxRegression, X: Any, y: Any, sample_weight: Any = None, *, on_iteration: OnIteration | None = None
) -> SoftmaxRegression:
    """Fit ``estimator`` in place, calling ``on_iteration`` with each :class:`Iteration` as it happens."""
    C = as_number("C", estimator.C, above=0.0)
    tol = as_number("tol", estimator.tol, above=0.0)
    max_iter = _max_iter(estimator.max_iter)
    X, y = validate_data(estimator, X, y, dtype=[np.float64, np.float32], ensure_all_finite=False)
    _check_finite(X, getattr(estimator, "feature_names_in_", None))
    check_classification_targets(y)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) == 1:
        raise ValueError(
            sentence(
                "y",
                expected="at least two classes",
                received=f"one class, {classes.tolist()[0]!r}",
                remedy="add rows of another class",
            )
        )
    weights = training_weights(sample_weight, estimator.class_weight, classes, codes)
    objective = SoftmaxObjective(
        X, codes, weights, classes=len(classes), C=C, fit_intercept=bool(estimator.fit_intercept)
    )
    with objective.threads():
        solution = minimise(objective, tol=tol, max_iter=max_iter, on_iteration=on_iteration)
    if not solution.converged:
        _warn(solution, tol)
    estimator.classes_ = classes
    estimator.coef_, estimator.intercept_ = solution.coef, solution.intercept
    estimator.history_ = solution.history
    estimator.n_iter_ = solution.history[-1].iteration
    estimator.objective_ = solution.history[-1].objective
    return estimator


def _max_iter(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(
            sentence(
                "max_iter", expected="an integer of at least 1", received=repr(value), remedy="pass one such number"
            )
        )
    return int(value)


def _check_finite(X: NDArray[Any], names: NDArray[Any] | None) -> None:
    wrong = ~np.isfinite(X)
    if wrong.any():
        row, column = (int(index) for index in np.argwhere(wrong)[0])
        name = column if names is None else repr(str(names[column]))
        raise ValueError(
            sentence(
                f"X, row {row}, column {name} (counted from 0)",
                expected="a finite number",
                received="NaN" if np.isnan(X[row, column]) else f"{X[row, column]:g}",
                remedy="fill in or remove that row",
            )
        )


def _warn(solution: Solution, tol: float) -> None:
    last = solution.history[-1]
    warnings.warn(
        sentence(
            "SoftmaxRegression",
            expected=f"a gradient norm of at most {tol:g}",
            received=f"{last.gradient_norm:.2g} after {last.iteration} iterations",
            remedy=(
                "raise max_iter, or tol if that is close enough"
                if solution.exhausted
                else "the objective no longer decreases in float64, so raise tol above that number"
            ),
        ),
        ConvergenceWarning,
        stacklevel=4,
    )
