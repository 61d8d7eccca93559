"""What is said of input that cannot be calibrated with."""

from __future__ import annotations

import re

import numpy as np
import pytest

from crossentropy.calibration import MatrixScaling, TemperatureScaling, VectorScaling
from tests.calibration.test_optimum import SCALINGS


def with_(row, column, value):
    logits = np.eye(3)
    logits[row, column] = value
    return logits


CLASSES = (
    "pass classes=, the labels of all columns in order: the classifier's classes_, or range(K) for numbers of columns"
)
FAR = "expected logits within 1e+18 of their mean, got some that are farther apart; divide all of them by one number"
ANY = [
    *(
        ({}, with_(1, 2, value), [0, 1, 2], None, f"logits, row 1 (counted from 0): {FAR}")
        for value in (1e19, -1e200, 1.7e308)
    ),
    ({"tol": 0.0}, np.eye(3), [0, 1, 2], None, "tol: expected a finite number above 0, got 0.0; pass one such number"),
    (
        {},
        with_(2, 1, np.nan),
        [0, 1, 2],
        None,
        "logits, row 2, column 1 (counted from 0): expected a finite number, got NaN; correct or remove that row",
    ),
    (
        {},
        with_(1, 0, np.inf),
        [0, 1, 2],
        None,
        "logits, row 1, column 0 (counted from 0): expected a finite number, got inf; correct or remove that row",
    ),
    (
        {},
        np.zeros((3, 1)),
        [0, 1, 1],
        None,
        "logits: expected one column for each of at least two classes, got n_features = 1; for a single logit z of the "
        "second of two classes pass np.column_stack([0 * z, z])",
    ),
    (
        {},
        np.eye(3),
        [0, 1, 1],
        None,
        f"y: expected 3 different labels, as many as logits has columns, got 2; {CLASSES}",
    ),
    (
        {},
        np.eye(4)[:, :3],
        ["a", "b", "c", "d"],
        None,
        f"y: expected 3 different labels, as many as logits has columns, got 4; {CLASSES}",
    ),
    (
        {"classes": ["a", "b", "d"]},
        np.eye(3),
        ["a", "b", "c"],
        None,
        "y, row 2 (counted from 0): expected one of the classes of logits' columns, got 'c'; "
        "correct it, or name it in classes",
    ),
    (
        {"classes": [0, 1, 1]},
        np.eye(3),
        [0, 1, 1],
        None,
        "classes: expected 3 different labels, one for each column of logits, got 3, 2 of them different; "
        "name the class of each column once",
    ),
    (
        {"classes": 3},
        np.eye(3),
        [0, 1, 1],
        None,
        "classes: expected 3 different labels, one for each column of logits, got shape (); "
        "name the class of each column once",
    ),
    (
        {},
        np.eye(3),
        np.full((3, 2), 0.5),
        None,
        "y: expected shape (3, 3) (soft labels: one column per class), got shape (3, 2); "
        "reshape or broadcast it yourself, so that nothing is paired by accident",
    ),
    (
        {},
        np.eye(3),
        [[0.5, 0.5, 0.1]] * 3,
        None,
        "y, row 0 (counted from 0): expected probabilities of at least 0 that sum to 1, got a sum of 1.1; "
        "divide it by its sum",
    ),
    (
        {},
        np.eye(3),
        [0, 1, 2],
        [1.0, -2.0, 1.0],
        "sample_weight, row 1 (counted from 0): expected a finite weight of at least 0, got -2; "
        "correct it, or pass 0 to leave the row out",
    ),
    (
        {},
        np.eye(3),
        [0, 1, 2],
        [0.0, 0.0, 0.0],
        "sample_weight: expected a positive weight of at least one row, got zero for all of them; "
        "weigh the rows that count above 0",
    ),
]
IMPOSSIBLE = [
    (
        {},
        np.vstack([np.eye(3), np.full((1, 3), -np.inf)]),
        [0, 1, 2, 0],
        None,
        "logits, row 3 (counted from 0): expected at least one class that is possible, got -inf for all of them; "
        "correct or remove that row",
    ),
    *(
        (
            {},
            with_(1, 1, -np.inf),
            y,
            None,
            "logits, row 1 (counted from 0): expected a logit above -inf at the target, got -inf, whose loss is "
            "infinite however it is scaled; correct it, or weigh the row 0",
        )
        for y in ([0, 1, 2], np.eye(3) * 0.7 + 0.1)
    ),
]
FITTED_BY_NONE = "check that columns are in the order of classes"
OWN = [
    (
        TemperatureScaling,
        {},
        np.eye(3),
        [0, 1, 2],
        None,
        "logits: expected a row whose target is not at its largest logit, got none: the lower the temperature, the "
        "lower the loss; calibrate with rows that the classifier was not fitted to, or with more of them",
    ),
    *(
        (
            TemperatureScaling,
            {},
            logits,
            y,
            None,
            "logits: expected larger ones at the targets than elsewhere on average, got none that tell: the higher the "
            f"temperature, the lower the loss; {FITTED_BY_NONE}",
        )
        for logits, y in (
            (np.eye(3), [1, 2, 0]),
            (np.ones((3, 3)), [0, 1, 2]),
            (np.tile([0.1, 0.7, 0.3], (3, 1)), [0, 1, 2]),
            (np.eye(3), np.full((3, 3), 1 / 3)),
        )
    ),
    (
        MatrixScaling,
        {},
        with_(1, 2, -np.inf),
        [0, 1, 2],
        None,
        "logits, row 1, column 2 (counted from 0): expected a finite number, since a matrix mixes all classes, got "
        "-inf; use TemperatureScaling or VectorScaling, which keep -inf an impossible class",
    ),
    *(
        (scaling, *case)
        for scaling in (VectorScaling, MatrixScaling)
        for case in (
            (
                {"C": 0.0},
                np.eye(3),
                [0, 1, 2],
                None,
                "C: expected a finite number above 0, got 0.0; pass one such number",
            ),
            (
                {"max_iter": 0},
                np.eye(3),
                [0, 1, 2],
                None,
                "max_iter: expected an integer of at least 1, got 0; pass one such number",
            ),
        )
    ),
]


@pytest.mark.parametrize(
    ("scaling", "parameters", "logits", "y", "sample_weight", "message"),
    [
        *((scaling, *case) for scaling in SCALINGS for case in ANY),
        *((scaling, *case) for scaling in (TemperatureScaling, VectorScaling) for case in IMPOSSIBLE),
        *OWN,
    ],
)
def test_promise_24_bad_input_to_fit(scaling, parameters, logits, y, sample_weight, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        scaling(**parameters).fit(logits, y, sample_weight)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        (
            "predict",
            [[[0.0, np.nan]]],
            "logits, row 0, column 1 (counted from 0): expected a finite number, got NaN; correct or remove that row",
        ),
        # The words that scikit-learn's checks ask of every estimator.
        ("predict", [[[0.0]]], "X has 1 features, but TemperatureScaling is expecting 2 features as input."),
        (
            "loss",
            [np.eye(2), ["a", "c"]],
            "y, row 1 (counted from 0): expected one of the classes of logits' columns, got 'c'; "
            "correct it, or name it in classes",
        ),
        ("loss", [np.eye(2), ["a"]], "Found input variables with inconsistent numbers of samples: [2, 1]"),
    ],
)
def test_promise_24_bad_input_to_a_fitted_model(method, arguments, message):
    model = TemperatureScaling().fit([[1.0, 0.0], [0.0, 1.0], [0.5, 0.0]], ["a", "b", "b"])
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        getattr(model, method)(*arguments)
