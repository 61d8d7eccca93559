"""Linear models that choose their C by folds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crossentropy.linear_model._cross_validation import ChoosesC
from crossentropy.linear_model.logistic_regression import LogisticRegression
from crossentropy.linear_model.softmax_regression import SoftmaxRegression

if TYPE_CHECKING:
    pass


class SoftmaxRegressionCV(ChoosesC, SoftmaxRegression):
    """A :class:`SoftmaxRegression` whose C is the one of the lowest mean validation loss over folds.

    Each fold's models are a sweep as in :class:`SoftmaxRegressionPath`; of each, the mean cross-entropy of the rows
    held out is measured. The C whose mean over the folds is lowest is chosen, of equals the smallest, and the model is
    then fitted to all rows. X is not copied: rows held out weigh 0 in a fold, and are read a block at a time when they
    are measured.

    Parameters: ``Cs``, the values of C in any order, or how many, from 1e-6 to 1e6, evenly by ratio; ``cv``, the number
    of folds, stratified by class and not shuffled, or what else scikit-learn's ``check_cv`` takes: a splitter, or an
    iterable of (rows to fit to, rows held out). The others are those of :class:`SoftmaxRegression`.

    Fitted: ``C_``, the chosen C; ``curve_``, the :class:`LossCurve` of all folds; and what a :class:`SoftmaxRegression`
    has. ``C`` is ``C_``, and :meth:`save` writes a :class:`SoftmaxRegression` of that C. A ``KeyboardInterrupt`` before
    C is chosen leaves no model.

    Raises ``ValueError`` for a fold without rows of a class, beyond what :class:`SoftmaxRegression` raises.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = SoftmaxRegressionCV(Cs=[0.01, 1.0, 100.0, 1e4]).fit(X, y)
    >>> model.C_, model.curve_.validation.round(3).tolist()
    (100.0, [0.639, 0.14, 0.055, 0.102])
    >>> print(f"{model.loss(X, y):.3f} nats")
    0.042 nats
    """

    def __init__(
        self,
        *,
        Cs: Any = 96,
        cv: Any = 5,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
    ) -> None:
        self.Cs = Cs
        self.cv = cv
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter


class LogisticRegressionCV(ChoosesC, LogisticRegression):
    """A :class:`LogisticRegression` that chooses its C: what :class:`SoftmaxRegressionCV` is to softmax regression.

    The parameters but ``Cs`` and ``cv`` are those of :class:`LogisticRegression`. Folds are stratified where there are
    two classes. The validation loss is that of :meth:`loss`: without ``pos_weight``, a mean over the labels, too.

    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = LogisticRegressionCV(Cs=[0.01, 1.0, 100.0]).fit(X, y)
    >>> model.C_, model.curve_.validation.round(3).tolist()
    (100.0, [0.123, 0.117, 0.109])
    """

    def __init__(
        self,
        *,
        Cs: Any = 96,
        cv: Any = 5,
        l1_ratio: float = 0.0,
        fit_intercept: bool = True,
        pos_weight: Any = None,
        solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
    ) -> None:
        self.Cs = Cs
        self.cv = cv
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.pos_weight = pos_weight
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
