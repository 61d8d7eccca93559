"""What the paths over C share: a model for each C, of the same rows."""

from __future__ import annotations

import warnings
from abc import ABC
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from crossentropy._validation import sentence
from crossentropy.linear_model._blas import one_blas_thread
from crossentropy.linear_model._estimator import (
    LinearClassifier,
    check_finite,
    objective_of,
    set_solution,
    stopping,
)
from crossentropy.linear_model._input import ACCEPTED, check_size, checked_rows
from crossentropy.linear_model._loss_curve import LossCurve
from crossentropy.linear_model._sweep import HeldOut, OnStage, Stage, curve, penalties, sweep

if TYPE_CHECKING:
    import altair as alt


class LinearPath(BaseEstimator, ABC):  # type: ignore[misc]
    """The models of many C, each proven to be optimal; the parameters but ``Cs`` and ``keep_models`` are theirs."""

    _kind: ClassVar[type[LinearClassifier]]

    Cs: Any
    keep_models: bool

    curve_: LossCurve
    classes_: NDArray[Any]
    best_: LinearClassifier | None
    models_: tuple[LinearClassifier, ...]

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation: tuple[Any, Any] | None = None) -> Self:
        """Fit a model for each C to rows X (N, D) and their targets y, and choose by ``validation`` (X, y) if given."""
        return fit_path(self, X, y, sample_weight, validation=validation)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "curve_")

    def plot(self) -> alt.LayerChart:
        """:meth:`LossCurve.plot` of ``curve_``."""
        check_is_fitted(self)
        return self.curve_.plot()

    def _model(self, C: float) -> LinearClassifier:
        shared = set(self._get_param_names()) & set(self._kind._get_param_names())
        return self._kind(C=C, **{name: getattr(self, name) for name in shared})


def fit_path(
    path: LinearPath,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    validation: tuple[Any, Any] | None = None,
    on_stage: OnStage | None = None,
) -> LinearPath:
    """Fit ``path`` in place, calling ``on_stage`` with 0 and each :class:`Stage` as it happens."""
    Cs, model = penalties(path.Cs), path._model(1.0)
    tol, max_iter = stopping(model)
    X, y = checked_rows(path, X, y)
    stages, models, best = list[Stage](), list[LinearClassifier](), None
    with one_blas_thread():
        classes, objective = objective_of(model, X, y, sample_weight, float(Cs[0]))
        check_size(float(Cs[-1]), objective.rows.weight)
        held_out = None if validation is None else _held_out(path, model, validation, classes, objective.classes)
        for stage, fitted, solution in sweep(objective, Cs, tol=tol, max_iter=max_iter, held_out=held_out):
            lowest = min((other.validation_loss for other in stages), default=np.inf)
            stages.append(stage)
            if path.keep_models or stage.validation_loss < lowest:
                model = path._model(stage.C)
                model.n_features_in_ = path.n_features_in_
                if hasattr(path, "feature_names_in_"):
                    model.feature_names_in_ = path.feature_names_in_
                set_solution(model, classes, fitted, solution)
                if path.keep_models:
                    models.append(model)
                if stage.validation_loss < lowest:
                    best = model
            if on_stage is not None:
                on_stage(0, stage)
    path.classes_, path.curve_, path.best_, path.models_ = classes, curve([stages]), best, tuple(models)
    warn(type(path).__name__, path.curve_, tol)
    return path


def _held_out(
    path: LinearPath, model: LinearClassifier, validation: tuple[Any, Any], classes: NDArray[Any], outputs: int
) -> HeldOut:
    if not (isinstance(validation, tuple) and len(validation) == 2):
        raise ValueError(
            sentence(
                "validation",
                expected="a tuple (X, y) of rows and their targets",
                received=type(validation).__name__,
                remedy="pass both in one tuple",
            )
        )
    X = validate_data(path, validation[0], reset=False, **ACCEPTED)
    check_finite(path, X)
    check_consistent_length(*validation)
    return HeldOut(model, X, np.asarray(validation[1]), classes, outputs, np.ones(X.shape[0]))


def warn(name: str, found: LossCurve, tol: float) -> None:
    """Of the fits that fell short of ``tol``, if any did."""
    short = found.gaps > tol * found.objectives
    if short.any():
        warnings.warn(
            sentence(
                name,
                expected=f"objectives within {tol:g} of their minima",
                received=f"{int(short.sum())} of {short.size} farther, up to {found.largest_gap:.2g}, "
                f"from C = {found.Cs[np.argmax(short.any(axis=0))]:g} on",
                remedy="leave out the largest C, or raise max_iter, or tol if that is close enough",
            ),
            ConvergenceWarning,
            stacklevel=4,
        )
