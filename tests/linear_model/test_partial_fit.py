from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression, _online


def data(name):
    X, y = {"iris": load_iris, "wine": load_wine}[name](return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    return X[order], y[order]


def objective(model, X, y, C=1.0, sample_weight=None):
    """What ``fit`` minimises, at any model."""
    weight = len(y) if sample_weight is None else sample_weight.sum()
    outputs = len(model.coef_) if isinstance(model, LogisticRegression) else 1
    return C * weight * outputs * model.loss(X, y, sample_weight) + np.sum(model.coef_**2) / 2


def learn(model, X, y, *, step, times=1, sample_weight=None):
    classes = None if np.ndim(y) == 2 else np.unique(y)
    for _ in range(times):
        for first in range(0, len(y), step):
            part = slice(first, first + step)
            weight = None if sample_weight is None else sample_weight[part]
            model.partial_fit(X[part], y[part], classes, weight)
    return model


@pytest.mark.parametrize("kind", [SoftmaxRegression, LogisticRegression])
@pytest.mark.parametrize(
    ("name", "step", "fit_intercept"), [("iris", 50, True), ("iris", 50, False), ("iris", 10, True), ("wine", 30, True)]
)
def test_many_passes_come_near_the_model_of_all_rows(kind, name, step, fit_intercept):
    X, y = data(name)
    y = y == 1 if kind is LogisticRegression else y
    if not fit_intercept:
        X = X - X.mean(axis=0)
    best = kind(fit_intercept=fit_intercept).fit(X, y).objective_
    distances = []
    for times in (1, 15):
        model = learn(kind(C=1.0 / times, fit_intercept=fit_intercept), X, y, step=step, times=times)
        distances.append(objective(model, X, y) / best - 1.0)
    assert -1e-6 <= distances[1] < 0.01
    assert distances[1] < max(0.5 * distances[0], 1e-3)
    assert model.n_iter_ == 15 * -(-len(y) // step)
    assert fit_intercept or not model.intercept_.any()


def test_the_first_call_is_a_fit():
    X, y = data("wine")
    one, best = SoftmaxRegression(tol=1e-9).partial_fit(X, y, classes=[0, 1, 2]), SoftmaxRegression(tol=1e-9).fit(X, y)
    assert 0.0 <= objective(one, X, y) / best.objective_ - 1.0 < 1e-4


def stream():
    random = np.random.default_rng(1)
    X = random.normal(size=(8000, 6)) @ random.normal(size=(6, 6))
    return X, (X @ random.normal(size=(6, 4)) + random.gumbel(size=(8000, 4))).argmax(axis=1)


def test_a_stream_that_does_not_repeat_comes_near_its_own_optimum():
    X, y = stream()
    model, best = learn(SoftmaxRegression(), X, y, step=100), SoftmaxRegression().fit(X, y)
    assert 0.0 <= objective(model, X, y) / best.objective_ - 1.0 < 0.003


def test_units_of_features_do_not_matter():
    X, y = stream()
    other = X * np.logspace(-2, 4, 6) + 100.0
    # the penalty is of coefficients in these units, so let it weigh nothing
    plain, scaled = (learn(SoftmaxRegression(C=1e6, tol=1e-9), features, y, step=400) for features in (X, other))
    np.testing.assert_allclose(scaled.predict_proba(other), plain.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize("form", [sparse.csr_matrix, np.asarray], ids=["sparse", "wide"])
def test_without_room_for_matrices_it_still_learns(form, monkeypatch):
    monkeypatch.setattr(_online, "_MOST_BYTES", 0)
    X, y = data("iris")
    model = learn(SoftmaxRegression(C=0.05), form(X), y, step=30, times=20)
    assert objective(model, X, y) / SoftmaxRegression().fit(X, y).objective_ - 1.0 < 0.05
    dense = learn(SoftmaxRegression(C=0.05, fit_intercept=False), X, y, step=30, times=2)
    same = learn(SoftmaxRegression(C=0.05, fit_intercept=False), sparse.csr_matrix(X), y, step=30, times=2)
    np.testing.assert_allclose(same.coef_, dense.coef_, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("kind", "parameters", "y"),
    [
        (SoftmaxRegression, {"class_weight": {0: 3.0}}, lambda y: y),
        (SoftmaxRegression, {"label_smoothing": 0.2}, lambda y: y),
        (SoftmaxRegression, {}, lambda y: 0.8 * np.eye(3)[y] + 0.2 / 3.0),
        (LogisticRegression, {"pos_weight": 3.0}, lambda y: y == 1),
        (LogisticRegression, {}, lambda y: np.column_stack([y > 0, y == 2])),
        (LogisticRegression, {}, lambda y: np.where(y == 1, 0.9, 0.2)),
    ],
)
def test_weights_and_soft_targets_are_those_of_a_fit(kind, parameters, y):
    X, labels = data("iris")
    y, weight = y(labels), np.random.default_rng(2).integers(0, 3, len(labels)) / 2.0
    if kind is LogisticRegression and y.ndim == 1 and y.dtype != bool:
        model = kind(**parameters, tol=1e-9).partial_fit(X, y, None, weight)
    else:
        model = learn(kind(**parameters, tol=1e-9), X, y, step=150, sample_weight=weight)
    best = kind(**parameters, tol=1e-9).fit(X, y, weight)
    np.testing.assert_allclose(model.predict_proba(X), best.predict_proba(X), atol=0.01)
    np.testing.assert_array_equal(model.classes_, best.classes_)


def test_a_class_may_come_late():
    X, y = data("iris")
    order = np.argsort(y, kind="stable")
    model = SoftmaxRegression(C=0.05)
    assert model.partial_fit(X[order[:50]], y[order[:50]], classes=[0, 1, 2]).predict_proba(X).shape == (150, 3)
    assert np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()
    learn(model, X[order], y[order], step=50, times=20)
    assert model.score(X, y) > 0.9


def test_the_same_calls_give_the_same_model():
    X, y = data("wine")
    first, again = (learn(SoftmaxRegression(), X, y, step=40) for _ in range(2))
    np.testing.assert_array_equal(first.coef_, again.coef_)
    half = learn(SoftmaxRegression(), X[:80], y[:80], step=40)
    whole = learn(pickle.loads(pickle.dumps(half)), X[80:], y[80:], step=40)
    np.testing.assert_array_equal(whole.coef_, first.coef_)
    # a copy that goes on leaves the first where it was
    np.testing.assert_array_equal(learn(half, X[80:], y[80:], step=40).coef_, first.coef_)


def test_a_fit_and_a_clone_begin_anew():
    X, y = data("iris")
    model = learn(SoftmaxRegression(), X, y, step=50)
    assert not hasattr(clone(model), "coef_")
    model.fit(X, y)
    np.testing.assert_array_equal(model.coef_, SoftmaxRegression().fit(X, y).coef_)
    model.partial_fit(X[:50], y[:50])  # the fit knows the classes
    fresh = SoftmaxRegression().partial_fit(X[:50], y[:50], classes=[0, 1, 2])
    np.testing.assert_array_equal(model.coef_, fresh.coef_)
    assert not (hasattr(model, "gap_") or hasattr(model, "history_") or hasattr(model, "objective_"))
    np.testing.assert_array_equal(model.fit_blocks([(X, y)]).coef_, SoftmaxRegression().fit(X, y).coef_)


def test_rows_of_no_weight_teach_nothing():
    X, y = data("iris")
    model = SoftmaxRegression().partial_fit(X, y, [0, 1, 2], np.zeros(150))
    assert not (model.coef_.any() or model.intercept_.any())
    coef = model.partial_fit(X, y).coef_
    np.testing.assert_array_equal(model.partial_fit(X, y, None, np.zeros(150)).coef_, coef)


NAN = np.eye(3)
NAN[1, 2] = np.nan


@pytest.mark.parametrize(
    ("model", "arguments", "message"),
    [
        (
            SoftmaxRegression(),
            (np.eye(3), [0, 1, 2]),
            "classes: expected those of all calls, in the first one, got None; pass all labels that will come",
        ),
        (
            SoftmaxRegression(),
            (np.eye(3), [0, 0, 0], [0]),
            "classes: expected at least two, got [0]; pass all labels that will come",
        ),
        (
            SoftmaxRegression().partial_fit(np.eye(3), [0, 1, 2], [0, 1, 2]),
            (np.eye(3), [0, 1, 1], [0, 1]),
            "classes: expected [0, 1, 2], as the first call says, got [0, 1]; pass all labels that will come",
        ),
        (
            SoftmaxRegression().partial_fit(np.eye(3), ["a", "b", "b"], ["a", "b"]),
            (np.eye(3), ["a", "c", "b"]),
            "y, row 1 (counted from 0): expected one of the model's classes 'a', 'b', got 'c'; "
            "correct it, or fit the model with rows of that class",
        ),
        (
            SoftmaxRegression(class_weight="balanced"),
            (np.eye(3), [0, 1, 1], [0, 1]),
            "class_weight: expected None or a dict of weights by class, got 'balanced', which partial_fit cannot know "
            "before all rows have come; pass the weights",
        ),
        (
            LogisticRegression(C=np.inf),
            (np.eye(3), [0, 1, 1], [0, 1]),
            "C: expected a finite number, since partial_fit has an L2 penalty, got inf; "
            "pass one, or call fit or fit_blocks",
        ),
        (
            LogisticRegression(),
            (np.eye(3), [0, 1, 2], [0, 1, 2]),
            "y: expected two classes, or one column of 0 and 1 for each of several labels, got 3 classes; "
            "use SoftmaxRegression for these (Only binary classification is supported.)",
        ),
        (
            LogisticRegression().partial_fit(np.eye(3), np.eye(3)),
            (np.eye(3), np.eye(3)[:, :2]),
            "y: expected shape (3, 3) (probabilities: one column per output), got shape (3, 2); "
            "reshape or broadcast it yourself, so that nothing is paired by accident",
        ),
        (
            SoftmaxRegression().partial_fit(np.eye(3), [0, 1, 1], [0, 1]),
            (NAN, [0, 1, 1]),
            "X, row 1, column 2 (counted from 0): expected a finite number, got NaN; fill in or remove that row",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused(model, arguments, message):
    before = getattr(model, "coef_", None)
    with pytest.raises(ValueError) as raised:
        model.partial_fit(*arguments)
    assert str(raised.value) == message
    assert getattr(model, "coef_", None) is before


def test_zeros_are_not_learned():
    model = SoftmaxRegression(l1_ratio=0.5)
    assert not hasattr(model, "partial_fit")
    message = "l1_ratio: expected 0, since partial_fit has an L2 penalty, got 0.5; pass 0, or call fit or fit_blocks"
    with pytest.raises(AttributeError) as raised:
        model.partial_fit(np.eye(3), [0, 1, 2], [0, 1, 2])
    assert message in (str(raised.value), str(raised.value.__cause__))
