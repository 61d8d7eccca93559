"""What the estimators of linear models share: their checks, their fit, and their logits."""

from __future__ import annotations

import math
import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from crossentropy._linear import Features, LinearLoss, SparseFeatures, moments
from crossentropy._problems import ElementProblem, RowProblem
from crossentropy._validation import as_choice, as_count, as_number, sentence
from crossentropy.linear_model._blas import one_blas_thread
from crossentropy.linear_model._blocks import Source, rows_in_blocks, survey_blocks
from crossentropy.linear_model._history import Iteration, OnIteration
from crossentropy.linear_model._input import ACCEPTED, check_size, checked_rows
from crossentropy.linear_model._journal import Journal, described
from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._online import Online
from crossentropy.linear_model._partial_fit import can_learn, learn
from crossentropy.linear_model._rows import Rows, RowsInMemory, Unkept
from crossentropy.linear_model._solvers import SOLVERS, Solution, minimise
from crossentropy.linear_model._standardisation import Standardisation, not_finite
from crossentropy.linear_model._survey import Found, survey
from crossentropy.linear_model._targets import (
    ElementTargets,
    LabelsToElements,
    LabelsToTargets,
    Targets,
    sample_weights,
    some_sample_weights,
)

Floats = NDArray[np.float64]

#: Logits in a block of rows where they need not all be kept.
_BLOCK = 1 << 20


class LinearClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """A classifier whose logits are ``coef_`` (K, D) · x + ``intercept_`` (K,)."""

    C: float
    l1_ratio: float
    fit_intercept: bool
    solver: str
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

    #: Whether a row has one class, or a distribution over the classes.
    _exclusive: ClassVar[bool]

    #: What ``partial_fit`` knows of the rows so far.
    _online: Online | None = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to rows X (N, D) and their targets y, each row weighted by ``sample_weight`` (N,) where given."""
        return fit_linear(self, X, y, sample_weight)

    def fit_blocks(self, blocks: Iterable[Any], *, checkpoint: str | os.PathLike[str] | None = None) -> Self:
        """Fit to rows that need not fit into memory: as :meth:`fit` to all of them, whose result it has to rounding.

        ``blocks`` are tuples (X, y) or (X, y, sample_weight) of some rows each, of an iterable that begins anew each
        time: a list, a reader of :mod:`crossentropy.io`, or any object whose ``__iter__`` returns a new iterator. They
        are gone through about as often as ``history_`` says in ``passes``, one at a time: each is let go of before the
        next is asked for. X has one number of columns, one dtype and one kind (dense or CSR) in all blocks, the targets
        are written in one way, and each time the blocks are the same.

        ``checkpoint`` names a folder, which is made, in which what each pass found is kept. Where a fit was killed, the
        same call on the same data goes on with the pass in which it was, to the same model bit for bit (on a processor
        of the same instruction set, with the same libraries). The folder takes 8·K·(D + 1) bytes a pass, and up to
        64 MiB for each of a few, and is removed when the fit has come to its end. One that is interrupted, or has run
        out of ``max_iter``, leaves it: the same call, with a greater ``max_iter``, goes on from there.

        >>> from sklearn.datasets import load_iris
        >>> from crossentropy.linear_model import SoftmaxRegression
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SoftmaxRegression().fit_blocks([(X[:90], y[:90]), (X[90:], y[90:])])
        >>> print(f"{model.objective_:.3f}")
        28.886

        Raises what :meth:`fit` raises, with the block's number, counted from 0; ``TypeError`` for blocks that can be
        gone through once; ``ValueError`` for blocks that differ in form or change from one time to the next, and for
        the checkpoint of another fit or other data, or a damaged one.
        """
        return fit_blocks(self, blocks, checkpoint=checkpoint)

    def _training(self, y: NDArray[Any], sample_weight: Any) -> tuple[NDArray[Any], Targets | ElementTargets]:
        """The classes, and the targets to fit to."""
        weight = sample_weights(sample_weight, len(y))
        known = self._known(survey(y, weight, exclusive=self._exclusive))
        return known.classes, known.of(y, weight)

    @available_if(can_learn)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Learn from rows X (N, D) and their targets y beside all those of the calls before, which are not kept.

        After calls whose rows weigh n in all, the model is near the minimum of f = C·Σ of the loss of all those rows +
        ½‖W‖²: ``C`` weighs each row that was seen against one penalty, and rows that are passed again count again. So E
        passes over the same rows at ``C/E`` come near :meth:`fit` to them at ``C``. Each call is a step of an online
        Newton method: the least of the batch's own loss and a quadratic for all rows before, whose second derivatives
        are averaged over the steps, rows weighing by the square of their position. There is no step length; units and
        (of dense features, up to 64 MiB for all classes' matrices) correlations of features do not slow it, and the
        same calls give the same model. Intercepts b at the mean of the first rows are drawn towards 0 by C·½b²/100,
        since a class not seen yet has no finite one: the first call leads to the minimum of f with that, to ``tol``.

        ``classes`` are all classes that will come, required in the first call unless targets are soft; they may be
        given again, the same. ``class_weight="balanced"`` cannot be known and is refused, and so is ``C=inf``; where
        ``l1_ratio`` is above 0 there is no ``partial_fit``. :meth:`fit` begins anew, and so does the first call after
        it, with the classes of that fit if none are given. Fitted are ``coef_``, ``intercept_``, ``classes_`` and
        ``n_iter_``, the number of calls; ``warm_start`` plays no part.

        >>> from sklearn.datasets import load_iris
        >>> from crossentropy.linear_model import SoftmaxRegression
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SoftmaxRegression(C=0.1)
        >>> for _ in range(10):
        ...     for first in range(10):
        ...         model = model.partial_fit(X[first::10], y[first::10], classes=[0, 1, 2])
        >>> print(f"{model.loss(X, y):.2f} nats, by fit {SoftmaxRegression().fit(X, y).loss(X, y):.2f}")
        0.12 nats, by fit 0.12

        Raises ``ValueError`` as :meth:`fit`, and for ``classes`` that are missing, other ones than before, or a label
        that is not among them.
        """
        return learn(self, X, y, classes, sample_weight, **_settings(self)._asdict())

    @abstractmethod
    def _known(self, found: Found) -> LabelsToTargets | LabelsToElements:
        """How targets of which so much is known become those to fit to."""

    @abstractmethod
    def _objective(self, rows: Rows, C: float) -> LinearObjective:
        """What a fit to these rows minimises."""

    @abstractmethod
    def _held_out(
        self, y: NDArray[Any], classes: NDArray[Any], outputs: int, weight: Floats
    ) -> tuple[RowProblem | ElementProblem, float]:
        """The plain loss of rows of these targets, and what they weigh together, of which ``weight`` (N,) is theirs."""

    def _loss(self, X: Any, y: Any, sample_weight: Any) -> float:
        X = self._checked(X)
        check_consistent_length(X, y)
        weight = some_sample_weights(sample_weight, X.shape[0])
        problem, total = self._held_out(np.asarray(y), self.classes_, len(self.coef_), weight)
        loss, _ = LinearLoss(problem, features_of(X)).gradient(self.coef_, self.intercept_)
        return loss / total

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

    def __sklearn_is_fitted__(self) -> bool:
        # a fit that was broken off has left what it knew of the features
        return hasattr(self, "coef_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _checked(self, X: Any) -> Any:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **ACCEPTED)
        check_finite(self, X)
        return X


Classifier = TypeVar("Classifier", bound=LinearClassifier)


def check_finite(estimator: BaseEstimator, X: Any) -> None:
    """``ValueError`` names the first element that is NaN or infinite."""
    with np.errstate(all="ignore"):
        place = moments(X, np.ones(X.shape[0]), np.zeros(X.shape[1])).not_finite
    if place >= 0:
        raise not_finite(X, divmod(place, X.shape[1]), getattr(estimator, "feature_names_in_", None))


def features_of(X: Any) -> Features | SparseFeatures:
    """Rows as they are."""
    return Features(X) if isinstance(X, np.ndarray) else SparseFeatures(X)


def fit_linear(
    estimator: Classifier, X: Any, y: Any, sample_weight: Any = None, *, on_iteration: OnIteration | None = None
) -> Classifier:
    """Fit ``estimator`` in place, calling ``on_iteration`` with each :class:`Iteration` as it happens."""
    settings = _settings(estimator)
    X, y = checked_rows(estimator, X, y)
    with one_blas_thread():
        classes, objective = objective_of(estimator, X, y, sample_weight, settings.C)
        solution = _minimise(estimator, objective, classes, settings, on_iteration)
    return _ended(estimator, solution, settings)


def fit_blocks(
    estimator: Classifier,
    blocks: Iterable[Any],
    *,
    checkpoint: str | os.PathLike[str] | None = None,
    on_iteration: OnIteration | None = None,
) -> Classifier:
    """The same of blocks of rows; see :meth:`LinearClassifier.fit_blocks`."""
    settings, source = _settings(estimator), Source(blocks, kept=checkpoint is not None)
    fit = described(type(estimator).__name__, estimator.get_params())
    journal = Unkept() if checkpoint is None else Journal(checkpoint, fit)
    with one_blas_thread():
        known = estimator._known(survey_blocks(source, journal, exclusive=estimator._exclusive))
        rows = rows_in_blocks(source, known, journal, centre=bool(estimator.fit_intercept))
        check_size(settings.C, rows.weight)
        objective = estimator._objective(rows, settings.C)
        solution = _minimise(estimator, objective, known.classes, settings, on_iteration)
    estimator.n_features_in_ = rows.shape[1]
    if rows.names is not None:
        estimator.feature_names_in_ = np.array(rows.names, dtype=object)
    elif hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    if solution.interrupt is None and (solution.converged or not solution.exhausted):
        journal.remove()
    return _ended(estimator, solution, settings)


class _Settings(NamedTuple):
    C: float
    tol: float
    max_iter: int


def _settings(estimator: LinearClassifier) -> _Settings:
    return _Settings(_strength(estimator.C), *stopping(estimator))


def stopping(estimator: LinearClassifier) -> tuple[float, int]:
    """``tol`` and ``max_iter``, checked, as are ``l1_ratio`` and ``solver``."""
    has_kinks = as_number("l1_ratio", estimator.l1_ratio, at_least=0.0, at_most=1.0) > 0.0
    if as_choice("solver", estimator.solver, SOLVERS) != "auto" and has_kinks:
        raise ValueError(
            sentence(
                "solver",
                expected="'auto' where l1_ratio is above 0",
                received=repr(estimator.solver),
                remedy="leave it at its default: only one solver makes coefficients 0",
            )
        )
    return as_number("tol", estimator.tol, above=0.0), as_count("max_iter", estimator.max_iter, at_least=1)


def objective_of(
    estimator: LinearClassifier, X: Any, y: NDArray[Any], sample_weight: Any, C: float
) -> tuple[NDArray[Any], LinearObjective]:
    """The classes, and what a fit to these rows minimises."""
    classes, targets = estimator._training(y, sample_weight)
    centre, names = bool(estimator.fit_intercept), getattr(estimator, "feature_names_in_", None)
    standardisation = Standardisation.of(X, targets.row_weight, centre=centre, names=names)
    rows = RowsInMemory(X, standardisation, targets)
    check_size(C, rows.weight)
    return classes, estimator._objective(rows, C)


def _minimise(
    estimator: LinearClassifier,
    objective: LinearObjective,
    classes: NDArray[Any],
    settings: _Settings,
    on_iteration: OnIteration | None,
) -> Solution:
    """Minimise, and make what was found the model."""
    start = _start(estimator, objective, classes) if estimator.warm_start else None
    solution = minimise(objective, start, tol=settings.tol, max_iter=settings.max_iter, on_iteration=on_iteration)
    set_solution(estimator, classes, objective, solution)
    return solution


def set_solution(
    estimator: LinearClassifier, classes: NDArray[Any], objective: LinearObjective, solution: Solution
) -> None:
    """Make a solution the model."""
    last = solution.evaluation
    estimator._online, estimator.classes_ = None, classes
    estimator.coef_, estimator.intercept_ = objective.parameters(last.point)
    estimator.history_ = solution.history
    estimator.n_iter_ = solution.history[-1].iteration
    estimator.objective_, estimator.gap_ = last.objective, solution.gap


def _ended(estimator: Classifier, solution: Solution, settings: _Settings) -> Classifier:
    """The fitted estimator; or the interrupt, or a warning where it stops short."""
    if solution.interrupt is not None:
        raise solution.interrupt
    if not solution.converged:
        _warn(type(estimator).__name__, solution, settings.tol)
    return estimator


def _start(estimator: LinearClassifier, objective: LinearObjective, classes: NDArray[Any]) -> Floats | None:
    """Where the last fit ended; None where it was of other classes or features."""
    known = getattr(estimator, "classes_", None)
    if known is None or not np.array_equal(known, classes) or estimator.coef_.shape[1] != objective.width:
        return None
    intercept = estimator.intercept_ if estimator.fit_intercept else np.zeros_like(estimator.intercept_)
    return objective.point(estimator.coef_, intercept)


def _strength(value: Any) -> float:
    """What the data weigh against the penalty; infinity stands for no penalty."""
    if isinstance(value, float | np.floating) and value == math.inf:
        return math.inf
    return as_number("C", value, above=0.0)


def _warn(name: str, solution: Solution, tol: float) -> None:
    last, iterations = solution.evaluation, solution.history[-1].iteration
    warnings.warn(
        sentence(
            name,
            expected=f"an objective within {tol:g} of its minimum",
            received=f"one within {solution.gap / last.objective:.2g}, after {iterations} iterations",
            remedy=(
                "raise max_iter, or tol if that is close enough"
                if solution.exhausted
                else "the objective no longer decreases in float64, so raise tol above that number"
            ),
        ),
        ConvergenceWarning,
        stacklevel=5,
    )
