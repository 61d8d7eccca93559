from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression as Theirs
from sklearn.metrics import log_loss

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression
from crossentropy.linear_model._estimator import fit_linear


def data():
    X, y = load_breast_cancer(return_X_y=True)
    return X, y


def weights(rows):
    return np.random.default_rng(0).integers(0, 4, rows) / 2.0


def labels(X, count=3, seed=1):
    """Several labels of each row, that the features say something of."""
    random = np.random.default_rng(seed)
    standard = (X - X.mean(axis=0)) / X.std(axis=0)
    noise = 2.0 * random.normal(size=(len(X), count))
    return (standard @ random.normal(size=(X.shape[1], count)) / 3.0 + noise > 0.0).astype(np.int64)


@pytest.mark.parametrize(
    ("parameters", "weighted"),
    [({}, False), ({"C": 0.01}, True), ({"C": 100.0, "fit_intercept": False}, False)],
)
def test_it_is_the_model_of_scikit_learn(parameters, weighted):
    X, y = data()
    sample_weight = weights(len(y)) if weighted else None
    ours = LogisticRegression(tol=1e-12, **parameters).fit(X, y, sample_weight)
    theirs = Theirs(solver="newton-cholesky", tol=1e-12, **parameters).fit(X, y, sample_weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    chosen = theirs.predict_proba(X)[np.arange(len(y)), y]
    objective = ours.C * np.sum(s * -np.log(chosen)) + np.sum(theirs.coef_**2) / 2
    assert ours.objective_ == pytest.approx(objective, rel=1e-6)


def test_it_is_the_softmax_of_two_classes_at_half_the_weight():
    X, y = data()
    one, two = LogisticRegression(tol=1e-12).fit(X, y), SoftmaxRegression(C=0.5, tol=1e-12).fit(X, y)
    np.testing.assert_allclose(one.predict_proba(X), two.predict_proba(X), atol=1e-6)
    assert one.objective_ == pytest.approx(2.0 * two.objective_, rel=1e-9)


def test_several_labels_are_as_many_models():
    X, _ = data()
    y, s = labels(X), weights(len(X))
    together = LogisticRegression(tol=1e-12).fit(X, y, s)
    apart = [LogisticRegression(tol=1e-12).fit(X, column, s) for column in y.T]
    np.testing.assert_allclose(together.coef_, np.vstack([one.coef_ for one in apart]), rtol=1e-4, atol=1e-6)
    assert together.objective_ == pytest.approx(sum(one.objective_ for one in apart), rel=1e-9)
    assert together.classes_.tolist() == [0, 1, 2]
    assert together.predict_proba(X).shape == together.decision_function(X).shape == y.shape
    np.testing.assert_allclose(
        together.predict_proba(X), np.column_stack([one.predict_proba(X)[:, 1] for one in apart]), atol=1e-6
    )
    np.testing.assert_array_equal(together.predict(X), (together.predict_proba(X) > 0.5).astype(int))
    assert together.loss(X, y, s) == pytest.approx(np.mean([a.loss(X, c, s) for a, c in zip(apart, y.T, strict=True)]))


def test_a_probability_is_a_share_of_both_labels():
    X, y = data()
    share = np.random.default_rng(2).random(len(y))
    ours = LogisticRegression(tol=1e-12).fit(X, share)
    both = LogisticRegression(tol=1e-12).fit(
        np.vstack([X, X]), np.repeat([1, 0], len(y)), np.concatenate([share, 1.0 - share])
    )
    assert ours.classes_.tolist() == [0, 1]
    np.testing.assert_allclose(ours.coef_, both.coef_, rtol=1e-4, atol=1e-7)
    assert ours.loss(X, share) == pytest.approx(
        both.loss(np.vstack([X, X]), np.repeat([1, 0], len(y)), np.concatenate([share, 1.0 - share])), rel=1e-6
    )
    several = LogisticRegression(tol=1e-12).fit(X, np.column_stack([share, share**2]))
    np.testing.assert_allclose(several.coef_[0], ours.coef_[0], rtol=1e-4, atol=1e-7)


def test_a_weight_of_what_is_positive_weighs_its_rows():
    X, y = data()
    ours = LogisticRegression(pos_weight=3.0, tol=1e-12).fit(X, y)
    rows = LogisticRegression(tol=1e-12).fit(X, y, np.where(y == 1, 3.0, 1.0))
    np.testing.assert_allclose(ours.coef_, rows.coef_, rtol=1e-4, atol=1e-7)
    assert ours.objective_ == pytest.approx(rows.objective_, rel=1e-9)
    several = labels(X)
    each = LogisticRegression(pos_weight=[0.5, 1.0, 4.0], tol=1e-12).fit(X, several)
    last = LogisticRegression(pos_weight=4.0, tol=1e-12).fit(X, several[:, 2])
    np.testing.assert_allclose(each.coef_[2], last.coef_[0], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("weight", [0.08, 0.3, 3.0, 1e3, 1e-6])
def test_a_weight_moves_no_probability_out_of_its_range(weight):
    share = np.array([1.0, 0.5, 0.0, 1.0])
    model = LogisticRegression(pos_weight=weight)
    _, targets = model._training(share, None)
    assert targets.problem.targets[[0, 3], 0].tolist() == [1.0, 1.0]
    model.fit(np.array([[0.0], [1.0], [2.0], [1.5]]), share)
    assert model.gap_ <= 1e-6 * model.objective_


@pytest.mark.parametrize("names", [["benign", "malign"], [False, True], [-1, 1], [2.0, 7.0]])
def test_labels_are_of_any_kind(names):
    X, y = data()
    plain, model = LogisticRegression().fit(X, y), LogisticRegression().fit(X, np.array(names)[y])
    assert model.classes_.tolist() == names
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    np.testing.assert_array_equal(model.predict(X), np.array(names)[plain.predict(X)])
    assert model.loss(X, np.array(names)[y]) == plain.loss(X, y)


def test_predictions_agree_with_one_another():
    X, y = data()
    model = LogisticRegression().fit(X, y)
    logits = X @ model.coef_[0] + model.intercept_[0]
    np.testing.assert_allclose(model.decision_function(X), logits, rtol=1e-9)
    np.testing.assert_allclose(model.predict_proba(X)[:, 1], 1.0 / (1.0 + np.exp(-logits)), rtol=1e-9)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X), rtol=1e-9)
    assert model.loss(X, y) == pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-9)
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float32
    assert np.isfinite(model.predict_log_proba(1e6 * X)).all()


def test_a_large_fit_is_as_near_the_optimum_as_it_says():
    random = np.random.default_rng(7)
    X = (random.normal(size=(50_000, 100)) * np.logspace(0, 3, 100) + 10.0).astype(np.float32)
    y = (X - 10.0) / np.logspace(0, 3, 100) @ random.normal(size=100) / 5.0 + random.logistic(size=len(X)) > 0.0
    seen = []
    model = fit_linear(LogisticRegression(), X, y, on_iteration=seen.append)
    assert tuple(seen[:-1]) == model.history_[:-1]
    exact = LogisticRegression(tol=1e-13).fit(X, y)
    assert -1e-12 * exact.objective_ <= model.objective_ - exact.objective_ <= model.gap_ <= 1e-6 * model.objective_
    thin = sparse.csr_matrix(X)
    assert LogisticRegression().fit(thin, y).objective_ == pytest.approx(exact.objective_, rel=1e-6)
    assert LogisticRegression(warm_start=True).set_params(tol=1e-6).fit(X, y).n_iter_ <= 12


def test_a_warm_start_begins_where_the_last_fit_ended():
    X, y = data()
    model = LogisticRegression(warm_start=True).fit(X, y)
    assert model.fit(X, y).n_iter_ <= 1


SQUARE = np.eye(3)


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        (
            {},
            [0, 1, 2],
            "y: expected two classes, or one column of 0 and 1 for each of several labels, got 3 classes; "
            "use SoftmaxRegression for these (Only binary classification is supported.)",
        ),
        ({}, [1, 1, 1], "y: expected at least two classes, got one class, 1; add rows of another class"),
        (
            {},
            [[0, 1], [1, 1], [0, 1]],
            "y, column 1 (counted from 0): expected a positive total weight of positive and of negative rows, "
            "got zero of negative ones; remove that column, or pass fit_intercept=False",
        ),
        (
            {},
            [[0, 1], [0, 2], [0, 1]],
            "y, row 1, column 1 (counted from 0): expected 0, 1 or a probability between them, got 2; "
            "correct it, or use SoftmaxRegression for classes that exclude each other",
        ),
        (
            {"pos_weight": 0.0},
            [0, 1, 1],
            "pos_weight: expected a finite number above 0, got 0.0; pass one such number",
        ),
        (
            {"pos_weight": [1.0, 2.0]},
            [0, 1, 1],
            "pos_weight: expected shape (1,) (one weight per output, or a single number), got shape (2,); "
            "reshape or broadcast it yourself, so that nothing is paired by accident",
        ),
    ],
)
def test_promise_24_bad_input_to_fit(parameters, y, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LogisticRegression(**parameters).fit(SQUARE, y)


def test_promise_24_rows_of_one_label_alone_have_no_weight():
    message = (
        "sample_weight: expected a positive total weight in each class, got zero for class 1; "
        "weigh its rows above 0, or remove them"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LogisticRegression().fit(SQUARE, [0, 1, 0], [1.0, 0.0, 1.0])


def test_without_an_intercept_a_label_may_be_on_every_row():
    model = LogisticRegression(fit_intercept=False).fit(SQUARE, [[0, 1], [1, 1], [0, 1]])
    assert model.gap_ <= 1e-6 * model.objective_
    assert (model.predict_proba(SQUARE)[:, 1] > 0.5).all()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            ["a", "c", "b"],
            "y, row 1 (counted from 0): expected one of the model's classes 'a', 'b', got 'c'; "
            "correct it, or fit the model with rows of that class",
        ),
        (
            [[0, 1], [1, 0], [1, 1]],
            "y: expected shape (3, 1) (probabilities: one column per output), got shape (3, 2); "
            "reshape or broadcast it yourself, so that nothing is paired by accident",
        ),
    ],
)
def test_promise_24_bad_targets_of_a_fitted_model(y, message):
    model = LogisticRegression().fit(SQUARE, ["a", "b", "b"])
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.loss(SQUARE, y)
