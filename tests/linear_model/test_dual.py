"""Dual coordinate ascent: each row's probabilities are the best, and the model is that of other solvers."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import brentq
from scipy.special import expit, wrightomega
from sklearn.exceptions import ConvergenceWarning

import crossentropy as ce
from crossentropy._dual_ascent import DualAscent
from crossentropy._linear import Parameters
from crossentropy.linear_model import LogisticRegression, SoftmaxRegression, SoftmaxRegressionPath
from crossentropy.linear_model._solvers import dual


def rows_of(rows, features, share=0.2, dtype=np.float64):
    X = sparse.random(rows, features, share, format="csr", random_state=0, dtype=dtype)
    X.data -= 0.3
    return X


def problem(rows=1500, features=800, classes=7):
    """Enough for a fit to begin in float32."""
    random = np.random.default_rng(1)
    X = rows_of(rows, features, 0.03)
    signal = X @ random.normal(size=(features, classes)) * 3.0
    return X, (signal + random.gumbel(size=signal.shape)).argmax(axis=1)


def best_duals(u, q, curvature, *, is_exclusive):
    """The minimum of Σ q' log q' (and of what is left of each, where there is one) − u·q' + ½ curvature·‖q' − q‖²."""
    if is_exclusive:
        v = u + curvature * q + np.log(curvature)

        def sums(offset):
            return wrightomega(v - offset).sum() - curvature

        return wrightomega(v - brentq(sums, v.min() - 1e3, v.max() + 1e3, xtol=1e-13)) / curvature

    def logit(u, q, curvature):
        return brentq(lambda z: z + curvature * expit(z) - u - curvature * q, -1e3, 1e3, xtol=1e-13)

    return expit([logit(*one) for one in zip(u, q, curvature, strict=True)])


@pytest.mark.usefixtures("instruction_set")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("strength", [0.01, 1.0, 300.0])
@pytest.mark.parametrize("classes", [1, 2, 7, 8, 9, 20, 70])
@pytest.mark.parametrize("is_exclusive", [True, False])
def test_an_epoch_gives_each_row_its_best_duals(is_exclusive, classes, strength, dtype):
    if is_exclusive and classes == 1:
        return
    random, rows, features, size = np.random.default_rng(2), 25, 30, 0.3
    X = rows_of(rows, features, dtype=dtype)
    X.indices = X.indices.astype(np.int64 if dtype == np.float64 else np.int32)
    weight = strength * random.uniform(0.5, 2.0, size=rows if is_exclusive else (rows, classes))
    weight = weight.astype(np.float32)
    weight[3] = 0.0
    targets = random.dirichlet(np.full(classes, 0.3), size=rows) if is_exclusive else random.random((rows, classes))
    q = random.dirichlet(np.ones(classes), size=rows) if is_exclusive else random.random((rows, classes))
    q = q.astype(np.float32).astype(np.float64)
    wide = np.broadcast_to(weight[:, None] if is_exclusive else weight, q.shape).astype(np.float64)
    coef, intercept = (wide * (targets - q)).T @ X, random.normal(size=classes)
    excess = (wide * (targets - q)).sum(axis=0)
    duals = q.astype(np.float32)
    ascent = DualAscent(
        X, weight=weight, duals=duals, start=Parameters(coef, intercept), excess=excess, intercept_size=size
    )
    order = random.permutation(rows)
    ascent.epoch(order)
    dense = X.toarray().astype(np.float64)
    for row in order:
        x, curvature = dense[row], np.maximum(wide[row] * (dense[row] @ dense[row] + size), 1e-30)
        u = coef @ x + intercept
        best = best_duals(u, q[row], curvature[0] if is_exclusive else curvature, is_exclusive=is_exclusive)
        change = wide[row] * (q[row] - best)
        coef, intercept, excess = coef + np.outer(change, x), intercept + size * change, excess + change
        q[row] = best
    found = ascent.parameters()
    scale = max(1.0, float(np.abs(coef).max()))
    np.testing.assert_allclose(duals, q, rtol=0, atol=1e-5 * scale)
    np.testing.assert_allclose(found.coef, coef, rtol=0, atol=1e-4 * scale)
    np.testing.assert_allclose(found.intercept, intercept + size * excess, rtol=0, atol=1e-4 * scale)


FITS = {
    "labels": (SoftmaxRegression, {}),
    "small C": (SoftmaxRegression, {"C": 1e-3}),
    "large C": (SoftmaxRegression, {"C": 30.0}),
    "weights and smoothing": (SoftmaxRegression, {"class_weight": "balanced", "label_smoothing": 0.1}),
    "no intercept": (SoftmaxRegression, {"fit_intercept": False}),
    "two classes": (LogisticRegression, {}),
    "outputs": (LogisticRegression, {"pos_weight": [2.0, 0.5, 1.0]}),
}


def targets_of(estimator, parameters, y):
    if "pos_weight" in parameters:
        return np.stack([y > 2, y == 1, y < 5], axis=1).astype(np.float64)
    return y if estimator is SoftmaxRegression else (y > 2).astype(int)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("name", FITS)
def test_the_model_is_that_of_another_solver(name, soft):
    (estimator, parameters), (X, y) = FITS[name], problem()
    y = targets_of(estimator, parameters, y)
    if soft:
        y = 0.9 * np.eye(7)[y] + 0.1 / 7 if estimator is SoftmaxRegression else 0.05 + 0.9 * y
    weight = np.linspace(0.0, 2.0, len(y))
    ours = estimator(solver="dual", tol=1e-9, max_iter=1000, **parameters).fit(X, y, weight)
    theirs = estimator(solver="diagonal", tol=1e-9, max_iter=1000, **parameters).fit(X, y, weight)
    assert ours.objective_ == pytest.approx(theirs.objective_, rel=3e-9)
    assert 0.0 <= ours.gap_ <= 1e-9 * ours.objective_
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)


def test_auto_picks_it_for_sparse_rows_and_its_result_is_the_same_for_any_threads():
    X, y = problem()
    chosen, asked = SoftmaxRegression().fit(X, y), SoftmaxRegression(solver="dual").fit(X, y)
    before = ce.get_num_threads()
    try:
        ce.set_num_threads(1)
        alone = SoftmaxRegression(solver="dual").fit(X, y)
    finally:
        ce.set_num_threads(before)
    for other in (asked, alone):
        np.testing.assert_array_equal(other.coef_, chosen.coef_)
        np.testing.assert_array_equal(other.intercept_, chosen.intercept_)
    assert chosen.history_[0].iteration == 0
    assert len(chosen.history_) < chosen.n_iter_
    passes = [record.passes for record in chosen.history_]
    assert passes == sorted(set(passes))
    assert passes[-1] > chosen.n_iter_


def test_rows_that_are_large_beside_the_penalty_are_left_to_a_metric():
    X, y = problem()
    model, metric = (SoftmaxRegression(C=300.0, solver=solver).fit(X, y) for solver in ("auto", "diagonal"))
    np.testing.assert_array_equal(model.coef_, metric.coef_)


def test_what_float32_leaves_is_for_another_solver():
    X, y = problem()
    ours = SoftmaxRegression(solver="dual", tol=1e-12, max_iter=1000).fit(X, y)
    theirs = SoftmaxRegression(solver="diagonal", tol=1e-12, max_iter=1000).fit(X, y)
    assert ours.objective_ == pytest.approx(theirs.objective_, rel=2e-12)


def test_rows_too_large_for_float32_are_left_to_another_solver():
    X, y = problem(rows=60, features=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = SoftmaxRegression(solver="dual", C=1e25, max_iter=60).fit(1e8 * X, y)
    assert np.isfinite(model.coef_).all()
    assert model.gap_ <= model.objective_ < model.history_[0].objective


def test_a_fit_that_is_stopped_early_says_how_far_it_is():
    X, y = problem()
    with pytest.warns(ConvergenceWarning, match="after 2 iterations"):
        model = SoftmaxRegression(solver="dual", max_iter=2).fit(X, y)
    best = SoftmaxRegression(tol=1e-9).fit(X, y).objective_
    assert model.n_iter_ == 2
    assert 0.0 < model.objective_ - best <= model.gap_


def test_it_begins_where_the_model_is():
    X, y = problem()
    model = SoftmaxRegression(solver="dual", warm_start=True).fit(X, y)
    cold, objective = model.n_iter_, model.objective_
    model.fit(X, y)
    assert model.n_iter_ < cold
    assert model.objective_ == pytest.approx(objective, rel=1e-6)
    model.set_params(C=2.0).fit(X, y)
    assert model.objective_ == pytest.approx(SoftmaxRegression(C=2.0).fit(X, y).objective_, rel=2e-6)


def test_a_path_of_it():
    X, y = problem()
    Cs = [0.01, 1.0, 10.0]
    path = SoftmaxRegressionPath(Cs=Cs).fit(X, y)
    best = [SoftmaxRegression(C=C, solver="diagonal", tol=1e-9, max_iter=1000).fit(X, y).objective_ for C in Cs]
    np.testing.assert_allclose(path.curve_.objectives[0], best, rtol=2e-6)


def test_an_interrupt_between_epochs_leaves_the_model_of_the_last(monkeypatch):
    X, y = problem()
    epochs, plain = [], DualAscent.epoch

    def epoch(self, order):
        if len(epochs) == 4:
            raise KeyboardInterrupt
        epochs.append(plain(self, order))
        return epochs[-1]

    monkeypatch.setattr(dual.DualAscent, "epoch", epoch)
    model = SoftmaxRegression(solver="dual")
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    best = SoftmaxRegression(solver="diagonal", tol=1e-9).fit(X, y).objective_
    assert 0.0 < model.objective_ / best - 1.0 < 0.05
    assert model.loss(X, y) == pytest.approx(model.history_[-1].cross_entropy, rel=1e-6)


def test_empty_rows_and_columns_and_rows_without_weight():
    X, y = problem()
    X = sparse.vstack([X, sparse.csr_matrix((5, X.shape[1]))]).tocsr()
    X, y = sparse.hstack([X, sparse.csr_matrix((X.shape[0], 3))]).tocsr(), np.append(y, [0, 1, 2, 3, 4])
    weight = np.ones(len(y))
    weight[::7] = 0.0
    ours, theirs = (
        SoftmaxRegression(solver=solver, tol=1e-8).fit(X, y, sample_weight=weight) for solver in ("dual", "diagonal")
    )
    assert ours.objective_ == pytest.approx(theirs.objective_, rel=2e-8)
    assert not ours.coef_[:, -3:].any()


def test_many_more_rows_than_features_have_no_room_for_duals(monkeypatch):
    X, y = problem(features=300)
    monkeypatch.setattr(dual, "_MOST_BYTES", 4 * 1500 * 7 - 1)
    with pytest.raises(ValueError, match="solver: expected 'dual' where X is sparse"):
        SoftmaxRegression(solver="dual").fit(X, y)
    assert SoftmaxRegression().fit(X, y).gap_ > 0.0
