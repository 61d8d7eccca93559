"""Fits without a penalty: the optimum, what is known of it, and that there need not be any."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression
from tests.linear_model.test_objectives import PROBLEMS, points, problem, smooth

INF = float("inf")

REFUSED = (
    "C: expected a finite number where a linear function of X separates classes of y, got inf, and coefficients that "
    "lower the loss the larger they are, without end; pass a finite C"
)


def rows(count=200):
    random = np.random.default_rng(0)
    X = random.normal(size=(count, 3))
    logits = X @ random.normal(size=(3, 3))
    return X * [1.0, 100.0, 0.01] + [0.0, 3.0, 5.0], (logits + random.gumbel(size=logits.shape)).argmax(axis=1)


def targets(y):
    soft = np.random.default_rng(1).dirichlet(np.ones(3), len(y))
    return {
        "labels": (SoftmaxRegression, y),
        "soft": (SoftmaxRegression, soft),
        "binary": (LogisticRegression, y == 0),
        "multi-label": (LogisticRegression, np.eye(3)[y]),
        "soft multi-label": (LogisticRegression, soft),
    }


def lowest(estimator, X, y, fit_intercept):
    """By a general solver."""
    X = (X - X.mean(axis=0) * fit_intercept) / X.std(axis=0)
    X = np.column_stack([X, np.full(len(X), float(fit_intercept))])
    t = y if y.ndim == 2 else np.eye(3)[y] if estimator is SoftmaxRegression else y[:, None] * 1.0

    def loss(flat):
        z = X @ flat.reshape(4, -1)
        if estimator is SoftmaxRegression:
            log_sum = np.logaddexp.reduce(z, axis=1, keepdims=True)
            return np.sum(t * (log_sum - z)), (X.T @ (np.exp(z - log_sum) - t)).ravel()
        return np.sum(np.logaddexp(0.0, z) - t * z), (X.T @ (1.0 / (1.0 + np.exp(-z)) - t)).ravel()

    return minimize(loss, np.zeros(4 * t.shape[1]), jac=True, method="BFGS", options={"gtol": 1e-6}).fun


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", targets(rows()[1]))
def test_it_is_the_optimum_of_the_losses_alone(kind, fit_intercept):
    X, y = rows()
    estimator, y = targets(y)[kind]
    best = lowest(estimator, X, y, fit_intercept)
    for form in (np.asarray, sparse.csr_matrix):
        model = estimator(C=INF, fit_intercept=fit_intercept).fit(form(X), y)
        assert model.gap_ <= 1e-6 * model.objective_
        assert model.objective_ == pytest.approx(best, rel=1e-8)
        # a ratio of penalties that are not there
        again = estimator(C=np.float64(INF), l1_ratio=1.0, fit_intercept=fit_intercept).fit(form(X), y)
        np.testing.assert_array_equal(again.coef_, model.coef_)


@pytest.mark.parametrize("name", PROBLEMS)
def test_no_point_nearby_is_lower_by_more_than_the_gap(name):
    objective, _ = problem(name, C=INF)
    best = minimize(smooth(objective), objective.first.point.ravel(), jac=True, method="BFGS")
    assert best.fun <= objective.first.objective
    for point in (objective.first.point, *points(objective)):
        found = objective.evaluate(point, single=False)
        away = objective.without_offset(best.x.reshape(point.shape)) - point
        distance, reach = float(np.linalg.norm(away)), 1.0 + float(np.linalg.norm(point))
        assert found.objective - best.fun <= found.gap * max(distance / reach, 1.0) * (1.0 + 1e-9)
        nearer = objective.evaluate(point + away * min(1.0, reach / distance), single=False)
        assert found.objective - nearer.objective <= found.gap * (1.0 + 1e-9)


@pytest.mark.parametrize("kind", targets(rows()[1]))
def test_copies_and_constants_are_welcome(kind):
    X, y = rows()
    estimator, y = targets(y)[kind]
    plain = estimator(C=INF, tol=1e-8).fit(X, y)
    more = estimator(C=INF, tol=1e-8).fit(np.column_stack([X, X[:, 0], np.full(len(X), 3.0)]), y)
    assert more.objective_ == pytest.approx(plain.objective_, rel=1e-8)
    np.testing.assert_allclose(more.coef_[:, 0] + more.coef_[:, 3], plain.coef_[:, 0], atol=1e-3)


@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (SoftmaxRegression, lambda X, y: (X[:, 0] > 0.0) + (X[:, 0] > 1.0)),
        (LogisticRegression, lambda X, y: X[:, 0] > 0.0),
        # one class alone, the others overlap
        (SoftmaxRegression, lambda X, y: np.where(X[:, 0] > 0.5, 2, y % 2)),
        # one output alone
        (LogisticRegression, lambda X, y: np.column_stack([y == 0, X[:, 0] > 0.5]) * 1),
    ],
    ids=["classes", "two classes", "one class", "one output"],
)
def test_classes_that_are_separated_have_no_optimum(estimator, y):
    X, labels = rows()
    with pytest.raises(ValueError, match=f"^{re.escape(REFUSED)}$"):
        estimator(C=INF).fit(X, y(X, labels))


@pytest.mark.parametrize("estimator", [SoftmaxRegression, LogisticRegression])
def test_ties_on_the_boundary_do_not_help(estimator):
    X = np.array([[-2.0], [-1.0], [0.0], [0.0], [1.0], [2.0]])
    with pytest.raises(ValueError, match=f"^{re.escape(REFUSED)}$"):
        estimator(C=INF).fit(X, [0, 0, 0, 1, 1, 1])
    # one row on the other side does, unless it weighs nothing
    y = [1, 0, 0, 1, 1, 1]
    assert estimator(C=INF).fit(X, y).gap_ < 1e-4
    with pytest.raises(ValueError, match=f"^{re.escape(REFUSED)}$"):
        estimator(C=INF).fit(X, y, [0.0, 1.0, 1.0, 1.0, 1.0, 1.0])


def test_blocks_of_rows_are_looked_at_together():
    """Each half alone is separated, both are not; and then with ties alone."""
    X = np.array([[-2.0], [-1.0], [0.0], [0.0], [1.0], [2.0]] * 2)
    for y, is_separated in (([0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0], False), ([0, 0, 0, 1, 1, 1] * 2, True)):
        halves = [(X[:6], np.array(y[:6])), (X[6:], np.array(y[6:]))]
        if is_separated:
            with pytest.raises(ValueError, match=f"^{re.escape(REFUSED)}$"):
                LogisticRegression(C=INF).fit_blocks(halves)
        else:
            assert np.isfinite(LogisticRegression(C=INF).fit_blocks(halves).objective_)


def test_uncertain_targets_are_never_separated():
    X, _ = rows()
    y = np.where(X[:, 0] > 0.0, 0.999, 0.001)
    assert abs(LogisticRegression(C=INF).fit(X, y).coef_).max() > 0.0
    model = SoftmaxRegression(C=INF, label_smoothing=0.1).fit(X, X[:, 0] > 0.0)
    assert model.gap_ <= 1e-6 * model.objective_


def test_of_many_rows_ties_are_not_proven():
    """The loss is near its infimum all the same, and coefficients are large."""
    random = np.random.default_rng(2)
    X = random.normal(size=(8000, 20))
    X[::2, 0] = 0.0
    y = np.where(X[:, 0] == 0.0, random.random(8000) < 0.5, X[:, 0] > 0.0)
    model = LogisticRegression(C=INF).fit(X, y)
    half = X[:, 0] == 0.0
    assert model.objective_ == pytest.approx(LogisticRegression(C=INF).fit(X[half], y[half]).objective_, rel=1e-4)
    assert abs(model.coef_[0, 0]) > 100.0 * abs(model.coef_[0, 1:]).max()


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_model_without_a_penalty_survives_its_file_and_scikit_learn(tmp_path, fit_intercept):
    X, y = rows()
    model = SoftmaxRegression(C=INF, fit_intercept=fit_intercept).fit(X, y)
    model.save(tmp_path / "model")
    loaded = SoftmaxRegression.load(tmp_path / "model")
    assert loaded.get_params() == model.get_params()
    assert (loaded.objective_, loaded.gap_) == (model.objective_, model.gap_)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert b"Infinity" not in (tmp_path / "model").read_bytes()
    back = SoftmaxRegression.from_sklearn(model.to_sklearn())
    assert (back.C, back.l1_ratio) == (INF, 0.0)
    np.testing.assert_allclose(back.predict_proba(X), model.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("C", [-INF, float("nan")])
def test_promise_24_other_numbers_that_are_not_finite(C):
    with pytest.raises(ValueError, match=f"^C: expected a finite number above 0, got {C!r}; pass one such number$"):
        SoftmaxRegression(C=C).fit(np.eye(2), [0, 1])
