"""A fit that is interrupted keeps the best point it has reached, and the interrupt goes on to the caller."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from crossentropy.linear_model import SoftmaxRegression, SoftmaxRegressionCV, SoftmaxRegressionPath, _solvers
from crossentropy.linear_model._estimator import fit_linear

SOLVERS = str(Path(_solvers.__file__).parent)


def small():
    return load_iris(return_X_y=True)


def sparse_rows():
    X, y = load_iris(return_X_y=True)
    return csr_matrix(X - 3.0), y


def large():
    """Enough for a fit to begin in float32."""
    random = np.random.default_rng(3)
    X = random.normal(size=(6000, 60))
    return X, (X[:, :12] + random.gumbel(size=(6000, 12))).argmax(axis=1)


def check_consistency(model, X, y, rtol=1e-9):
    """That the model is what its attributes say."""
    last = model.history_[-1]
    iterations = [record.iteration for record in model.history_]
    if model.solver == "dual":  # which looks at the objective after some epochs
        assert iterations == sorted({0, *iterations, model.n_iter_})
    else:
        assert iterations == list(range(model.n_iter_ + 1))
    assert (last.objective, last.gap) == (model.objective_, model.gap_)
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    assert model.loss(X, y) == pytest.approx(last.cross_entropy, rel=rtol)
    objective = model.C * len(y) * model.loss(X, y) + np.sum(model.coef_**2) / 2
    assert model.objective_ == pytest.approx(objective, rel=rtol)
    assert model.predict_proba(X).shape == (len(y), len(model.classes_))


@pytest.mark.parametrize("iteration", [0, 3])
@pytest.mark.parametrize("data", [small, large])
def test_an_interrupted_fit_is_the_model_so_far(data, iteration):
    interrupt, seen = KeyboardInterrupt(), []

    def on_iteration(record):
        seen.append(record)
        if record.iteration == iteration:
            raise interrupt

    X, y = data()
    model = SoftmaxRegression()
    with pytest.raises(KeyboardInterrupt) as raised:
        fit_linear(model, X, y, on_iteration=on_iteration)
    assert raised.value is interrupt
    assert model.n_iter_ == iteration
    assert model.history_[:-1] == tuple(seen[:-1])
    assert model.objective_ == seen[-1].objective
    check_consistency(model, X, y, rtol=1e-6)  # perhaps by products of float32
    best = SoftmaxRegression(tol=1e-12).fit(X, y).objective_
    assert 1e-6 * best < model.objective_ - best <= model.gap_


@pytest.mark.parametrize(("data", "solver"), [(small, "auto"), (sparse_rows, "dual")])
def test_an_interrupt_may_come_at_any_line_of_the_solver(data, solver):
    X, y = data()
    complete = SoftmaxRegression(tol=1e-9, solver=solver).fit(X, y)
    lines = interrupted_at(None, SoftmaxRegression(tol=1e-9, solver=solver), X, y)
    iterations = []
    for line in np.linspace(0, lines - 1, 60, dtype=int):
        model = SoftmaxRegression(tol=1e-9, solver=solver)
        with pytest.raises(KeyboardInterrupt):
            interrupted_at(line, model, X, y)
        check_consistency(model, X, y)
        assert 0.0 <= model.objective_ - complete.objective_ + 1e-9 <= model.gap_ + 2e-9
        iterations.append(model.n_iter_)
    assert iterations == sorted(iterations)
    assert (iterations[0], iterations[-1]) == (0, complete.n_iter_)


def interrupted_at(line, model, X, y):
    """Fit, with an interrupt at so many lines of the solver after it has begun to record; how many lines there were."""
    lines = 0
    recording = False

    def trace(frame, event, _):
        nonlocal lines, recording
        if not frame.f_code.co_filename.startswith(SOLVERS):
            return None
        recording = recording or frame.f_code.co_name == "record"
        if recording and event == "line":
            lines += 1
            if lines - 1 == line:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        model.fit(X, y)
    finally:
        sys.settrace(before)
    return lines


def test_an_interrupt_before_the_solver_leaves_no_model(monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("crossentropy.linear_model.softmax_regression.SoftmaxObjective", interrupt)
    model = SoftmaxRegression()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*small())
    assert not hasattr(model, "coef_")
    with pytest.raises(NotFittedError):
        model.predict(small()[0])


@pytest.mark.parametrize("kind", [SoftmaxRegressionPath, SoftmaxRegressionCV])
def test_an_interrupted_sweep_is_not_fitted(kind, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("crossentropy.linear_model._sweep.minimise", interrupt)
    model = kind(Cs=[1.0])
    with pytest.raises(KeyboardInterrupt):
        model.fit(*small())
    with pytest.raises(NotFittedError):
        check_is_fitted(model)
