"""What both estimators say of input that no model can be fitted to."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression, SoftmaxRegressionCV, SoftmaxRegressionPath

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
    ((EYE, sparse.eye_array(2, format="csr")), "y: expected a dense array, got csr_array; pass y.toarray() instead"),
    (
        (EYE, np.array(["a", None], dtype=object)),
        "y, row 1 (counted from 0): expected text, as the labels of an object array are, got None; "
        "fill in that row, or convert y, as with y.astype(int) (Unknown label type.)",
    ),
    (
        (EYE, np.array([0, 1], dtype=object)),
        "y, row 0 (counted from 0): expected text, as the labels of an object array are, got 0; "
        "fill in that row, or convert y, as with y.astype(int) (Unknown label type.)",
    ),
    (
        (EYE, [0, 1], [1e30, 1e30]),
        "C: expected a number that makes at most 1e+30 of the rows' weight, or inf, got 1, of rows that weigh 2e+30; "
        "pass inf for no penalty, or divide the weights",
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


@pytest.mark.parametrize(
    ("kind", "parameters", "y"),
    [
        (SoftmaxRegression, {}, np.array([["0", "1"], ["1", "0"]])),
        (LogisticRegression, {}, np.array([["0", "1"], ["1", "0"]])),
        (LogisticRegression, {"pos_weight": "1"}, [0, 1]),
    ],
)
def test_promise_24_text_is_no_number(kind, parameters, y):
    name = "pos_weight" if parameters else "y"
    message = (
        f"{name}: expected real numbers (float16, bfloat16, float32, float64, integers), got dtype <U1; "
        "convert it, for example with .astype('float64')"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        kind(**parameters).fit(EYE, y)


@pytest.mark.parametrize("estimator", [SoftmaxRegression, LogisticRegression])
@pytest.mark.parametrize(
    ("y", "sample_weight", "message"),
    [
        (["a"], None, "Found input variables with inconsistent numbers of samples: [2, 1]"),
        (
            ["a", "b"],
            [0.0, 0.0],
            "sample_weight: expected a positive weight of at least one row, got zero for all of them; "
            "weigh the rows that count above 0",
        ),
    ],
)
def test_promise_24_rows_of_which_there_is_no_loss(estimator, y, sample_weight, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        estimator().fit(EYE, ["a", "b"]).loss(EYE, y, sample_weight)


@pytest.mark.parametrize("Cs", [[1.0, 1e30], [1e40]])
@pytest.mark.parametrize("kind", [SoftmaxRegressionPath, SoftmaxRegressionCV])
def test_promise_24_a_sweep_to_a_C_that_is_too_large(kind, Cs):  # noqa: N802
    with pytest.raises(
        ValueError, match=r"^C: expected a number that makes at most 1e\+30 of the rows' weight, or inf"
    ):
        kind(Cs=Cs).fit(np.eye(10), [0, 1] * 5)


def test_what_a_fit_lacks_is_never_more_than_its_objective():
    with pytest.warns(ConvergenceWarning, match=r"got one within 1, after 1 iterations"):
        model = SoftmaxRegression(C=1e6, max_iter=1).fit(np.arange(20.0)[:, None], [0, 1] * 10)
    assert all(record.gap <= record.objective for record in model.history_)
