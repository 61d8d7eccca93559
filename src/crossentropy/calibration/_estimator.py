"""What all scalings have in common: input, labels, calibrated logits and what follows from them."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, OneToOneFeatureMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from crossentropy import log_softmax, softmax, softmax_cross_entropy
from crossentropy._validation import as_count, as_number, sentence
from crossentropy.calibration._columns import column_targets
from crossentropy.calibration._rows import Floats, Rows, blocks, check_logits
from crossentropy.calibration._solution import Solution
from crossentropy.linear_model._blas import one_blas_thread
from crossentropy.linear_model._input import check_dense
from crossentropy.linear_model._targets import some_sample_weights

#: What to do where a fit stopped by itself.
NO_LONGER_DECREASES = "the objective no longer decreases in float64, so raise tol above that number"

#: What logits may be: what is not finite is named by us.
_ACCEPTED: Any = {"dtype": [np.float64, np.float32, np.float16], "ensure_all_finite": False}


class Scaling(ClassifierMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A calibration of logits (N, K), one column for each class, that keeps their shape."""

    classes: Any
    tol: float

    classes_: NDArray[Any]
    n_iter_: int
    objective_: float
    gap_: float

    #: Whether a class's calibrated logit depends on the logits of others.
    _mixes_classes = False

    def fit(self, logits: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to logits (N, K) and labels y (N,) or soft labels (N, K), each row weighted by ``sample_weight`` (N,)."""
        tol = as_number("tol", self.tol, above=0.0)
        check_dense(y)
        logits, y = validate_data(self, logits, y, multi_output=True, **_ACCEPTED)
        if logits.shape[1] < 2:
            raise ValueError(
                sentence(
                    "logits",
                    expected="one column for each of at least two classes",
                    received="n_features = 1",
                    remedy="for a single logit z of the second of two classes pass np.column_stack([0 * z, z])",
                )
            )
        classes, targets = column_targets(y, logits.shape[1], self.classes)
        rows = Rows(logits, targets, some_sample_weights(sample_weight, len(logits)))
        check_logits(logits, mixes_classes=self._mixes_classes)
        with one_blas_thread():
            complaint = self._fit(rows, tol)
        self.classes_ = classes
        if self.gap_ > tol * self.objective_:
            warnings.warn(
                sentence(
                    type(self).__name__,
                    expected=f"an objective within {tol:g} of its minimum",
                    received=f"one within {self.gap_ / self.objective_:.2g}, after {self.n_iter_} iterations",
                    remedy=complaint,
                ),
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def __sklearn_is_fitted__(self) -> bool:
        # a fit that was broken off has left what it knew of the columns
        return hasattr(self, "classes_")

    @abstractmethod
    def _fit(self, rows: Rows, tol: float) -> str:
        """Set what is fitted; return what to do should the gap be larger than ``tol`` times the objective."""

    @abstractmethod
    def _scaled(self, logits: NDArray[Any]) -> Floats:
        """The calibrated logits of some rows, up to an offset of each."""

    def transform(self, logits: Any) -> NDArray[Any]:
        """Calibrated logits (N, K), in the dtype of the logits; -inf stays -inf."""
        return self._mapped(logits, self._scaled)

    def predict_proba(self, logits: Any) -> NDArray[Any]:
        """Calibrated class probabilities (N, K), in the dtype of the logits, columns in the order of ``classes_``."""
        return self._mapped(logits, lambda rows: softmax(self._scaled(rows)))

    def predict_log_proba(self, logits: Any) -> NDArray[Any]:
        """Their logarithms (N, K) in nats, finite where the probability itself underflows."""
        return self._mapped(logits, lambda rows: log_softmax(self._scaled(rows)))

    def predict(self, logits: Any) -> NDArray[Any]:
        """The most probable class of each row (N,); the first of equals."""
        logits = self._checked(logits)
        found = [self._scaled(logits[rows]).argmax(axis=1) for rows in blocks(logits.shape)]
        labels: NDArray[Any] = self.classes_[np.concatenate(found)]
        return labels

    def loss(self, logits: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean cross-entropy of labels (N,) or soft labels (N, K) in nats; inf where one is at a logit of -inf.

        Raises ``ValueError`` for a label that is no class of the columns.
        """
        logits = self._checked(logits)
        check_consistent_length(logits, y)
        _, targets = column_targets(np.asarray(y), logits.shape[1], self.classes_)
        weight = some_sample_weights(sample_weight, len(logits))
        total = 0.0
        for rows in blocks(logits.shape):
            total += float(
                softmax_cross_entropy(
                    self._scaled(logits[rows]), targets[0][rows], sample_weight=weight[rows], reduction="sum"
                )
            )
        return float(total / weight.sum())

    def _mapped(self, logits: Any, function: Callable[[NDArray[Any]], Any]) -> NDArray[Any]:
        logits = self._checked(logits)
        out: NDArray[Any] = np.empty(logits.shape, logits.dtype)
        for rows in blocks(logits.shape):
            out[rows] = function(logits[rows])
        return out

    def _checked(self, logits: Any) -> NDArray[Any]:
        check_is_fitted(self)
        found: NDArray[Any] = validate_data(self, logits, reset=False, **_ACCEPTED)
        check_logits(found, mixes_classes=self._mixes_classes)
        return found


class RegularisedScaling(Scaling):
    """A scaling whose logits are linear in its parameters, which a penalty keeps near the identity."""

    C: float
    max_iter: int

    coef_: Floats
    intercept_: Floats

    def _fit(self, rows: Rows, tol: float) -> str:
        C = as_number("C", self.C, above=0.0)
        max_iter = as_count("max_iter", self.max_iter, at_least=1)
        found = self._minimum(rows, C=C, tol=tol, max_iter=max_iter)
        self.coef_, self.intercept_, self.objective_, self.gap_, self.n_iter_ = found
        if found.steps == max_iter:
            return "raise max_iter, or tol if that is close enough"
        return NO_LONGER_DECREASES

    @abstractmethod
    def _minimum(self, rows: Rows, *, C: float, tol: float, max_iter: int) -> Solution:
        """The minimum, to within ``tol`` of the objective."""
