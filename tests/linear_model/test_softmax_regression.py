from __future__ import annotations

import itertools
import re

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.utils.estimator_checks import estimator_checks_generator

from crossentropy.linear_model import SoftmaxRegression
from crossentropy.linear_model.softmax_regression import fit_softmax

# Whether array API input is taken is not asked: it is not offered.
CHECKS = [
    pytest.param(estimator, check, id=getattr(check, "func", check).__name__)
    for estimator, check in estimator_checks_generator(SoftmaxRegression())
    if getattr(check, "func", check).__name__ != "check_array_api_input"
]


# The checks set max_iter to 5.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


def data(name):
    X, y = {"iris": load_iris, "wine": load_wine, "digits": load_digits}[name](return_X_y=True)
    return (X[::3] / 16.0, y[::3]) if name == "digits" else (X, y)


def weights(rows):
    return np.random.default_rng(0).integers(0, 4, rows) / 2.0


@pytest.mark.parametrize(
    ("name", "parameters", "weighted"),
    [
        ("iris", {}, False),
        ("iris", {"C": 0.01}, False),
        ("iris", {"C": 100.0, "fit_intercept": False}, False),
        ("iris", {"class_weight": {0: 3.0, 2: 0.5}}, True),
        ("iris", {"class_weight": "balanced"}, True),
        ("wine", {}, False),
        ("digits", {}, False),
        ("digits", {"C": 0.1}, True),
    ],
)
def test_it_is_the_model_of_scikit_learn(name, parameters, weighted):
    X, y = data(name)
    sample_weight = weights(len(y)) if weighted else None
    ours = SoftmaxRegression(**parameters).fit(X, y, sample_weight)
    # Its most exact solver, and tighter than its default.
    theirs = LogisticRegression(solver="newton-cg", tol=1e-12, max_iter=10_000, **parameters)
    theirs.fit(X, y, sample_weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-5)
    # Neither model fixes the common offset of the intercepts, which changes nothing.
    intercepts = [model.intercept_ - np.mean(model.intercept_) for model in (ours, theirs)]
    np.testing.assert_allclose(*intercepts, rtol=1e-6, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)

    class_weight = np.ones(len(ours.classes_))
    if ours.class_weight == "balanced":
        mass = np.bincount(y, sample_weight)
        class_weight = mass.sum() / (len(mass) * mass)
    elif ours.class_weight:
        class_weight = np.array([ours.class_weight.get(label, 1.0) for label in ours.classes_])
    rows = class_weight[y] if sample_weight is None else class_weight[y] * sample_weight
    probabilities = theirs.predict_proba(X)[np.arange(len(y)), y]
    objective = ours.C * np.sum(rows * -np.log(probabilities)) + np.sum(theirs.coef_**2) / 2
    assert ours.objective_ == pytest.approx(objective, rel=1e-6)


def test_for_two_classes_it_is_the_model_of_scikit_learn_at_twice_the_weight():
    X, y = data("iris")
    X, y = X[y > 0], y[y > 0]
    ours = SoftmaxRegression(C=0.5).fit(X, y)
    theirs = LogisticRegression(C=1.0, solver="newton-cg", tol=1e-12).fit(X, y)
    assert ours.coef_.shape == (2, 4)
    np.testing.assert_allclose(ours.coef_[1] - ours.coef_[0], theirs.coef_[0], atol=1e-5)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-5)


def test_float32_features_give_the_model_of_their_float64_values():
    X, y = data("iris")
    narrow = X.astype(np.float32)
    ours, wide = SoftmaxRegression().fit(narrow, y), SoftmaxRegression().fit(narrow.astype(np.float64), y)
    assert ours.coef_.dtype == np.float64
    np.testing.assert_array_equal(ours.coef_, wide.coef_)
    np.testing.assert_array_equal(ours.predict_proba(narrow), wide.predict_proba(narrow))


def test_promise_21_the_same_input_gives_the_same_model_bit_for_bit():
    X, y = data("digits")
    first, second = SoftmaxRegression().fit(X, y), SoftmaxRegression().fit(X, y)
    np.testing.assert_array_equal(first.coef_, second.coef_)
    np.testing.assert_array_equal(first.intercept_, second.intercept_)


@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda X: np.repeat(X, 2, axis=0)[::2], lambda X: X.astype(">f8")],
    ids=["Fortran order", "strided", "byte-swapped"],
)
def test_promise_22_the_layout_changes_nothing(change):
    X, y = data("iris")
    changed = change(X)
    changed.flags.writeable = False
    np.testing.assert_allclose(
        SoftmaxRegression().fit(changed, y).coef_, SoftmaxRegression().fit(X, y).coef_, rtol=1e-6
    )


def test_promise_23_fitting_changes_no_input():
    X, y = data("iris")
    inputs = X, y, weights(len(y))
    copies = [array.copy() for array in inputs]
    SoftmaxRegression(class_weight="balanced").fit(*inputs)
    for array, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_labels_may_be_text():
    X, y = data("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    model = SoftmaxRegression().fit(X, names[y])
    assert model.classes_.tolist() == names.tolist()
    assert set(model.predict(X)) <= set(names)
    assert model.score(X, names[y]) > 0.95


def test_the_history_leads_from_the_uniform_distribution_to_the_objective():
    X, y = data("iris")
    seen = []
    model = fit_softmax(SoftmaxRegression(), X, y, on_iteration=seen.append)
    assert model.history_ == tuple(seen)
    assert [record.iteration for record in seen] == list(range(model.n_iter_ + 1))
    assert seen[0].cross_entropy == pytest.approx(np.log(3), rel=1e-14)
    assert seen[0].objective == pytest.approx(150 * np.log(3), rel=1e-14)
    assert seen[-1].objective == model.objective_
    assert seen[-1].cross_entropy == pytest.approx(model.loss(X, y), rel=1e-12)
    assert seen[0].gradient_norm > 1e-8 >= seen[-1].gradient_norm
    for earlier, later in itertools.pairwise(seen):
        assert later.objective < earlier.objective
        assert later.evaluations > earlier.evaluations
        assert later.seconds >= earlier.seconds


def test_predictions_agree_with_one_another():
    X, y = data("iris")
    model = SoftmaxRegression().fit(X, y)
    logits = X @ model.coef_.T + model.intercept_
    np.testing.assert_array_equal(model.decision_function(X), logits)
    exponentials = np.exp(logits)
    np.testing.assert_allclose(
        model.predict_proba(X), exponentials / exponentials.sum(axis=1, keepdims=True), rtol=1e-12
    )
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(model.predict_proba(X)), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(model.predict(X), logits.argmax(axis=1))
    assert model.loss(X, y) == pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-12)
    s = weights(len(y))
    assert model.loss(X, y, s) == pytest.approx(log_loss(y, model.predict_proba(X), sample_weight=s), rel=1e-12)


def test_a_probability_below_float64_keeps_its_logarithm():
    model = SoftmaxRegression().fit([[0.0], [1.0]], [0, 1])
    far = [[1e6]]
    assert model.predict_proba(far)[0, 0] == 0.0
    assert np.isfinite(model.predict_log_proba(far)).all()
    assert np.isfinite(model.loss(far, [0]))


@pytest.mark.parametrize(
    ("parameters", "remedy"),
    [
        ({"max_iter": 3}, "raise max_iter, or tol if that is close enough"),
        ({"tol": 1e-300}, "the objective no longer decreases in float64, so raise tol above that number"),
    ],
)
def test_stopping_short_is_a_warning_that_says_how_far(parameters, remedy):
    X, y = data("iris")
    tol = parameters.get("tol", 1e-8)
    expected = f"SoftmaxRegression: expected a gradient norm of at most {tol:g}"
    message = rf"^{expected}, got [0-9.e-]+ after \d+ iterations; {remedy}$"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        SoftmaxRegression(**parameters).fit(X, y)
    assert caught[0].filename == __file__


NAN, INFINITE = np.eye(3), np.eye(3)
NAN[2, 1], INFINITE[1, 0] = np.nan, -np.inf


@pytest.mark.parametrize(
    ("parameters", "X", "y", "sample_weight", "message"),
    [
        ({"C": 0.0}, np.eye(2), [0, 1], None, "C: expected a finite number above 0, got 0.0; pass one such number"),
        ({"C": -1}, np.eye(2), [0, 1], None, "C: expected a finite number above 0, got -1; pass one such number"),
        ({"tol": 0.0}, np.eye(2), [0, 1], None, "tol: expected a finite number above 0, got 0.0; pass one such number"),
        (
            {"max_iter": 2.5},
            np.eye(2),
            [0, 1],
            None,
            "max_iter: expected an integer of at least 1, got 2.5; pass one such number",
        ),
        (
            {},
            NAN,
            [0, 1, 2],
            None,
            "X, row 2, column 1 (counted from 0): expected a finite number, got NaN; fill in or remove that row",
        ),
        (
            {},
            INFINITE,
            [0, 1, 2],
            None,
            "X, row 1, column 0 (counted from 0): expected a finite number, got -inf; fill in or remove that row",
        ),
        (
            {},
            np.eye(2) * 1e200,
            [0, 1],
            None,
            "X: expected features whose squares float64 can hold, got larger ones in column 0 (counted from 0); "
            "divide that column by its largest value",
        ),
        (
            {},
            np.eye(2),
            ["a", "a"],
            None,
            "y: expected at least two classes, got one class, 'a'; add rows of another class",
        ),
        (
            {},
            np.eye(2),
            [0, 1],
            [1.0],
            "sample_weight: expected shape (2,) (one weight per row of X), got shape (1,); "
            "reshape or broadcast it yourself, so that nothing is paired by accident",
        ),
        (
            {},
            np.eye(2),
            [0, 1],
            [1.0, -2.0],
            "sample_weight, row 1 (counted from 0): expected a finite weight of at least 0, got -2; "
            "correct it, or pass 0 to leave the row out",
        ),
        (
            {},
            np.eye(2),
            ["a", "b"],
            [1.0, 0.0],
            "sample_weight: expected a positive total weight in each class, got zero for class 'b'; "
            "weigh its rows above 0, or remove them",
        ),
        (
            {"class_weight": "equal"},
            np.eye(2),
            [0, 1],
            None,
            "class_weight: expected None, 'balanced' or a dict of weights by class, got 'equal'; pass one of these",
        ),
        (
            {"class_weight": {2: 1.0}},
            np.eye(2),
            [0, 1],
            None,
            "class_weight: expected classes that occur in y, got 2; remove it, or correct its spelling and type",
        ),
        (
            {"class_weight": {1: 0.0}},
            np.eye(2),
            [0, 1],
            None,
            "class_weight[1]: expected a finite number above 0, got 0.0; pass one such number",
        ),
    ],
)
def test_promise_24_bad_input_to_fit(parameters, X, y, sample_weight, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SoftmaxRegression(**parameters).fit(X, y, sample_weight)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        (
            "predict",
            [[[0.0, np.nan]]],
            "X, row 0, column 1 (counted from 0): expected a finite number, got NaN; fill in or remove that row",
        ),
        # The words that scikit-learn's checks ask of every estimator.
        ("predict", [[[0.0]]], "X has 1 features, but SoftmaxRegression is expecting 2 features as input."),
        (
            "loss",
            [np.eye(2), ["a", "c"]],
            "y, row 1 (counted from 0): expected one of the model's classes 'a', 'b', got 'c'; "
            "correct it, or fit the model with rows of that class",
        ),
    ],
)
def test_promise_24_bad_input_to_a_fitted_model(method, arguments, message):
    model = SoftmaxRegression().fit(np.eye(2), ["a", "b"])
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        getattr(model, method)(*arguments)


def test_a_column_of_a_data_frame_is_named():
    model = SoftmaxRegression().fit(pa.table({"width": [1.0, 0.0], "height": [0.0, 1.0]}), [0, 1])
    assert model.feature_names_in_.tolist() == ["width", "height"]
    message = (
        "X, row 0, column 'height' (counted from 0): expected a finite number, got NaN; fill in or remove that row"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.predict(pa.table({"width": [1.0], "height": [np.nan]}))


def test_an_unfitted_model_says_so():
    with pytest.raises(NotFittedError, match=r"^This SoftmaxRegression instance is not fitted yet"):
        SoftmaxRegression().predict(np.eye(2))
