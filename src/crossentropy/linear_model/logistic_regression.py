"""Logistic regression as a scikit-learn estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from crossentropy import log_sigmoid, sigmoid
from crossentropy._problems import ElementProblem
from crossentropy.linear_model import _scikit_learn
from crossentropy.linear_model._estimator import LinearClassifier
from crossentropy.linear_model._portable import Portable
from crossentropy.linear_model._rows import Rows
from crossentropy.linear_model._sigmoid_objective import SigmoidObjective
from crossentropy.linear_model._survey import Found
from crossentropy.linear_model._targets import (
    LabelsToElements,
    element_problem,
    known_elements,
    labels_to_elements,
    positive_weights,
)

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression as Theirs

Floats = NDArray[np.float64]


class LogisticRegression(LinearClassifier, Portable):
    """Sigmoid cross-entropy of linear logits, with a penalty: of two classes, or of M labels that a row may share.

    Minimises ``C·Σ sᵢ·Σ_m BCE(w_m·xᵢ + b_m, yᵢm) + (1 − ρ)/2 ‖W‖² + ρ‖W‖₁`` over W (M, D) and b (M,), ρ being
    ``l1_ratio``. For two classes, M = 1, it is the objective of scikit-learn's ``LogisticRegression``: the same ``C``
    and ratio give the same model. M labels are M such models, fitted in the same passes.

    Parameters: ``C`` > 0, the weight of the data against the penalty, or ``inf`` for the losses' sum alone, without a
    penalty; ``l1_ratio`` in [0, 1]: 0 for L2, 1 for L1, which leaves many coefficients exactly 0, between them an
    elastic net; ``fit_intercept``, whether to fit b (never penalised); ``pos_weight``, a weight > 0 of what is
    positive, for all labels or each (M,): PyTorch's, so that BCE = −p·y·log σ(z) − (1 − y)·log σ(−z); ``solver``, by
    what the Hessian is approximated: a matrix for each label, ``"blocks"``, one rotation for all, ``"rotation"``, or a
    ``"diagonal"``; or ``"dual"``, by coordinates of the dual problem, for sparse rows; ``"auto"`` picks what fits the
    data; ``tol``, how far above its minimum the objective may stay, relative to it; ``max_iter``, the most iterations
    (of ``"dual"``: epochs); ``warm_start``, whether to begin where the last fit ended, if it had the same classes and
    features.

    The targets are labels (N,) of two classes, of any kind, of which the greater is positive; or probabilities of the
    positive class (N,), floats of which some lie between 0 and 1, for classes 0 and 1; or for M > 1 labels 0, 1 or
    probabilities between them (N, M). X, ``tol`` and its certificate, ``C=inf``, what a fit takes and what it
    guarantees are as in :class:`SoftmaxRegression`, with M for K.

    Fitted: ``coef_`` (M, D), ``intercept_`` (M,), ``classes_``, the two sorted, or 0 … M − 1, ``n_iter_``,
    ``objective_`` (the value above), ``gap_``, ``history_`` (one :class:`Iteration` per iteration, from the start on;
    with ``"dual"`` of some), ``n_features_in_`` and, from a data frame, ``feature_names_in_``.

    Warns and is interrupted as :class:`SoftmaxRegression`. Raises ``ValueError`` for a parameter out of range,
    ``C=inf`` where no optimum exists, a NaN or infinity in X (row and column named), a single class or more than two, a
    label that no row has, or every row, where there is an intercept (none is best), targets outside [0, 1], and shapes
    that do not fit.

    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegression(C=1.0).fit(X, y)
    >>> print(f"{model.objective_:.3f}", f"{model.loss(X, y):.3f} nats")
    53.795 0.088 nats

    Source: Cox, "The regression analysis of binary sequences", 1958.
    """

    _activation = "sigmoid"
    _exclusive = False

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        pos_weight: Any = None,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
        warm_start: bool = False,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.pos_weight = pos_weight
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Logits (N,), or (N, M) for M labels, in the dtype of X."""
        logits = self._logits(X)
        return logits[:, 0] if self._is_binary else logits

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Probabilities (N, 2) of the two classes, or (N, M) of each label, in the dtype of X."""
        return np.asarray(sigmoid(self._both(X)))

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Logarithms of the probabilities in nats, finite where the probability itself underflows."""
        return np.asarray(log_sigmoid(self._both(X)))

    def predict(self, X: Any) -> NDArray[Any]:
        """The more probable class of each row (N,), the first of equals; or for M labels 0 and 1 (N, M)."""
        positive = (self._logits(X) > 0.0).astype(np.intp)
        labels: NDArray[Any] = self.classes_[positive[:, 0]] if self._is_binary else positive
        return labels

    def loss(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean cross-entropy of the targets y, as in :meth:`fit`, in nats, without the penalty and ``pos_weight``.

        Of M labels it is the mean over these, too. Raises ``ValueError`` for a label that the model does not know.
        """
        return self._loss(X, y, sample_weight)

    def to_sklearn(self) -> Theirs:
        """A fitted ``sklearn.linear_model.LogisticRegression`` of the same probabilities and labels, of two classes.

        What it has is as in :meth:`SoftmaxRegression.to_sklearn`; ``pos_weight`` is its ``class_weight`` of the
        positive class. Raises ``ValueError`` for a model of several labels, scikit-learn's ``NotFittedError`` for one
        that is not fitted.

        >>> theirs = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).to_sklearn()
        >>> print(theirs.predict_proba([[2.0]]).round(4))
        [[0.3825 0.6175]]
        """
        return _scikit_learn.sigmoid_to_sklearn(self)

    @classmethod
    def from_sklearn(cls, model: Theirs) -> Self:
        """The probabilities and labels of a fitted ``sklearn.linear_model.LogisticRegression`` of two classes.

        What is taken over is as in :meth:`SoftmaxRegression.from_sklearn`; class weights become ``C`` and
        ``pos_weight``. Raises ``TypeError`` for another estimator, a subclass too; ``ValueError`` for more than two
        classes, ``multi_class="multinomial"`` and ``class_weight="balanced"``, whose weights the rows decide;
        ``NotFittedError`` for one that is not fitted.

        >>> from sklearn.linear_model import LogisticRegression as Theirs
        >>> theirs = Theirs(class_weight={1: 3.0}).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
        >>> model = LogisticRegression.from_sklearn(theirs)
        >>> model.C, model.pos_weight, model.coef_.shape
        (1.0, 3.0, (1, 1))
        """
        return _scikit_learn.sigmoid_from_sklearn(cls(), model)

    @property
    def _is_binary(self) -> bool:
        return len(self.coef_) == 1

    def _both(self, X: Any) -> NDArray[Any]:
        """Logits of what has a probability: of two classes, both."""
        logits = self._logits(X)
        return np.column_stack([-logits, logits]) if self._is_binary else logits

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags

    def _known(self, found: Found) -> LabelsToElements:
        return labels_to_elements(found, pos_weight=self.pos_weight, fit_intercept=bool(self.fit_intercept))

    def _held_out(
        self, y: NDArray[Any], classes: NDArray[Any], outputs: int, weight: Floats
    ) -> tuple[ElementProblem, float]:
        problem = element_problem(known_elements(y, classes, outputs))
        return problem._replace(sample_weight=weight), float(weight.sum() * outputs)

    def _objective(self, rows: Rows, C: float) -> SigmoidObjective:
        weights = positive_weights(self.pos_weight, len(rows.masses))
        return SigmoidObjective(
            rows,
            C=C,
            fit_intercept=bool(self.fit_intercept),
            pos_weight=weights,
            l1_ratio=float(self.l1_ratio),
            solver=self.solver,
        )
