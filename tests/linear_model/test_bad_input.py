"""What both estimators say of input that no model can be fitted to."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression

EYE = np.eye(2)
NAN, INFINITE = np.eye(2), sparse.csr_matrix([[0.0, 1.0], [np.inf, 0.0]])
NAN[1, 0] = np.nan

BOTH = [
    (
        (NAN, [0, 1]),
        "X, row 1, column 0 (counted from 0): expected a finite number, got NaN; fill in or remove that row",
    ),
    (
        (INFINITE, [0, 1]),
        "X, row 1, column 0 (counted from 0): expected a finite number, got inf; fill in or remove that row",
    ),
    (
        (np.array([[1, 2], [None, 3]], dtype=object), [0, 1]),
        "X, row 1, column 0 (counted from 0): expected a finite number, got NaN; fill in or remove that row",
    ),
    # the words that scikit-learn's checks ask of every estimator
    ((np.empty((0, 2)), []), "Found array with 0 sample(s) (shape=(0, 2)) while a minimum of 1 is required by {name}."),
    (
        (np.empty((2, 0)), [0, 1]),
        "Found array with 0 feature(s) (shape=(2, 0)) while a minimum of 1 is required by {name}.",
    ),
    ((EYE, [0, 1, 1]), "Found input variables with inconsistent numbers of samples: [2, 3]"),
    ((EYE, ["a", "a"]), "y: expected at least two classes, got one class, 'a'; add rows of another class"),
    (
        (EYE, [0, 1], [0.0, 0.0]),
        "sample_weight: expected a positive total weight in each class, got zero for class {zero}; "
        "weigh its rows above 0, or remove them",
    ),
    (
        (EYE, ["a", "b"], [0.0, 1.0]),
        "sample_weight: expected a positive total weight in each class, got zero for class 'a'; "
        "weigh its rows above 0, or remove them",
    ),
    (
        (EYE, [0, 1], [1.0, -2.0]),
        "sample_weight, row 1 (counted from 0): expected a finite weight of at least 0, got -2; "
        "correct it, or pass 0 to leave the row out",
    ),
    (
        (EYE, [0, 1], [np.nan, 1.0]),
        "sample_weight, row 0 (counted from 0): expected a finite weight of at least 0, got nan; "
        "correct it, or pass 0 to leave the row out",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), BOTH)
@pytest.mark.parametrize("estimator", [SoftmaxRegression, LogisticRegression])
def test_promise_24_bad_input_to_fit(estimator, arguments, message):
    # of no weight at all, the first class that is missed
    expected = message.format(name=estimator.__name__, zero=int(estimator is LogisticRegression))
    with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
        estimator().fit(*arguments)


@pytest.mark.parametrize(
    ("y", "sample_weight", "parameters", "message"),
    [
        (
            [0, 1, 2],
            None,
            {},
            "y: expected two classes, or one column of 0 and 1 for each of several labels, got 3 classes; "
            "use SoftmaxRegression for these (Only binary classification is supported.)",
        ),
        (
            [[0.5, 1.0], [0.0, 2.0], [0.0, 0.0]],
            None,
            {},
            "y, row 1, column 1 (counted from 0): expected 0, 1 or a probability between them, got 2; "
            "correct it, or use SoftmaxRegression for classes that exclude each other",
        ),
        (
            [[0, 1], [1, 1], [0, 1]],
            None,
            {},
            "y, column 1 (counted from 0): expected a positive total weight of positive and of negative rows, got zero "
            "of negative ones; remove that column, or pass fit_intercept=False",
        ),
        (
            [0, 1, 1],
            [0.0, 0.0, 0.0],
            {"fit_intercept": False},
            "sample_weight: expected a positive total weight in each class, got zero for class 1; "
            "weigh its rows above 0, or remove them",
        ),
        (
            [0, 1, 1],
            None,
            {"C": 0.0},
            "C: expected a finite number above 0, got 0.0; pass one such number",
        ),
        (
            [0, 1, 1],
            None,
            {"pos_weight": -1.0},
            "pos_weight: expected a finite number above 0, got -1.0; pass one such number",
        ),
    ],
)
def test_promise_24_bad_input_to_logistic_regression(y, sample_weight, parameters, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LogisticRegression(**parameters).fit(np.eye(3), y, sample_weight)


@pytest.mark.parametrize("estimator", [SoftmaxRegression, LogisticRegression])
def test_promise_24_labels_that_a_model_does_not_know(estimator):
    model = estimator().fit(EYE, ["a", "b"])
    message = (
        "y, row 1 (counted from 0): expected one of the model's classes 'a', 'b', got 'c'; "
        "correct it, or fit the model with rows of that class"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.loss(EYE, ["a", "c"])
