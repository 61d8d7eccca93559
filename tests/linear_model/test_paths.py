from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning

from crossentropy.linear_model import (
    LogisticRegression,
    LogisticRegressionPath,
    SoftmaxRegression,
    SoftmaxRegressionPath,
)
from crossentropy.linear_model import _sweep as sweeps
from crossentropy.linear_model._path import fit_path

CS = [1e3, 1e-4, 0.03, 1.0]


def iris():
    return load_iris(return_X_y=True)


def soft():
    X, y = load_iris(return_X_y=True)
    return X, 0.8 * np.eye(3)[y] + 0.2 / 3


def cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return X[::2], y[::2]


def labels():
    X, y = load_iris(return_X_y=True)
    return X, np.column_stack([y > 0, X[:, 0] > 5.5, y == 1]) * 1.0


CASES = {
    "softmax": (SoftmaxRegressionPath, SoftmaxRegression, {}, iris),
    "without intercept": (SoftmaxRegressionPath, SoftmaxRegression, {"fit_intercept": False}, iris),
    "balanced and smoothed": (
        SoftmaxRegressionPath,
        SoftmaxRegression,
        {"class_weight": "balanced", "label_smoothing": 0.1},
        lambda: (load_iris().data[20:], load_iris().target[20:]),
    ),
    "soft": (SoftmaxRegressionPath, SoftmaxRegression, {}, soft),
    "sparse": (SoftmaxRegressionPath, SoftmaxRegression, {}, lambda: (sparse.csr_matrix(iris()[0]), iris()[1])),
    "logistic": (LogisticRegressionPath, LogisticRegression, {"pos_weight": 2.0}, cancer),
    "multi-label": (LogisticRegressionPath, LogisticRegression, {}, labels),
}


@pytest.mark.parametrize("name", CASES)
def test_its_models_are_those_of_single_fits(name):
    path_kind, kind, parameters, data = CASES[name]
    X, y = data()
    weight = np.random.default_rng(0).integers(0, 3, len(y)) / 2.0
    half = X[1::2], y[1::2]
    path = path_kind(Cs=CS, tol=1e-11, keep_models=True, **parameters).fit(X, y, weight, validation=half)
    curve = path.curve_
    np.testing.assert_array_equal(curve.Cs, sorted(CS))
    assert [model.C for model in path.models_] == sorted(CS)
    for i, model in enumerate(path.models_):
        single = kind(C=model.C, tol=1e-11, **parameters).fit(X, y, weight)
        assert model.objective_ == pytest.approx(single.objective_, rel=2e-11)
        np.testing.assert_allclose(model.predict_proba(half[0]), single.predict_proba(half[0]), rtol=1e-3, atol=2e-4)
        np.testing.assert_array_equal(model.classes_, single.classes_)
        assert (model.n_iter_, model.n_features_in_) == (curve.iterations[0, i], X.shape[1])
        assert (curve.objectives[0, i], curve.gaps[0, i]) == (model.objective_, model.gap_)
        assert curve.training_losses[0, i] == pytest.approx(model.history_[-1].cross_entropy, rel=1e-15)
        assert curve.validation_losses[0, i] == pytest.approx(model.loss(*half), rel=1e-12)
    assert curve.largest_gap <= 1e-11
    assert path.best_ is path.models_[int(np.argmin(curve.validation_losses[0]))]


def test_without_validation_there_is_a_curve_and_what_is_kept():
    path = SoftmaxRegressionPath(Cs=3).fit(*iris())
    np.testing.assert_allclose(path.curve_.Cs, [1e-6, 1.0, 1e6])
    assert (path.best_, path.models_) == (None, ())
    assert (path.curve_.validation, path.curve_.standard_error, path.curve_.chosen) == (None, None, None)
    assert (np.diff(path.curve_.training) < 0.0).all()
    assert path.curve_.passes.shape == path.curve_.iterations.shape == (1, 3)


@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_96_models_take_a_small_multiple_of_the_passes_of_the_costliest(scale):
    X, y = load_digits(return_X_y=True)
    path = SoftmaxRegressionPath().fit(X / scale, y)
    costliest = SoftmaxRegression(C=1e6).fit(X / scale, y).history_[-1].passes
    assert path.curve_.largest_gap <= 1e-6
    assert path.curve_.passes.sum() < 8.0 * costliest


def test_the_rows_may_begin_in_float32_and_every_model_is_proven_in_float64():
    random = np.random.default_rng(7)
    X = random.normal(size=(6000, 60)).astype(np.float32)
    y = (X[:, :12] + random.gumbel(size=(6000, 12))).argmax(axis=1)
    path = SoftmaxRegressionPath(Cs=np.geomspace(1e-4, 1.0, 6), keep_models=True).fit(X, y)
    for model in path.models_:
        best = SoftmaxRegression(C=model.C, tol=1e-11).fit(X, y)
        assert model.objective_ - best.objective_ + 1e-11 * best.objective_ >= 0.0
        assert model.objective_ - best.objective_ <= model.gap_ + 1e-11 * best.objective_
        assert model.gap_ <= 1e-6 * model.objective_


@pytest.mark.parametrize("Cs", [[1.0, 1.0 + 1e-9, 1.0 + 2e-9, 1e4], [1e4, *np.nextafter(1e4, [2e4, 0]), 1e5]])
def test_values_of_hardly_any_distance_do_not_lead_astray(Cs):
    path = SoftmaxRegressionPath(Cs=Cs).fit(*iris())
    assert path.curve_.largest_gap <= 1e-6


def test_of_equal_validation_losses_the_strongest_penalty_is_chosen():
    X, y = np.zeros((6, 2)), [0, 1, 2, 0, 1, 2]
    path = SoftmaxRegressionPath(Cs=CS).fit(X, y, validation=(X, y))
    assert np.ptp(path.curve_.validation) == 0.0
    assert min(CS) == path.best_.C


def test_validation_rows_are_measured_in_blocks(monkeypatch):
    X, y = iris()
    whole = SoftmaxRegressionPath(Cs=CS).fit(X, y, validation=(X, y)).curve_.validation
    monkeypatch.setattr(sweeps, "_BLOCK", 4 * 7)
    blocks = SoftmaxRegressionPath(Cs=CS).fit(X, y, validation=(X, y)).curve_.validation
    np.testing.assert_allclose(blocks, whole, rtol=1e-14)


def test_it_is_cloned_and_knows_the_names_of_a_data_frame():
    frame, y = load_iris(return_X_y=True, as_frame=True)
    path = clone(SoftmaxRegressionPath(Cs=CS)).fit(frame, y, validation=(frame, y))
    assert list(path.best_.feature_names_in_) == list(frame.columns)
    assert path.best_.predict(frame).shape == (150,)


def test_each_stage_is_told_and_an_interrupt_leaves_the_fit_before():
    X, y = iris()
    seen, path = [], SoftmaxRegressionPath(Cs=CS).fit(X, y)
    curve = path.curve_

    def on_stage(fold, stage):
        seen.append((fold, stage.C))
        if stage.C == 0.03:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_path(path, X, y, on_stage=on_stage)
    assert seen == [(0, 1e-4), (0, 0.03)]
    assert path.curve_ is curve


def test_an_interrupt_of_a_step_is_raised_on(monkeypatch):
    from crossentropy.linear_model._solvers import _descent

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(_descent, "search", interrupted)
    with pytest.raises(KeyboardInterrupt):
        SoftmaxRegressionPath(Cs=CS).fit(*iris())


def test_what_falls_short_of_the_tolerance_is_said_once():
    with pytest.warns(ConvergenceWarning) as caught:
        path = SoftmaxRegressionPath(Cs=[1e-6, 1e3, 1e4], max_iter=2).fit(*iris())
    largest = path.curve_.largest_gap
    assert [str(warning.message) for warning in caught] == [
        "SoftmaxRegressionPath: expected objectives within 1e-06 of their minima, "
        f"got 2 of 3 farther, up to {largest:.2g}, from C = 1000 on; "
        "leave out the largest C, or raise max_iter, or tol if that is close enough"
    ]


FIT = partial(lambda path, **options: path.fit(*iris(), **options))


@pytest.mark.parametrize(
    ("Cs", "error", "message"),
    [
        (
            Cs,
            ValueError,
            f"Cs: expected a list of numbers above 0, or how many of them, at least 2, got {Cs!r}; "
            "pass for example [0.01, 1.0, 100.0], or 96",
        )
        for Cs in (1, 0, [], "0.1", 2.5, True, None)
    ]
    + [([1.0, -1.0], ValueError, "Cs[1]: expected a finite number above 0, got -1.0; pass one such number")],
)
def test_costs_that_are_none(Cs, error, message):
    with pytest.raises(error) as caught:
        FIT(SoftmaxRegressionPath(Cs=Cs))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("validation", "message"),
    [
        (
            [1.0],
            "validation: expected a tuple (X, y) of rows and their targets, got list; pass both in one tuple",
        ),
        (
            (np.full((1, 4), np.nan), [0]),
            "X, row 0, column 0 (counted from 0): expected a finite number, got NaN; fill in or remove that row",
        ),
        (
            (np.zeros((2, 4)), [0, 7]),
            "y, row 1 (counted from 0): expected one of the model's classes 0, 1, 2, got 7; correct it, "
            "or fit the model with rows of that class",
        ),
        (
            (np.zeros((2, 4)), [0]),
            "Found input variables with inconsistent numbers of samples: [2, 1]",
        ),
    ],
)
def test_validation_rows_that_are_none(validation, message):
    with pytest.raises(ValueError) as caught:
        FIT(SoftmaxRegressionPath(Cs=CS), validation=validation)
    assert str(caught.value) == message
