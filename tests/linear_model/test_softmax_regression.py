from __future__ import annotations

import itertools
import pickle
import re

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import crossentropy as ce
from crossentropy.linear_model import SoftmaxRegression
from crossentropy.linear_model._estimator import fit_linear


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
    ours = SoftmaxRegression(tol=1e-13, **parameters).fit(X, y, sample_weight)
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
    ours = SoftmaxRegression(C=0.5, tol=1e-13).fit(X, y)
    theirs = LogisticRegression(C=1.0, solver="newton-cg", tol=1e-12).fit(X, y)
    assert ours.coef_.shape == (2, 4)
    np.testing.assert_allclose(ours.coef_[1] - ours.coef_[0], theirs.coef_[0], atol=1e-5)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-5)


def test_float32_features_give_the_model_of_their_float64_values():
    X, y = data("iris")
    narrow = X.astype(np.float32)
    ours, wide = (SoftmaxRegression(tol=1e-12).fit(features, y) for features in (narrow, narrow.astype(np.float64)))
    assert ours.coef_.dtype == np.float64
    np.testing.assert_allclose(ours.coef_, wide.coef_, rtol=1e-5, atol=1e-8)
    assert ours.predict_proba(narrow).dtype == np.float32
    np.testing.assert_allclose(ours.predict_proba(narrow), wide.predict_proba(X), rtol=1e-4, atol=1e-6)


def large():
    """Enough for a fit to begin in float32, in several stripes of rows."""
    random = np.random.default_rng(7)
    X = random.normal(size=(6000, 60)) * np.logspace(0, 3, 60) + 10.0
    logits = (X - 10.0) / np.logspace(0, 3, 60) @ random.normal(size=(60, 12)) / 3.0
    return X, (logits + random.gumbel(size=logits.shape)).argmax(axis=1)


def test_promise_21_the_same_input_gives_the_same_model_bit_for_bit_with_any_number_of_threads():
    X, y = large()
    first = SoftmaxRegression().fit(X, y)
    before = ce.get_num_threads()
    try:
        for threads in (1, 3):
            ce.set_num_threads(threads)
            again = SoftmaxRegression().fit(X, y)
            np.testing.assert_array_equal(first.coef_, again.coef_)
            np.testing.assert_array_equal(first.intercept_, again.intercept_)
    finally:
        ce.set_num_threads(before)


def test_a_large_fit_is_as_near_the_optimum_as_it_says():
    X, y = large()
    model, best = SoftmaxRegression().fit(X, y), SoftmaxRegression(tol=1e-12).fit(X, y)
    assert best.gap_ <= 1e-12 * best.objective_
    assert 0.0 <= model.objective_ - best.objective_ <= model.gap_ <= 1e-6 * model.objective_
    scaled = LogisticRegression(tol=1e-8, max_iter=10_000)
    # for scikit-learn the features are brought to one size; with so many rows the penalty hardly matters
    theirs = scaled.fit((X - X.mean(axis=0)) / X.std(axis=0), y)
    assert model.loss(X, y) <= log_loss(y, theirs.predict_proba((X - X.mean(axis=0)) / X.std(axis=0))) * (1 + 1e-3)


@pytest.mark.parametrize(
    "change",
    [np.asfortranarray, lambda X: np.repeat(X, 2, axis=0)[::2], lambda X: X.astype(">f8")],
    ids=["Fortran order", "strided", "byte-swapped"],
)
def test_promise_22_the_layout_changes_nothing(change):
    X, y = data("iris")
    changed = change(X)
    changed.flags.writeable = False
    ours, plain = SoftmaxRegression(tol=1e-12), SoftmaxRegression(tol=1e-12)
    np.testing.assert_allclose(ours.fit(changed, y).coef_, plain.fit(X, y).coef_, rtol=1e-5)


def test_promise_22_features_may_lie_in_a_file(tmp_path):
    X, y = data("wine")
    np.save(tmp_path / "X.npy", X)
    model = SoftmaxRegression().fit(np.load(tmp_path / "X.npy", mmap_mode="r"), y)
    np.testing.assert_array_equal(model.coef_, SoftmaxRegression().fit(X, y).coef_)


@pytest.mark.parametrize("kind", [np.int64, np.int8, bool, object])
def test_promise_22_features_of_other_dtypes_are_numbers_too(kind):
    X = np.random.default_rng(8).integers(0, 2, (60, 3))
    y = X[:, 0] + X[:, 1]
    np.testing.assert_array_equal(
        SoftmaxRegression().fit(X.astype(kind), y).coef_, SoftmaxRegression().fit(X.astype(np.float64), y).coef_
    )


def test_promise_23_fitting_changes_no_input():
    X, y = data("iris")
    inputs = X, y, weights(len(y))
    copies = [array.copy() for array in inputs]
    SoftmaxRegression(class_weight="balanced").fit(*inputs)
    for array, copy in zip(inputs, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "form",
    [
        sparse.csr_matrix,
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_array,
        lambda X: sparse.csr_matrix(X.astype(np.float32)),
    ],
    ids=["csr", "csr array", "csc", "coo", "float32"],
)
def test_sparse_features_give_the_model_of_dense_ones(form, fit_intercept):
    X, y = data("digits")
    s = weights(len(y))
    ours = SoftmaxRegression(tol=1e-12, fit_intercept=fit_intercept).fit(form(X), y, s)
    dense = SoftmaxRegression(tol=1e-12, fit_intercept=fit_intercept).fit(X, y, s)
    np.testing.assert_allclose(ours.coef_, dense.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, dense.intercept_, atol=1e-5)
    np.testing.assert_allclose(ours.predict_proba(form(X)), dense.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(ours.predict(form(X)), dense.predict(X))
    assert ours.loss(form(X), y) == pytest.approx(dense.loss(X, y), rel=1e-6)
    assert ours.gap_ <= 1e-12 * ours.objective_


@pytest.mark.parametrize("form", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array])
def test_sparse_features_may_hold_nothing(form):
    X, y = form((6, 3)), [0, 0, 0, 1, 1, 2]
    for model in (SoftmaxRegression().fit(X, y), SoftmaxRegression().fit_blocks([(X, y)])):
        np.testing.assert_allclose(model.predict_proba(X), np.tile([1 / 2, 1 / 3, 1 / 6], (6, 1)))
        assert not model.coef_.any()


def test_a_fit_to_sparse_features_is_as_near_the_optimum_as_it_says():
    """Enough of them for a fit to begin in float32, with a class for every width of the kernels' loops."""
    random = np.random.default_rng(12)
    X = sparse.random(3000, 500, 0.02, random_state=1, format="csr")
    for classes in (2, 9, 17, 31, 75):
        y = (X @ random.normal(size=(500, classes)) + random.gumbel(size=(3000, classes))).argmax(axis=1)
        model, dense = SoftmaxRegression(C=10.0).fit(X, y), SoftmaxRegression(C=10.0, tol=1e-10).fit(X.toarray(), y)
        assert model.objective_ - dense.objective_ + dense.gap_ >= 0.0
        assert model.objective_ - dense.objective_ <= model.gap_ <= 1e-6 * model.objective_


def test_labels_may_be_text():
    X, y = data("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    model = SoftmaxRegression().fit(X, names[y])
    assert model.classes_.tolist() == names.tolist()
    assert set(model.predict(X)) <= set(names)
    assert model.score(X, names[y]) > 0.95


def test_the_history_leads_from_the_class_frequencies_to_the_objective():
    X, y = data("wine")
    seen = []
    model = fit_linear(SoftmaxRegression(), X, y, on_iteration=seen.append)
    assert model.history_[:-1] == tuple(seen[:-1])
    seen[-1] = model.history_[-1]  # as it is known in the end
    assert [record.iteration for record in seen] == list(range(model.n_iter_ + 1))
    assert seen[0].cross_entropy == pytest.approx(ce.entropy(np.bincount(y), normalize=True), rel=1e-12)
    assert seen[0].objective == pytest.approx(len(y) * seen[0].cross_entropy, rel=1e-12)
    assert (seen[-1].objective, seen[-1].gap) == (model.objective_, model.gap_)
    assert seen[-1].cross_entropy == pytest.approx(model.loss(X, y), rel=1e-9)
    assert seen[0].gap > 1e-6 * seen[0].objective
    assert seen[-1].gap <= 1e-6 * seen[-1].objective
    assert seen[-1].gradient_norm < 1e-3 * seen[0].gradient_norm
    for earlier, later in itertools.pairwise(seen):
        assert later.objective < earlier.objective
        assert later.passes > earlier.passes
        assert later.seconds >= earlier.seconds


def test_labels_may_be_distributions():
    X, y = data("iris")
    hard = SoftmaxRegression(tol=1e-12).fit(X, y)
    one_hot = SoftmaxRegression(tol=1e-12).fit(X, np.eye(3)[y])
    assert one_hot.classes_.tolist() == [0, 1, 2]
    np.testing.assert_allclose(one_hot.coef_, hard.coef_, atol=1e-8)
    soft = np.random.default_rng(9).dirichlet(np.ones(3), len(X))
    model = SoftmaxRegression(tol=1e-12).fit(X, soft)
    # each row once for each class, weighted by the class's share
    spread = SoftmaxRegression(tol=1e-12).fit(np.repeat(X, 3, axis=0), np.tile([0, 1, 2], len(X)), soft.ravel())
    np.testing.assert_allclose(model.coef_, spread.coef_, atol=1e-8)
    assert model.objective_ == pytest.approx(spread.objective_, rel=1e-10)
    assert model.loss(X, soft) == pytest.approx(ce.softmax_cross_entropy(model.decision_function(X), soft), rel=1e-9)


def test_smoothing_of_labels_is_that_of_the_loss():
    X, y = data("iris")
    smoothed = SoftmaxRegression(label_smoothing=0.1, tol=1e-12).fit(X, y)
    soft = SoftmaxRegression(tol=1e-12).fit(X, 0.9 * np.eye(3)[y] + 0.1 / 3)
    np.testing.assert_allclose(smoothed.coef_, soft.coef_, atol=1e-8)
    assert smoothed.objective_ == pytest.approx(soft.objective_, rel=1e-10)


def test_a_row_of_weight_2_is_that_row_twice():
    X, y = data("digits")
    s = np.random.default_rng(10).integers(0, 4, len(y))
    weighted, repeated = SoftmaxRegression().fit(X, y, s), SoftmaxRegression().fit(X.repeat(s, axis=0), y.repeat(s))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=0, atol=1e-6)
    np.testing.assert_allclose(weighted.intercept_, repeated.intercept_, rtol=0, atol=1e-6)


def test_a_warm_start_begins_where_the_last_fit_ended():
    X, y = data("digits")
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    cold = model.n_iter_
    assert model.fit(X, y).n_iter_ == 0
    assert model.set_params(C=1.1).fit(X, y).n_iter_ < cold / 2
    assert model.objective_ == pytest.approx(SoftmaxRegression(C=1.1).fit(X, y).objective_, rel=2e-6)
    # nor an intercept, if none is fitted any more
    without = SoftmaxRegression(tol=1e-12, fit_intercept=False).fit(X, y)
    model.set_params(C=1.0, tol=1e-12, fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(model.coef_, without.coef_, atol=1e-6)
    assert not model.intercept_.any()
    # of other classes or features nothing is left
    assert model.fit(X, y % 5).classes_.tolist() == [0, 1, 2, 3, 4]
    assert model.fit(X[:, :10], y % 5).coef_.shape == (5, 10)


@pytest.mark.parametrize("copies", [2, 5])
def test_copies_of_a_feature_share_its_coefficient(copies):
    X, y = data("iris")
    model = SoftmaxRegression(tol=1e-12).fit(np.hstack([X] + [X[:, :1]] * (copies - 1)), y)
    np.testing.assert_allclose(model.coef_[:, 4:], np.tile(model.coef_[:, :1], copies - 1), atol=1e-6)


def test_a_constant_feature_gets_no_coefficient():
    X = np.column_stack([np.arange(6.0), np.full(6, 7.0)])
    model = SoftmaxRegression().fit(X, [0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(model.coef_[:, 1], 0.0, atol=1e-6)
    assert abs(model.coef_[:, 0]).max() > 0.1


def test_there_may_be_fewer_rows_than_classes_have_coefficients():
    X = np.random.default_rng(11).normal(size=(8, 30))
    model = SoftmaxRegression(C=10.0).fit(X, np.arange(8))
    assert model.gap_ <= 1e-6 * model.objective_
    assert model.predict(X).tolist() == list(range(8))


@pytest.mark.parametrize("scale", [1e-15, 1e8])
def test_the_units_of_a_feature_do_not_matter(scale):
    X, y = data("wine")
    X[:, 3] *= scale
    model = SoftmaxRegression().fit(X, y)
    assert model.gap_ <= 1e-6 * model.objective_
    assert model.n_iter_ < 40


def test_it_works_where_scikit_learn_puts_estimators():
    X, y = data("wine")
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression())
    search = GridSearchCV(pipeline, {"softmaxregression__C": [0.01, 1.0]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.95
    for wrapped in (OneVsRestClassifier, OneVsOneClassifier, CalibratedClassifierCV):
        assert clone(wrapped(pipeline)).fit(X, y).score(X, y) > 0.95
    model = SoftmaxRegression().fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))


def test_weights_are_routed():
    X, y = data("iris")
    s = weights(len(y))
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(
            StandardScaler().set_fit_request(sample_weight=False),
            SoftmaxRegression().set_fit_request(sample_weight=True),
        )
        routed = pipeline.fit(X, y, sample_weight=s)
    plain = SoftmaxRegression().fit(StandardScaler().fit_transform(X), y, s)
    np.testing.assert_array_equal(routed[-1].coef_, plain.coef_)


def test_predictions_agree_with_one_another():
    X, y = data("iris")
    model = SoftmaxRegression().fit(X, y)
    logits = X @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(model.decision_function(X), logits, rtol=1e-12)
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
    tol = parameters.get("tol", 1e-6)
    expected = f"SoftmaxRegression: expected an objective within {tol:g} of its minimum"
    message = rf"^{expected}, got one within [0-9.e-]+, after \d+ iterations; {remedy}$"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        model = SoftmaxRegression(**parameters).fit(X, y)
    assert caught[0].filename == __file__
    assert model.objective_ - SoftmaxRegression(tol=1e-12).fit(X, y).objective_ <= model.gap_ + 1e-12


NAN, INFINITE = np.eye(3), np.eye(3)
NAN[2, 1], INFINITE[1, 0] = np.nan, -np.inf


@pytest.mark.parametrize(
    ("parameters", "X", "y", "sample_weight", "message"),
    [
        ({"C": 0.0}, np.eye(2), [0, 1], None, "C: expected a finite number above 0, got 0.0; pass one such number"),
        ({"C": -1}, np.eye(2), [0, 1], None, "C: expected a finite number above 0, got -1; pass one such number"),
        ({"tol": 0.0}, np.eye(2), [0, 1], None, "tol: expected a finite number above 0, got 0.0; pass one such number"),
        (
            {"max_iter": 0},
            np.eye(2),
            [0, 1],
            None,
            "max_iter: expected an integer of at least 1, got 0; pass one such number",
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
            sparse.csr_matrix(NAN),
            [0, 1, 2],
            None,
            "X, row 2, column 1 (counted from 0): expected a finite number, got NaN; fill in or remove that row",
        ),
        (
            {},
            np.eye(2) * 1e200,
            [0, 1],
            None,
            "X: expected features whose squares float32 can hold, got larger or smaller ones in column 0 "
            "(counted from 0); divide that column by its largest value",
        ),
        (
            {},
            np.eye(2),
            [[0.5, 0.5], [0.5, 0.6]],
            None,
            "y, row 1 (counted from 0): expected probabilities of at least 0 that sum to 1, got a sum of 1.1; "
            "divide it by its sum",
        ),
        (
            {},
            np.eye(2),
            [[1.5, -0.5], [0.5, 0.5]],
            None,
            "y, row 0 (counted from 0): expected probabilities of at least 0 that sum to 1, got one of -0.5; "
            "correct it",
        ),
        (
            {"label_smoothing": 1.5},
            np.eye(2),
            [0, 1],
            None,
            "label_smoothing: expected a finite number at least 0 and at most 1, got 1.5; pass one such number",
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
            {},
            np.eye(2),
            [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]],
            None,
            "y: expected a positive total weight in each class, got zero for class 2; remove its column",
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


def test_promise_24_a_number_of_iterations_that_is_no_integer():
    with pytest.raises(
        TypeError, match=r"^max_iter: expected an integer of at least 1, got 2\.5; pass one such number$"
    ):
        SoftmaxRegression(max_iter=2.5).fit(np.eye(2), [0, 1])


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


@pytest.mark.parametrize("solver", ["blocks", "rotation", "diagonal"])
def test_every_solver_comes_to_the_same_optimum(solver):
    X, y = data("wine")
    best, model = SoftmaxRegression(tol=1e-10).fit(X, y), SoftmaxRegression(solver=solver).fit(X, y)
    assert model.gap_ <= 1e-6 * model.objective_
    assert -1e-12 * best.objective_ <= model.objective_ - best.objective_ <= model.gap_


@pytest.mark.parametrize(
    ("parameters", "X", "message"),
    [
        (
            {"solver": "lbfgs"},
            np.eye(2),
            "solver: expected one of 'auto', 'blocks', 'rotation', 'diagonal', 'dual', got 'lbfgs'; "
            "pass one of these words",
        ),
        (
            {"solver": "blocks", "l1_ratio": 0.5},
            np.eye(2),
            "solver: expected 'auto' where l1_ratio is above 0, got 'blocks'; "
            "leave it at its default: only one solver makes coefficients 0",
        ),
        (
            {"solver": "rotation"},
            sparse.csr_matrix(np.eye(2)),
            "solver: expected 'auto', 'dual' or 'diagonal' where X is sparse, got 'rotation'; "
            "pass one of these, or X.toarray()",
        ),
    ],
)
def test_promise_24_a_solver_that_cannot_be(parameters, X, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        SoftmaxRegression(**parameters).fit(X, [0, 1])
