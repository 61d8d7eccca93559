"""Softmax regression as a scikit-learn estimator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from crossentropy import log_softmax, softmax
from crossentropy._problems import RowProblem
from crossentropy._validation import as_number
from crossentropy.linear_model import _scikit_learn
from crossentropy.linear_model._estimator import LinearClassifier
from crossentropy.linear_model._portable import Portable
from crossentropy.linear_model._rows import Rows
from crossentropy.linear_model._softmax_objective import SoftmaxObjective
from crossentropy.linear_model._survey import Found
from crossentropy.linear_model._targets import (
    LabelsToTargets,
    known_targets,
    labels_to_targets,
    row_problem,
)

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

Floats = NDArray[np.float64]


class SoftmaxRegression(LinearClassifier, Portable):
    """Multinomial logistic regression: softmax cross-entropy of linear logits, with an L2 or L1 penalty, or none.

    Minimises ``C·Σ sᵢ·CE(W xᵢ + b, yᵢ) + (1 − ρ)/2 ‖W‖² + ρ‖W‖₁`` over W (K, D) and b (K,), ρ being ``l1_ratio``, which
    is the objective of scikit-learn's ``LogisticRegression``: the same ``C`` and ratio give the same model. For two
    classes it stays the softmax of two logits, where scikit-learn's has one logit: ``coef_`` has K rows always, and the
    penalty then spreads over both rows, which equals scikit-learn's one-row model at ``C``·2/(1 + ρ) and the ratio
    2ρ/(1 + ρ).

    Parameters: ``C`` > 0, the weight of the data against the penalty, or ``inf`` for Σ sᵢ·CE alone, without a penalty,
    whatever the ratio; ``l1_ratio`` in [0, 1]: 0 for L2, 1 for L1, between them an elastic net; above 0 many
    coefficients are exactly 0; ``fit_intercept``, whether to fit b (never penalised); ``class_weight``, None,
    ``"balanced"`` (each class the same total weight) or a dict of weights by class (1 where absent);
    ``label_smoothing`` in [0, 1], the share of each target that all classes get alike; ``solver``, by what the Hessian
    is approximated: a matrix for each class, ``"blocks"``, one rotation for all, ``"rotation"``, or a ``"diagonal"``;
    or ``"dual"``, by coordinates of the dual problem, for sparse rows; ``"auto"`` picks what fits the data; ``tol``,
    how far above its minimum the objective may stay, relative to it; ``max_iter``, the most iterations (of ``"dual"``:
    epochs); ``warm_start``, whether to begin where the last fit ended, if it had the same classes and features.

    The targets are labels (N,) of any kind, or soft labels: a distribution (N, K) per row; the classes are then
    0 … K − 1. X is (N, D), float32 or float64: dense, read-only or memory-mapped if need be, or a CSR matrix; it is not
    copied (other sparse formats are made CSR first). What a fit takes beside it is some (K, D), and one (D, D) or at
    most 64 MiB of such matrices, and a block of rows for each thread: the N×K logits are never made. (The solver
    ``"dual"`` keeps N×K numbers of float32. It is picked only where that is at most 64 MiB, or N at most 4·D.)

    ``tol`` is certified: a fit ends when a point of the dual problem proves that no model has an objective lower by
    more than ``gap_``, and ``gap_`` is at most ``tol`` times the objective. The solver is L-BFGS in coordinates that an
    approximate Hessian makes round, which features' units and correlations do not slow; for sparse rows, where that is
    faster, dual coordinate ascent; and where ``l1_ratio`` is above 0 a proximal quasi-Newton method. Products are made
    in float32 until that is not enough, then in float64. The same input gives the same model, with any number of
    threads.

    Without a penalty (``C=inf``) the bound is a weaker one. ``gap_`` is ‖∇‖·(1 + ‖θ‖), or the objective where that
    is less, θ being W and b for features brought to mean 0 and standard deviation 1, and ∇ the gradient with
    respect to it: no θ that is nearer than 1 + ‖θ‖ has a sum of losses lower by more; one that is n times as far
    away, by n times as much at most. Where classes are separated by a linear function, larger coefficients lower
    the loss for ever, and the fit says so: always where no row is wrong, and up to ties (rows on the boundary
    itself) where 2·N·K·(D + 1) is at most 300 000. Beyond, the loss is within ``gap_`` of its infimum in that
    sense, and some coefficients are large.

    Fitted: ``coef_`` (K, D), ``intercept_`` (K,), ``classes_`` (K,) sorted, ``n_iter_``, ``objective_`` (the value
    above), ``gap_``, ``history_`` (one :class:`Iteration` per iteration, from the start on; with ``"dual"`` of some),
    ``n_features_in_`` and, from a data frame, ``feature_names_in_``.

    Warns with ``ConvergenceWarning`` where it stops short of ``tol``, and says how far the optimum can be. A
    ``KeyboardInterrupt`` while it iterates is raised on, after the best point so far has been made the model; ``gap_``
    says how far the optimum can be, by products of float32 if the fit was still at these. Raises ``ValueError`` for a
    parameter out of range, ``C=inf`` where no optimum exists, a NaN or infinity in X (row and column named), fewer than
    two classes, a class without weight, soft labels that are no distributions, and shapes that do not fit.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegression().fit(X, y)
    >>> print(f"{model.objective_:.4f}", f"{model.loss(X, y):.3f} nats")
    28.8863 0.120 nats

    >>> sparse = SoftmaxRegression(l1_ratio=1.0, C=0.1).fit(X, y)
    >>> print(sparse.coef_.round(3))
    [[ 0.     0.    -1.768  0.   ]
     [ 0.     0.     0.     0.   ]
     [ 0.     0.     1.785  0.   ]]

    Sources: Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989; Lee, Sun and
    Saunders, "Proximal Newton-type methods for minimizing composite functions", 2014; Albert and Anderson, "On the
    existence of maximum likelihood estimates in logistic regression models", 1984.
    """

    _activation = "softmax"
    _exclusive = True

    def __init__(
        self,
        *,
        C: float = 1.0,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
        warm_start: bool = False,
    ) -> None:
        self.C = C
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.warm_start = warm_start

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Logits (N, K), in the dtype of X; for two classes their difference (N,), the log-odds of ``classes_[1]``."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Class probabilities (N, K), in the dtype of X, columns in the order of ``classes_``."""
        return np.asarray(softmax(self._logits(X)))

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Logarithms of the class probabilities (N, K) in nats, finite where the probability itself underflows."""
        return np.asarray(log_softmax(self._logits(X)))

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row (N,); the first of equals."""
        best = self._best(X)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def loss(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Mean cross-entropy of the targets y, labels (N,) or soft (N, K), in nats and without the penalty.

        Raises ``ValueError`` for a label that the model does not know.
        """
        return self._loss(X, y, sample_weight)

    def to_sklearn(self) -> LogisticRegression:
        """A fitted ``sklearn.linear_model.LogisticRegression`` that gives the same probabilities and labels.

        It has ``coef_``, ``intercept_``, ``classes_``, ``n_iter_``, ``n_features_in_`` and, where there are names,
        ``feature_names_in_``; for two classes one row of coefficients, the difference of the two here. Its parameters
        are ``C`` and ``l1_ratio``, for two classes those of one row, ``fit_intercept``, ``class_weight``, ``max_iter``
        and ``warm_start``; its solver is saga where there is an L1 penalty. They make its objective this one's, but for
        ``label_smoothing``, which it does not have. ``tol`` is its default.

        Raises scikit-learn's ``NotFittedError`` for a model that is not fitted.

        >>> theirs = SoftmaxRegression(C=0.5).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]).to_sklearn()
        >>> theirs, theirs.coef_.shape
        (LogisticRegression(max_iter=1000), (1, 1))
        >>> print(theirs.predict_proba([[2.0]]).round(4))
        [[0.3825 0.6175]]
        """
        return _scikit_learn.softmax_to_sklearn(self)

    @classmethod
    def from_sklearn(cls, model: LogisticRegression) -> Self:
        """The probabilities and labels of a fitted ``sklearn.linear_model.LogisticRegression``, of any solver.

        One row of coefficients, for two classes, becomes two halves of opposite sign. Taken over are ``n_iter_``, all
        that is known of the input, and the parameters ``C`` (infinite for a fit without penalty) and ``l1_ratio``, for
        two classes those of two rows, ``fit_intercept``, ``class_weight``, ``max_iter`` and ``warm_start``.
        ``objective_``, ``gap_`` and ``history_`` belong to a fit of this class: they are absent.

        Raises ``TypeError`` for another estimator, a subclass too; ``ValueError`` for one that fits each class by
        itself (``OneVsRestClassifier``, the solver liblinear with more than two classes, ``multi_class="ovr"``);
        scikit-learn's ``NotFittedError`` for one that is not fitted.

        >>> from sklearn.linear_model import LogisticRegression
        >>> theirs = LogisticRegression(C=1.0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
        >>> model = SoftmaxRegression.from_sklearn(theirs)
        >>> model.C, model.coef_.shape
        (0.5, (2, 1))
        >>> print(model.predict_proba([[2.0]]).round(4))
        [[0.3825 0.6175]]
        """
        return _scikit_learn.softmax_from_sklearn(cls(), model)

    def _known(self, found: Found) -> LabelsToTargets:
        smoothing = as_number("label_smoothing", self.label_smoothing, at_least=0.0, at_most=1.0)
        return labels_to_targets(found, class_weight=self.class_weight, label_smoothing=smoothing)

    def _held_out(
        self, y: NDArray[Any], classes: NDArray[Any], outputs: int, weight: Floats
    ) -> tuple[RowProblem, float]:
        problem = row_problem(known_targets(y, classes), len(y), len(classes))
        return problem._replace(sample_weight=weight), float(weight.sum())

    def _objective(self, rows: Rows, C: float) -> SoftmaxObjective:
        return SoftmaxObjective(
            rows, C=C, fit_intercept=bool(self.fit_intercept), l1_ratio=float(self.l1_ratio), solver=self.solver
        )
