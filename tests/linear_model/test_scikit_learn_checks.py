"""Every estimator keeps the rules of scikit-learn, and works where it puts estimators."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression

ESTIMATORS = [SoftmaxRegression(), LogisticRegression()]

# Whether array API input is taken is not asked: it is not offered.
CHECKS = [
    pytest.param(estimator, check, id=f"{type(estimator).__name__}-{getattr(check, 'func', check).__name__}")
    for one in ESTIMATORS
    for estimator, check in estimator_checks_generator(one)
    if getattr(check, "func", check).__name__ != "check_array_api_input"
]


# The checks set max_iter to 5.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda one: type(one).__name__)
def test_it_works_where_scikit_learn_puts_estimators(estimator):
    X, y = load_breast_cancer(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), estimator)
    name = f"{type(estimator).__name__.lower()}__C"
    search = GridSearchCV(pipeline, {name: [0.01, 1.0]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.95
    for wrapped in (OneVsRestClassifier, OneVsOneClassifier, CalibratedClassifierCV):
        assert clone(wrapped(pipeline)).fit(X, y).score(X, y) > 0.95
    model = clone(estimator).fit(X, y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))
