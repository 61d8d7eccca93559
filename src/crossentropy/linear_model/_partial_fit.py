"""One batch of rows more for an estimator that learns from one after the other."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from crossentropy._validation import sentence
from crossentropy.linear_model._input import checked_rows
from crossentropy.linear_model._online import Online
from crossentropy.linear_model._standardisation import Standardisation
from crossentropy.linear_model._survey import Found, are_probabilities, is_soft
from crossentropy.linear_model._targets import sample_weights

if TYPE_CHECKING:
    from crossentropy.linear_model._estimator import LinearClassifier

Classifier = TypeVar("Classifier", bound="LinearClassifier")


def can_learn(estimator: LinearClassifier) -> bool:
    """Whether there is an online method: ``AttributeError`` says why there is none."""
    if estimator.l1_ratio:
        raise AttributeError(
            sentence(
                "l1_ratio",
                expected="0, since partial_fit has an L2 penalty",
                received=repr(estimator.l1_ratio),
                remedy="pass 0, or call fit or fit_blocks",
            )
        )
    return True


def learn(
    estimator: Classifier, X: Any, y: Any, classes: Any, sample_weight: Any, *, C: float, tol: float, max_iter: int
) -> Classifier:
    """A step of the estimator's online method; see :meth:`LinearClassifier.partial_fit`."""
    online = estimator._online
    X, y = checked_rows(estimator, X, y, reset=online is None)
    if getattr(estimator, "class_weight", None) == "balanced":
        raise ValueError(
            sentence(
                "class_weight",
                expected="None or a dict of weights by class",
                received="'balanced', which partial_fit cannot know before all rows have come",
                remedy="pass the weights",
            )
        )
    if math.isinf(C):
        raise ValueError(
            sentence(
                "C",
                expected="a finite number, since partial_fit has an L2 penalty",
                received="inf",
                remedy="pass one, or call fit or fit_blocks",
            )
        )
    if online is None:
        fitted = getattr(estimator, "classes_", None)
        found = _first(y, fitted if classes is None else classes, exclusive=estimator._exclusive)
    else:
        found = online.found
    if classes is not None and not np.array_equal(np.unique(classes), found.classes):
        raise _classes(f"{found.classes.tolist()}, as the first call says", repr(classes))
    known = estimator._known(found)
    targets = known.of(y, sample_weights(sample_weight, len(y)))
    centre, names = bool(estimator.fit_intercept), getattr(estimator, "feature_names_in_", None)
    # made of every batch, since it names what is not finite
    standardisation = Standardisation.of(X, np.ones(len(y)), centre=centre, names=names)
    if online is None:
        online = Online(found, standardisation, is_dense=isinstance(X, np.ndarray), exclusive=estimator._exclusive)
    with threadpool_limits(limits=1, user_api="blas"):
        online = online.step(X, targets, C=C, fit_intercept=centre, tol=tol, max_iter=max_iter)
    for name in ("objective_", "gap_", "history_"):
        if hasattr(estimator, name):  # of a fit before
            delattr(estimator, name)
    estimator._online, estimator.n_iter_, estimator.classes_ = online, online.steps, found.classes
    estimator.coef_, estimator.intercept_ = online.parameters()
    return estimator


def _first(y: NDArray[Any], classes: Any, *, exclusive: bool) -> Found:
    """What will come, by the first batch: as if each class or output had weight, and its opposite."""
    soft = is_soft(y) or (not exclusive and are_probabilities(y))
    if soft:
        outputs = y.shape[1] if y.ndim == 2 else 1
        return Found(np.arange(max(outputs, 2)), True, np.ones(outputs), outputs + 1.0)
    if classes is None:
        raise _classes("those of all calls, in the first one", "None")
    all_classes = np.unique(classes)
    if len(all_classes) < 2:
        raise _classes("at least two", repr(classes))
    return Found(all_classes, False, np.ones(len(all_classes)), len(all_classes) + 1.0)


def _classes(expected: str, received: str) -> ValueError:
    return ValueError(
        sentence("classes", expected=expected, received=received, remedy="pass all labels that will come")
    )
