"""Scalings are scikit-learn estimators, but for what their input means: a column of logits is a class."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

from crossentropy.calibration import MatrixScaling, TemperatureScaling, VectorScaling, _estimator
from crossentropy.linear_model import SoftmaxRegression

SCALINGS = [TemperatureScaling, VectorScaling, MatrixScaling]

TOO_FEW_COLUMNS = "different labels, as many as logits has columns"
NOTHING_TO_TELL = "larger ones at the targets than elsewhere on average"

# Checks whose data are no logits: three classes on two columns,
FAILS = dict.fromkeys(
    [
        "check_classifiers_classes",
        "check_classifiers_train",
        "check_estimators_fit_returns_self",
        "check_estimators_overwrite_params",
        "check_readonly_memmap_input",
    ],
    TOO_FEW_COLUMNS,
)
# and columns that say nothing of the labels, for which there is no best temperature.
FAILS_WITHOUT_PENALTY = FAILS | dict.fromkeys(
    [
        "check_classifier_data_not_an_array",
        "check_classifiers_classes",
        "check_classifiers_train",
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_dtype_object",
        "check_estimators_dtypes",
        "check_estimators_nan_inf",
        "check_f_contiguous_array_estimator",
        "check_fit2d_1sample",
        "check_fit2d_predict1d",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_n_features_in_after_fitting",
        "check_sample_weights_not_an_array",
        "check_sample_weights_not_overwritten",
        "check_sample_weights_pandas_series",
        "check_sample_weights_shape",
    ],
    NOTHING_TO_TELL,
)


def name(check):
    return getattr(check, "func", check).__name__


# Whether array API input is taken is not asked: it is not offered.
CHECKS = [
    pytest.param(estimator, check, id=f"{scaling.__name__}-{name(check)}")
    for scaling in SCALINGS
    for estimator, check in estimator_checks_generator(scaling())
    if name(check) != "check_array_api_input"
]


@pytest.fixture
def spare_classes(monkeypatch):
    """Columns without a label, of which the checks have many, are classes that no row has."""
    columns_of = _estimator.column_targets

    def with_spare(y, columns, classes):
        found = np.unique(y)
        if classes is None and len(found) < columns:
            spare = [f"~{i:02}" for i in range(columns)] if found.dtype.kind in "OU" else 1000 + np.arange(columns)
            classes = np.append(found, np.array(spare, found.dtype)[: columns - len(found)])
        return columns_of(y, columns, classes)

    monkeypatch.setattr(_estimator, "column_targets", with_spare)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # the checks set max_iter to 5
@pytest.mark.usefixtures("spare_classes")
@pytest.mark.parametrize(("estimator", "check"), CHECKS)
def test_scikit_learn_check(estimator, check):
    fails = FAILS_WITHOUT_PENALTY if isinstance(estimator, TemperatureScaling) else FAILS
    if name(check) not in fails:
        check(estimator)
        return
    with pytest.raises((ValueError, AssertionError)) as caught:
        check(estimator)
    first = caught.value
    while first.__context__ is not None:
        first = first.__context__
    assert fails[name(check)] in f"{first} {caught.value}"


def digits():
    X, y = load_digits(return_X_y=True)
    classifier = SoftmaxRegression(C=10.0).fit(X[:300], y[:300])
    return classifier.decision_function(X[300:]), y[300:]


@pytest.mark.parametrize("scaling", SCALINGS)
def test_copies_predict_the_same(scaling):
    logits, y = digits()
    model = scaling().fit(logits, y)
    for copy in (clone(model).fit(logits, y), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(copy.predict_proba(logits), model.predict_proba(logits))


def test_it_ends_a_pipeline_and_is_searched():
    logits, y = digits()
    search = GridSearchCV(
        make_pipeline(TemperatureScaling(), VectorScaling()),
        {"vectorscaling__C": [1e-6, 1.0]},
        cv=3,
        scoring="neg_log_loss",
    ).fit(logits, y)
    assert search.best_params_ == {"vectorscaling__C": 1.0}
    pipeline = search.best_estimator_
    np.testing.assert_array_equal(pipeline[-1].transform(pipeline[0].transform(logits)), pipeline.transform(logits))
    assert pipeline.score(logits, y) > 0.85


def test_weights_are_routed():
    logits, y = digits()
    s = np.arange(len(y)) % 3
    with config_context(enable_metadata_routing=True):
        routed = make_pipeline(TemperatureScaling().set_fit_request(sample_weight=True)).fit(logits, y, sample_weight=s)
    assert routed[-1].temperature_ == TemperatureScaling().fit(logits, y, s).temperature_


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_data_frame_of_logits_comes_back_as_one(scaling):
    logits, y = digits()
    frame = pd.DataFrame(logits, columns=[f"digit {k}" for k in range(10)])
    model = scaling().fit(frame, y).set_output(transform="pandas")
    assert model.feature_names_in_.tolist() == frame.columns.tolist()
    assert model.transform(frame).columns.tolist() == frame.columns.tolist()


def test_an_unfitted_model_says_so():
    with pytest.raises(NotFittedError, match=r"^This TemperatureScaling instance is not fitted yet"):
        TemperatureScaling().predict(np.eye(2))
