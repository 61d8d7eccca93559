"""A softmax regression as scikit-learn's logistic regression, and back."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from crossentropy._validation import sentence

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

    from crossentropy.linear_model.softmax_regression import SoftmaxRegression

Estimator = TypeVar("Estimator", bound="SoftmaxRegression")

#: Parameters that mean the same in both; C does so up to a factor.
_SHARED = ("fit_intercept", "class_weight", "max_iter", "warm_start")


def to_sklearn(model: SoftmaxRegression) -> LogisticRegression:
    """A ``LogisticRegression`` of the same probabilities."""
    from sklearn.linear_model import LogisticRegression

    check_is_fitted(model)
    two = len(model.classes_) == 2
    shared = {name: deepcopy(getattr(model, name)) for name in _SHARED}
    # two rows ∓w/2 have the L1 norm of one row w, and half its square
    size = 0.5 * (1.0 + model.l1_ratio) if two else 1.0
    theirs = LogisticRegression(C=model.C / size, l1_ratio=model.l1_ratio / size, **shared)
    if model.l1_ratio:
        theirs.solver = "saga"
        if theirs.penalty == "l2":  # before scikit-learn 1.8 the ratio alone was not enough
            theirs.penalty = "elasticnet"
    theirs.coef_ = np.diff(model.coef_, axis=0) if two else model.coef_.copy()
    theirs.intercept_ = np.diff(model.intercept_) if two else model.intercept_.copy()
    theirs.n_iter_ = np.array([model.n_iter_], dtype=np.int32)
    _copy_inputs(model, theirs)
    return theirs


def from_sklearn(estimator: Estimator, model: LogisticRegression) -> Estimator:
    """``estimator``, new, with the parameters and coefficients of a ``LogisticRegression``."""
    from scipy.sparse import issparse
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    if isinstance(model, OneVsRestClassifier):
        raise _no_softmax("OneVsRestClassifier, which has one model for each class")
    # A subclass may predict otherwise.
    if type(model) is not LogisticRegression:
        raise TypeError(
            sentence(
                "model",
                expected="a LogisticRegression of scikit-learn",
                received=type(model).__name__,
                remedy="pass one; of a pipeline, its last step",
            )
        )
    check_is_fitted(model)
    # Before scikit-learn 1.8, multi_class chose what is fitted.
    multi_class = getattr(model, "multi_class", "auto")
    if len(model.classes_) > 2 and (model.solver == "liblinear" or multi_class == "ovr"):
        given = f"solver={model.solver!r}" if model.solver == "liblinear" else f"multi_class={multi_class!r}"
        raise _no_softmax(f"{given}, which fits {len(model.classes_)} classes one by one")
    coef = model.coef_.toarray() if issparse(model.coef_) else model.coef_
    intercept = np.ravel(model.intercept_)
    C, l1_ratio = _penalty(model)
    if len(model.classes_) == 2:
        # One row of log-odds; with multi_class="multinomial", the second of two rows that differ by their sign.
        share = 1.0 if multi_class == "multinomial" else 0.5
        coef, intercept = np.outer([-share, share], coef), np.outer([-share, share], intercept).ravel()
        size = 1.0 if multi_class == "multinomial" else 1.0 / (2.0 - l1_ratio)
        C, l1_ratio = size * C, size * l1_ratio
    estimator.set_params(C=C, l1_ratio=l1_ratio, **{name: deepcopy(getattr(model, name)) for name in _SHARED})
    estimator.coef_ = np.array(coef, dtype=np.float64, order="C")
    estimator.intercept_ = np.array(intercept, dtype=np.float64)
    estimator.n_iter_ = int(np.max(model.n_iter_))
    _copy_inputs(model, estimator)
    return estimator


def _penalty(model: LogisticRegression) -> tuple[float, float]:
    """``C`` and ``l1_ratio``; before scikit-learn 1.8, ``penalty`` said whether these counted."""
    penalty = getattr(model, "penalty", "deprecated")
    ratios = {None: 0.0, "l2": 0.0, "l1": 1.0}
    ratio = ratios[penalty] if penalty in ratios else float(model.l1_ratio or 0.0)
    return (math.inf if penalty is None else float(model.C)), ratio


def _copy_inputs(source: Any, target: Any) -> None:
    """The classes and features that a fitted model knows."""
    target.classes_ = source.classes_.copy()
    target.n_features_in_ = source.n_features_in_
    if hasattr(source, "feature_names_in_"):
        target.feature_names_in_ = source.feature_names_in_.copy()


def _no_softmax(received: str) -> ValueError:
    return ValueError(
        sentence(
            "model",
            expected="a softmax over all classes",
            received=received,
            remedy="fit a LogisticRegression with solver='lbfgs' to all of them",
        )
    )
