"""Linear models as scikit-learn's logistic regression, and back."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from crossentropy._validation import sentence
from crossentropy.linear_model._targets import positive_weights

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

    from crossentropy.linear_model.logistic_regression import LogisticRegression as Ours
    from crossentropy.linear_model.softmax_regression import SoftmaxRegression

Softmax = TypeVar("Softmax", bound="SoftmaxRegression")
Sigmoid = TypeVar("Sigmoid", bound="Ours")
Estimator = TypeVar("Estimator", bound="SoftmaxRegression | Ours")

Floats = NDArray[np.float64]

#: Parameters that mean the same in both.
_SHARED = ("fit_intercept", "max_iter", "warm_start")


def softmax_to_sklearn(model: SoftmaxRegression) -> LogisticRegression:
    """A ``LogisticRegression`` of the same probabilities."""
    check_is_fitted(model)
    two = len(model.classes_) == 2
    # two rows ∓w/2 have the L1 norm of one row w, and half its square
    size = 0.5 * (1.0 + model.l1_ratio) if two else 1.0
    coef = np.diff(model.coef_, axis=0) if two else model.coef_.copy()
    intercept = np.diff(model.intercept_) if two else model.intercept_.copy()
    class_weight = deepcopy(model.class_weight)
    return _theirs(model, coef, intercept, model.C / size, model.l1_ratio / size, class_weight)


def sigmoid_to_sklearn(model: Ours) -> LogisticRegression:
    """The same of a logistic regression of two classes."""
    check_is_fitted(model)
    if len(model.coef_) > 1:
        raise ValueError(
            sentence(
                "model",
                expected="two classes",
                received=f"{len(model.coef_)} labels that a row may share",
                remedy="fit one model to each label",
            )
        )
    positive = float(positive_weights(model.pos_weight, 1)[0])
    class_weight = None if positive == 1.0 else {model.classes_.tolist()[1]: positive}
    return _theirs(model, model.coef_.copy(), model.intercept_.copy(), model.C, model.l1_ratio, class_weight)


def softmax_from_sklearn(estimator: Softmax, model: LogisticRegression) -> Softmax:
    """``estimator``, new, with the parameters and coefficients of a ``LogisticRegression``."""
    coef, intercept, multi_class = _of_theirs(model)
    C, l1_ratio = _penalty(model)
    if len(model.classes_) == 2:
        # One row of log-odds; with multi_class="multinomial", the second of two rows that differ by their sign.
        share = 1.0 if multi_class == "multinomial" else 0.5
        coef, intercept = np.outer([-share, share], coef), np.outer([-share, share], intercept).ravel()
        size = 1.0 if multi_class == "multinomial" else 1.0 / (2.0 - l1_ratio)
        C, l1_ratio = size * C, size * l1_ratio
    estimator.set_params(C=C, l1_ratio=l1_ratio, class_weight=deepcopy(model.class_weight))
    return _ours(estimator, model, coef, intercept)


def sigmoid_from_sklearn(estimator: Sigmoid, model: LogisticRegression) -> Sigmoid:
    """The same of one of two classes."""
    coef, intercept, multi_class = _of_theirs(model)
    if len(model.classes_) > 2 or multi_class == "multinomial":
        raise ValueError(
            sentence(
                "model",
                expected="one logit for two classes",
                received=f"{len(model.classes_)} classes" if len(model.classes_) > 2 else "multi_class='multinomial'",
                remedy="call SoftmaxRegression.from_sklearn",
            )
        )
    C, l1_ratio = _penalty(model)
    weights = model.class_weight
    if isinstance(weights, str):
        raise ValueError(
            sentence(
                "model",
                expected="class weights that are known without the rows",
                received=f"class_weight={weights!r}",
                remedy="call SoftmaxRegression.from_sklearn, or set the model's class_weight to a dict of weights",
            )
        )
    negative, positive = ((weights or {}).get(label, 1.0) for label in model.classes_.tolist())
    estimator.set_params(
        C=C * negative, l1_ratio=l1_ratio, pos_weight=None if positive == negative else positive / negative
    )
    return _ours(estimator, model, coef, intercept)


def _theirs(
    model: SoftmaxRegression | Ours, coef: Floats, intercept: Floats, C: float, l1_ratio: float, class_weight: Any
) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    shared = {name: deepcopy(getattr(model, name)) for name in _SHARED}
    theirs = LogisticRegression(C=C, l1_ratio=l1_ratio, class_weight=class_weight, **shared)
    if l1_ratio:
        theirs.solver = "saga"
        if theirs.penalty == "l2":  # before scikit-learn 1.8 the ratio alone was not enough
            theirs.penalty = "elasticnet"
    theirs.coef_, theirs.intercept_ = coef, intercept
    theirs.n_iter_ = np.array([model.n_iter_], dtype=np.int32)
    _copy_inputs(model, theirs)
    return theirs


def _of_theirs(model: LogisticRegression) -> tuple[Floats, Floats, str]:
    """Dense coefficients, intercepts, and what chose what is fitted, before scikit-learn 1.8."""
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
    multi_class = getattr(model, "multi_class", "auto")
    if len(model.classes_) > 2 and (model.solver == "liblinear" or multi_class == "ovr"):
        given = f"solver={model.solver!r}" if model.solver == "liblinear" else f"multi_class={multi_class!r}"
        raise _no_softmax(f"{given}, which fits {len(model.classes_)} classes one by one")
    coef = model.coef_.toarray() if issparse(model.coef_) else model.coef_
    return coef, np.ravel(model.intercept_), multi_class


def _ours(estimator: Estimator, model: LogisticRegression, coef: Floats, intercept: Floats) -> Estimator:
    estimator.set_params(**{name: deepcopy(getattr(model, name)) for name in _SHARED})
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
