from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression as TheirLogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.utils.estimator_checks import estimator_checks_generator

from crossentropy.linear_model import (
    LogisticRegression,
    LogisticRegressionCV,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    load_model,
    save_model,
)
from crossentropy.linear_model._cross_validation import fit_folds

CS = [1e3, 1e-4, 0.03, 1.0]

# Whether array API input is taken is not asked: it is not offered.
CHECKS = [
    pytest.param(estimator, check, id=getattr(check, "func", check).__name__)
    for estimator, check in estimator_checks_generator(SoftmaxRegressionCV(Cs=[0.01, 1.0], cv=3))
    if getattr(check, "func", check).__name__ != "check_array_api_input"
]


# The checks set max_iter to 5.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


def iris():
    return load_iris(return_X_y=True)


CASES = {
    "softmax": (SoftmaxRegressionCV, SoftmaxRegression, {}, iris),
    "balanced": (SoftmaxRegressionCV, SoftmaxRegression, {"class_weight": "balanced"}, iris),
    "soft": (SoftmaxRegressionCV, SoftmaxRegression, {}, lambda: (iris()[0], 0.8 * np.eye(3)[iris()[1]] + 0.2 / 3)),
    "sparse": (SoftmaxRegressionCV, SoftmaxRegression, {}, lambda: (sparse.csr_matrix(iris()[0]), iris()[1])),
    "logistic": (LogisticRegressionCV, LogisticRegression, {}, lambda: load_breast_cancer(return_X_y=True)),
    "multi-label": (
        LogisticRegressionCV,
        LogisticRegression,
        {"pos_weight": [1.0, 3.0]},
        lambda: (iris()[0], np.column_stack([iris()[1] > 0, iris()[1] == 1]) * 1.0),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_its_folds_are_those_of_rows_left_out(name):
    chooser, kind, parameters, data = CASES[name]
    X, y = data()
    weight = np.random.default_rng(0).integers(0, 3, len(y)) / 2.0
    cv = KFold(3, shuffle=True, random_state=1)
    model = chooser(Cs=CS, cv=cv, tol=1e-10, **parameters).fit(X, y, weight)
    curve = model.curve_
    np.testing.assert_array_equal(curve.Cs, sorted(CS))
    for fold, (kept, held) in enumerate(cv.split(X)):
        for i, C in enumerate(curve.Cs):
            single = kind(C=C, tol=1e-10, **parameters).fit(X[kept], y[kept], weight[kept])
            assert curve.objectives[fold, i] == pytest.approx(single.objective_, rel=1e-9)
            assert curve.training_losses[fold, i] == pytest.approx(single.history_[-1].cross_entropy, rel=1e-3)
            held_out = single.loss(X[held], y[held], weight[held])
            assert curve.validation_losses[fold, i] == pytest.approx(held_out, rel=1e-3)
    assert model.C_ == model.C == curve.Cs[np.argmin(curve.validation_losses.mean(axis=0))]
    assert curve.largest_gap <= 1e-10
    whole = kind(C=model.C_, tol=1e-10, **parameters).fit(X, y, weight)
    np.testing.assert_array_equal(model.coef_, whole.coef_)
    np.testing.assert_array_equal(model.predict(X), whole.predict(X))


def test_folds_are_stratified_and_five():
    X, y = iris()
    found = SoftmaxRegressionCV(Cs=CS).fit(X, y)
    np.testing.assert_array_equal(
        found.curve_.validation, SoftmaxRegressionCV(Cs=CS, cv=StratifiedKFold(5)).fit(X, y).curve_.validation
    )
    losses = found.curve_.validation_losses
    assert losses.shape == (5, 4)
    np.testing.assert_allclose(found.curve_.standard_error, np.std(losses, axis=0, ddof=1) / np.sqrt(5), rtol=1e-14)


def test_one_split_has_no_standard_error():
    X, y = iris()
    split = [(np.arange(0, 150, 2), np.arange(1, 150, 2))]
    model = SoftmaxRegressionCV(Cs=CS, cv=split).fit(X, y)
    assert model.curve_.standard_error is None


def test_of_equal_validation_losses_the_strongest_penalty_is_chosen():
    assert SoftmaxRegressionCV(Cs=CS, cv=2).fit(np.zeros((8, 2)), [0, 1] * 4).C_ == 1e-4


def test_it_is_a_softmax_regression_elsewhere(tmp_path):
    X, y = iris()
    model = SoftmaxRegressionCV(Cs=CS, cv=3).fit(X, y)
    assert isinstance(model, SoftmaxRegression)
    assert "C" not in model.get_params()
    save_model(tmp_path / "model.safetensors", model)
    loaded = load_model(tmp_path / "model.safetensors")
    assert (type(loaded), loaded.C) == (SoftmaxRegression, model.C_)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    theirs = model.to_sklearn()
    assert isinstance(theirs, TheirLogisticRegression)
    assert theirs.C == model.C_
    np.testing.assert_allclose(theirs.predict_proba(X), model.predict_proba(X), rtol=1e-9, atol=1e-12)
    assert cross_val_score(SoftmaxRegressionCV(Cs=CS, cv=3), X, y, cv=3).mean() > 0.95


def test_a_model_of_scikit_learn_has_one_C_already():  # noqa: N802
    with pytest.raises(TypeError) as caught:
        SoftmaxRegressionCV.from_sklearn(TheirLogisticRegression())
    assert str(caught.value) == (
        "SoftmaxRegressionCV.from_sklearn: expected C to be chosen by fit, got a model that has one; "
        "call SoftmaxRegression.from_sklearn"
    )


def test_before_a_fit_there_is_no_C():  # noqa: N802
    with pytest.raises(NotFittedError):
        SoftmaxRegressionCV().C  # noqa: B018
    with pytest.raises(NotFittedError):
        SoftmaxRegressionCV().plot()


def test_each_stage_is_told():
    seen = []
    fit_folds(SoftmaxRegressionCV(Cs=CS, cv=2), *iris(), on_stage=lambda fold, stage: seen.append((fold, stage.C)))
    assert seen == [(fold, C) for fold in range(2) for C in sorted(CS)]


@pytest.mark.parametrize(
    ("cv", "weight", "message"),
    [
        (
            KFold(3),
            None,
            "cv: expected rows of every class, with some weight, to fit to in each fold, got fold 0 (counted from 0) "
            "without (sample_weight: expected a positive total weight in each class, got zero for class 0; weigh its "
            "rows above 0, or remove them); pass fewer or stratified folds, or leave rare classes out",
        ),
        (
            [(np.arange(150), np.arange(50))],
            np.repeat([0.0, 1.0], [50, 100]),
            None,
        ),
    ],
)
def test_folds_that_cannot_be_fitted(cv, weight, message):
    X, y = iris()
    if weight is not None:
        y = np.tile([0, 1, 2], 50)
        message = (
            "cv: expected held-out rows with some weight in each fold, got none in fold 0 (counted from 0); "
            "pass other folds or weights"
        )
    with pytest.raises(ValueError) as caught:
        SoftmaxRegressionCV(Cs=CS, cv=cv).fit(X, y, weight)
    assert str(caught.value) == message
