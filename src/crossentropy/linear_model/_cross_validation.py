"""What the estimators that choose their C share: sweeps over folds, then a fit of all rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import check_cv
from sklearn.utils.validation import check_is_fitted

from crossentropy._validation import sentence
from crossentropy.linear_model._blas import one_blas_thread
from crossentropy.linear_model._estimator import LinearClassifier, fit_linear, objective_of, stopping
from crossentropy.linear_model._input import check_size, checked_rows
from crossentropy.linear_model._loss_curve import LossCurve
from crossentropy.linear_model._path import warn
from crossentropy.linear_model._sweep import HeldOut, OnStage, Stage, curve, penalties, sweep
from crossentropy.linear_model._targets import sample_weights

if TYPE_CHECKING:
    import altair as alt

Floats = NDArray[np.float64]


class ChoosesC(LinearClassifier):
    """A classifier whose C is the one of the lowest mean validation loss over folds."""

    Cs: Any
    cv: Any
    warm_start = False

    C_: float
    curve_: LossCurve

    @property
    def C(self) -> float:  # type: ignore[override] # noqa: N802
        """The chosen C: that of :attr:`C_`."""
        check_is_fitted(self, "C_")
        return self.C_

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Choose C by folds of the rows X (N, D) and their targets y, then fit to all of them."""
        return fit_folds(self, X, y, sample_weight)

    @property
    def partial_fit(self) -> NoReturn:
        """None: folds are of rows that are known from the start."""
        raise AttributeError(self._needs_rows("partial_fit"))

    @property
    def fit_blocks(self) -> NoReturn:
        """None: folds are of rows that are known from the start."""
        raise AttributeError(self._needs_rows("fit_blocks"))

    @classmethod
    def from_sklearn(cls, model: Any) -> NoReturn:
        """Raises ``TypeError``: a model that is fitted already has one C."""
        raise TypeError(
            sentence(
                f"{cls.__name__}.from_sklearn",
                expected="C to be chosen by fit",
                received="a model that has one",
                remedy=f"call {cls.__name__.removesuffix('CV')}.from_sklearn",
            )
        )

    def _needs_rows(self, method: str) -> str:
        name = type(self).__name__
        return sentence(
            f"{name}.{method}",
            expected="all rows at once, to make folds of",
            received="some of them",
            remedy=f"call fit, or {method} of {name.removesuffix('CV')}",
        )

    def plot(self) -> alt.LayerChart:
        """:meth:`LossCurve.plot` of ``curve_``."""
        check_is_fitted(self)
        return self.curve_.plot()


Chooser = TypeVar("Chooser", bound=ChoosesC)


def fit_folds(
    estimator: Chooser, X: Any, y: Any, sample_weight: Any = None, *, on_stage: OnStage | None = None
) -> Chooser:
    """Fit ``estimator`` in place, calling ``on_stage`` with each fold and :class:`Stage` as it happens."""
    Cs = penalties(estimator.Cs)
    tol, max_iter = stopping(estimator)
    rows, targets = checked_rows(estimator, X, y)
    weight = sample_weights(sample_weight, rows.shape[0])
    # so that what is wrong with all rows is not said of a fold
    estimator._training(targets, weight)
    check_size(float(Cs[-1]), float(weight.sum()))
    folds = []
    with one_blas_thread():
        for number, (kept, held) in enumerate(_folds(estimator, rows, targets, weight)):
            try:
                classes, objective = objective_of(estimator, rows, targets, kept, float(Cs[0]))
            except ValueError as error:
                raise ValueError(
                    sentence(
                        "cv",
                        expected="rows of every class, with some weight, to fit to in each fold",
                        received=f"fold {number} (counted from 0) without ({error})",
                        remedy="pass fewer or stratified folds, or leave rare classes out",
                    )
                ) from error
            held_out = HeldOut(estimator, rows, targets, classes, objective.classes, held)
            stages = list[Stage]()
            for stage, _, _ in sweep(objective, Cs, tol=tol, max_iter=max_iter, held_out=held_out):
                stages.append(stage)
                if on_stage is not None:
                    on_stage(number, stage)
            folds.append(stages)
    estimator.curve_ = curve(folds)
    estimator.C_ = float(Cs[cast(int, estimator.curve_.chosen)])
    warn(type(estimator).__name__, estimator.curve_, tol)
    return fit_linear(estimator, X, y, sample_weight)


def _folds(estimator: ChoosesC, X: Any, y: NDArray[Any], weight: Floats) -> Iterator[tuple[Floats, Floats]]:
    """The weights of the rows that are fitted to, and of those held out: X is not copied."""
    splitter = check_cv(estimator.cv, y, classifier=True)
    for number, (kept, held) in enumerate(splitter.split(X, y)):
        parts = []
        for name, rows in (("fitted", kept), ("held-out", held)):
            part = np.zeros_like(weight)
            part[rows] = weight[rows]
            if not part.any():
                raise ValueError(
                    sentence(
                        "cv",
                        expected=f"{name} rows with some weight in each fold",
                        received=f"none in fold {number} (counted from 0)",
                        remedy="pass other folds or weights",
                    )
                )
            parts.append(part)
        yield parts[0], parts[1]
