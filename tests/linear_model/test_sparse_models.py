"""Fits with an L1 penalty, alone and beside L2: the optimum, zeros that are zeros, and the proof."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import crossentropy as ce
from crossentropy.linear_model import LogisticRegression, SoftmaxRegression

ESTIMATORS = {"softmax": SoftmaxRegression, "logistic": LogisticRegression}
every_estimator = pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)

CHECKS = [
    pytest.param(estimator, check, id=getattr(check, "func", check).__name__)
    for estimator, check in estimator_checks_generator(SoftmaxRegression(l1_ratio=1.0))
    if getattr(check, "func", check).__name__ != "check_array_api_input"
]


# The checks set max_iter to 5.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


def iris(estimator):
    X, y = load_iris(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    return (X, y) if estimator is SoftmaxRegression else (X[y > 0], y[y > 0])


def wide(rows=60, features=3000):
    """Too many features for a matrix of all."""
    random = np.random.default_rng(3)
    X = random.normal(size=(rows, features)) * (random.random((rows, features)) < 0.2)
    return X, (X[:, :3] + random.gumbel(size=(rows, 3)) / 3.0).argmax(axis=1)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l1_ratio", [0.6, 1.0])
@every_estimator
def test_it_is_the_model_of_scikit_learn(estimator, l1_ratio, fit_intercept):
    X, y = iris(estimator)
    X = np.hstack([X, np.random.default_rng(0).normal(size=X.shape)])
    parameters = {"C": 0.1, "l1_ratio": l1_ratio, "fit_intercept": fit_intercept}
    ours = estimator(tol=1e-10, **parameters).fit(X, y)
    theirs = Theirs(solver="saga", tol=1e-8, max_iter=10_000, random_state=0, **parameters).fit(X, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)
    assert 0 < np.count_nonzero(ours.coef_) < ours.coef_.size
    np.testing.assert_array_equal(ours.coef_ == 0.0, abs(theirs.coef_) < 1e-5)
    losses = -np.log(theirs.predict_proba(X)[np.arange(len(y)), y - y.min()])
    penalty = (1.0 - l1_ratio) / 2.0 * np.sum(theirs.coef_**2) + l1_ratio * np.sum(abs(theirs.coef_))
    assert ours.objective_ == pytest.approx(0.1 * np.sum(losses) + penalty, rel=1e-7)


@pytest.mark.parametrize("C", [0.1, 30.0])
@pytest.mark.parametrize("l1_ratio", [0.3, 0.99, 1.0])
@every_estimator
def test_a_fit_is_as_near_the_optimum_as_it_says(estimator, l1_ratio, C):
    X, y = load_iris(return_X_y=True)
    X, y = X * [1.0, 100.0, 0.01, 1.0], y if estimator is SoftmaxRegression else y == 1
    model, best = (estimator(C=C, l1_ratio=l1_ratio, tol=tol).fit(X, y) for tol in (1e-6, 1e-9))
    assert best.gap_ <= 1e-9 * best.objective_
    assert -best.gap_ <= model.objective_ - best.objective_ <= model.gap_ <= 1e-6 * model.objective_
    assert [record.gap for record in model.history_][-1] == model.gap_
    assert model.history_[-1].gradient_norm < 1e-3 * model.history_[0].gradient_norm


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@every_estimator
def test_more_features_than_rows(estimator, l1_ratio):
    X, y = wide()
    y = y if estimator is SoftmaxRegression else np.eye(3)[y]
    dense = estimator(l1_ratio=l1_ratio).fit(X, y)
    found = estimator(l1_ratio=l1_ratio).fit(sparse.csr_matrix(X), y)
    for model in (dense, found):
        assert model.gap_ <= 1e-6 * model.objective_
        assert 0 < np.count_nonzero(model.coef_) < 0.2 * model.coef_.size
    assert abs(dense.objective_ - found.objective_) <= dense.gap_ + found.gap_
    np.testing.assert_allclose(dense.coef_, found.coef_, atol=1e-3)


def large():
    """Enough for a fit to begin in float32."""
    random = np.random.default_rng(7)
    X = random.normal(size=(6000, 60)) + 10.0
    logits = (X - 10.0)[:, :20] @ random.normal(size=(20, 12)) / 3.0
    return X, (logits + random.gumbel(size=logits.shape)).argmax(axis=1)


def test_promise_21_a_large_fit_is_proven_and_the_same_with_any_number_of_threads():
    X, y = large()
    first = SoftmaxRegression(C=0.01, l1_ratio=1.0).fit(X, y)
    assert first.gap_ <= 1e-6 * first.objective_
    assert np.count_nonzero(first.coef_[:, 20:]) == 0
    before = ce.get_num_threads()
    try:
        for threads in (1, 3):
            ce.set_num_threads(threads)
            again = SoftmaxRegression(C=0.01, l1_ratio=1.0).fit(X, y)
            np.testing.assert_array_equal(first.coef_, again.coef_)
    finally:
        ce.set_num_threads(before)


@every_estimator
def test_a_penalty_that_outweighs_the_data_leaves_the_frequencies(estimator):
    X, y = iris(estimator)
    model = estimator(C=1e-4, l1_ratio=1.0).fit(X, y)
    assert np.count_nonzero(model.coef_) == 0
    frequencies = np.bincount(y - y.min()) / len(y)
    np.testing.assert_allclose(model.predict_proba(X[:1])[0], frequencies, rtol=1e-6)


@every_estimator
def test_a_row_of_weight_2_is_that_row_twice(estimator):
    X, y = iris(estimator)
    s = np.random.default_rng(10).integers(1, 4, len(y))
    weighted = estimator(l1_ratio=1.0, tol=1e-10).fit(X, y, s)
    repeated = estimator(l1_ratio=1.0, tol=1e-10).fit(X.repeat(s, axis=0), y.repeat(s))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-6)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(weighted.coef_ == 0.0, repeated.coef_ == 0.0)


@every_estimator
def test_constant_features_get_no_coefficient_and_copies_share_theirs(estimator):
    X, y = iris(estimator)
    plain = estimator(l1_ratio=1.0, tol=1e-9).fit(X, y)
    more = estimator(l1_ratio=1.0, tol=1e-9).fit(np.hstack([X, np.full((len(X), 1), 7.0), X]), y)
    assert np.count_nonzero(more.coef_[:, 4]) == 0
    assert more.objective_ == pytest.approx(plain.objective_, rel=2e-9)
    np.testing.assert_allclose(more.coef_[:, :4] + more.coef_[:, 5:], plain.coef_, atol=1e-3)


def test_fewer_rows_than_classes_have_coefficients_and_whole_numbers():
    X = np.random.default_rng(11).integers(-2, 3, (8, 30))
    models = [SoftmaxRegression(C=10.0, l1_ratio=1.0).fit(X.astype(kind), np.arange(8)) for kind in (int, object)]
    assert models[0].gap_ <= 1e-6 * models[0].objective_
    assert models[0].predict(X).tolist() == list(range(8))
    np.testing.assert_array_equal(models[0].coef_, models[1].coef_)


@every_estimator
def test_a_warm_start_begins_where_the_last_fit_ended(estimator):
    X, y = iris(estimator)
    model = estimator(l1_ratio=1.0, warm_start=True).fit(X, y)
    assert model.n_iter_ > 0
    zeros = model.coef_ == 0.0
    assert model.fit(X, y).n_iter_ == 0
    np.testing.assert_array_equal(model.coef_ == 0.0, zeros)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("l1_ratio", [0.25, 1.0])
def test_to_scikit_learn_and_back(classes, l1_ratio):
    X, y = load_iris(return_X_y=True)
    X, y = StandardScaler().fit_transform(X)[y < classes], y[y < classes]
    ours = SoftmaxRegression(C=0.5, l1_ratio=l1_ratio, tol=1e-9).fit(X, y)
    theirs = ours.to_sklearn()
    back = SoftmaxRegression.from_sklearn(theirs)
    assert (back.C, back.l1_ratio) == pytest.approx((0.5, l1_ratio), rel=1e-12)
    np.testing.assert_allclose(back.predict_proba(X), ours.predict_proba(X), atol=1e-12)
    coef = theirs.coef_.copy()
    theirs.set_params(tol=1e-8, random_state=0, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(theirs.coef_, coef, atol=1e-3)


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [("l2", (0.5, 0.0)), ("l1", (0.5, 1.0)), ("elasticnet", (0.5, 0.3)), (None, (np.inf, 0.0))],
)
def test_penalties_of_older_versions_of_scikit_learn(penalty, expected):
    theirs = Theirs(C=0.5).fit(*iris(SoftmaxRegression))
    theirs.penalty, theirs.l1_ratio = penalty, 0.3
    ours = SoftmaxRegression.from_sklearn(theirs)
    assert (ours.C, ours.l1_ratio) == expected


def test_a_file_keeps_the_zeros(tmp_path):
    X, y = iris(SoftmaxRegression)
    model = SoftmaxRegression(C=0.3, l1_ratio=0.7).fit(X, y)
    model.save(tmp_path / "model")
    loaded = SoftmaxRegression.load(tmp_path / "model")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.coef_, model.coef_)


@pytest.mark.parametrize(
    ("l1_ratio", "error", "received"),
    [(-0.1, ValueError, "-0.1"), (1.5, ValueError, "1.5"), (np.nan, ValueError, "nan"), ("1", TypeError, "'1'")],
)
@every_estimator
def test_promise_24_the_ratio_is_between_0_and_1(estimator, l1_ratio, error, received):
    message = f"l1_ratio: expected a finite number at least 0 and at most 1, got {received}; pass one such number"
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        estimator(l1_ratio=l1_ratio).fit(np.eye(2), [0, 1])
