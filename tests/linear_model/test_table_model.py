from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from crossentropy.linear_model import SoftmaxRegression, TableModel
from crossentropy.linear_model._encoding import CategoricalColumn, NumericColumn, encode, fit_column

SIZES = [1.0, 2.0, 4.0, 5.0, 9.0, 8.0]
COLOURS = ["red", "blue", "red", "green", "blue", "red"]
RIPE = [True, False, True, False, True, True]
FRUITS = ["apple", "apple", "pear", "pear", "plum", "plum"]


def table(**changes):
    columns = {"size": SIZES, "colour": COLOURS, "ripe": RIPE, "fruit": FRUITS}
    return pa.table({name: column for name, column in {**columns, **changes}.items() if column is not None})


def test_features_are_those_of_the_scikit_learn_transformers():
    model = TableModel.fit(table(), "fruit")
    transformers = ColumnTransformer(
        [("size", StandardScaler(), [0]), ("others", OneHotEncoder(sparse_output=False), [1, 2])]
    )
    theirs = transformers.fit_transform(np.array([SIZES, COLOURS, RIPE], dtype=object).T)
    np.testing.assert_allclose(encode(model.columns, table()), theirs.astype(float), rtol=1e-15)


def test_the_regression_is_the_one_on_these_features():
    model = TableModel.fit(table(), "fruit", C=3.0)
    alone = SoftmaxRegression(C=3.0).fit(encode(model.columns, table()), FRUITS)
    np.testing.assert_array_equal(model.regression.coef_, alone.coef_)


def test_predictions_are_a_table_that_names_its_classes():
    model = TableModel.fit(table(), "fruit")
    found = model.predict(table())
    assert found.column_names == ["fruit", "prediction", "apple", "pear", "plum"]
    assert found["fruit"].to_pylist() == FRUITS
    assert found["prediction"].to_pylist() == FRUITS
    probabilities = np.column_stack([found[name].to_numpy() for name in model.regression.classes_])
    np.testing.assert_array_equal(probabilities, model.regression.predict_proba(encode(model.columns, table())))
    assert model.predict(table(fruit=None)).column_names == ["prediction", "apple", "pear", "plum"]


@pytest.mark.parametrize(
    ("target", "names", "kind"),
    [
        (pa.array([3, 3, 10, 10, 2, 2], pa.uint8()), ["2", "3", "10"], pa.uint8()),
        (pa.array([0.0, 0.0, 1.0, 1.0, 2.0, 2.0]), ["0", "1", "2"], pa.int64()),
        (pa.array([True, False] * 3), ["false", "true"], pa.bool_()),
        (pa.array(FRUITS).dictionary_encode(), ["apple", "pear", "plum"], pa.string()),
        (pa.array(FRUITS, pa.large_string()), ["apple", "pear", "plum"], pa.string()),
    ],
    ids=["integers", "whole floats", "booleans", "dictionary", "large strings"],
)
def test_labels_of_any_type_name_the_probability_columns(target, names, kind):
    found = TableModel.fit(table(fruit=target), "fruit").predict(table(fruit=target))
    assert found.column_names == ["fruit", "prediction", *names]
    assert found["prediction"].type == kind


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1, 3], pa.int8()), NumericColumn("x", 2.0, 1.0)),
        (pa.array([5.0, 5.0]), NumericColumn("x", 5.0, 1.0)),
        (pa.array(["b", "a"]), CategoricalColumn("x", ("a", "b"))),
        (pa.array(["b", "a"]).dictionary_encode(), CategoricalColumn("x", ("a", "b"))),
        (pa.array([2, 10]).dictionary_encode(), CategoricalColumn("x", ("10", "2"))),
        (pa.array([True, True]), CategoricalColumn("x", ("true",))),
    ],
    ids=["numbers", "a constant", "text", "dictionary", "dictionary of numbers", "booleans"],
)
def test_a_column_is_encoded_by_its_type(column, expected):
    assert fit_column("x", pa.table({"x": column})) == expected


def test_digits_typed_as_numbers_are_the_categories_they_spell():
    """A CSV file with only some of the rows may hold only such categories that look like numbers."""
    column = CategoricalColumn("x", ("1", "2", "none"))
    np.testing.assert_array_equal(column.encode(pa.table({"x": [2, 1]})), [[0, 1, 0], [1, 0, 0]])


DAYS = pa.array([0] * 6, pa.date32())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"fruit": None},
            "table: expected a column 'fruit', got 'size', 'colour', 'ripe'; name one of these columns",
        ),
        (
            {"size": None, "colour": None, "ripe": None},
            "table: expected at least one feature column beside the target 'fruit', got none; "
            "add the columns to predict from",
        ),
        (
            {"fruit": ["apple"] * 6},
            "column 'fruit': expected at least two classes, got one class, 'apple'; add rows of another class",
        ),
        (
            {"size": [1.0, 2.0, float("nan"), 4.0, 5.0, 6.0]},
            "column 'size', row 2 (counted from 0): expected a finite number, got nan; fill in or remove that row",
        ),
        (
            {"size": [1.0, 2.0, 3.0, None, 5.0, 6.0]},
            "column 'size', row 3 (counted from 0): expected a finite number, got an empty entry; "
            "fill in or remove that row",
        ),
        (
            {"colour": ["red", None, "red", "red", "red", "red"]},
            "column 'colour', row 1 (counted from 0): expected a category, got an empty entry; "
            "fill in or remove that row",
        ),
        (
            {"colour": ["red", "red", "", "red", "red", "red"]},
            "column 'colour', row 2 (counted from 0): expected a category, got an empty entry; "
            "fill in or remove that row",
        ),
        (
            {"colour": DAYS},
            "column 'colour': expected numbers, text or booleans, got values of type date32[day]; "
            "convert it, or leave it out",
        ),
        (
            {"fruit": ["apple", "", "pear", "pear", "pear", "pear"]},
            "column 'fruit', row 1 (counted from 0): expected a class label (text, a boolean or a whole number), "
            "got an empty entry; fill in or remove that row",
        ),
        (
            {"fruit": [0.0, 1.0, 2.5, 0.0, 1.0, 2.0]},
            "column 'fruit', row 2 (counted from 0): expected a class label (text, a boolean or a whole number), "
            "got 2.5; fill in or remove that row",
        ),
        (
            {"fruit": [0, 1, None, 0, 1, 2]},
            "column 'fruit', row 2 (counted from 0): expected a class label (text, a boolean or a whole number), "
            "got an empty entry; fill in or remove that row",
        ),
        (
            {"fruit": DAYS},
            "column 'fruit': expected class labels: text, booleans or integers, got values of type date32[day]; "
            "convert it",
        ),
        (
            {"fruit": ["fruit", "pear"] * 3},
            "column 'fruit': expected classes whose names are free for columns of the predictions, "
            "got a class 'fruit'; rename that class or the column",
        ),
        (
            {"fruit": ["prediction", "pear"] * 3},
            "column 'fruit': expected classes whose names are free for columns of the predictions, "
            "got a class 'prediction'; rename that class",
        ),
    ],
)
def test_promise_24_a_table_that_cannot_be_fitted(changes, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        TableModel.fit(table(**changes), "fruit")


MANY = [f"c{number:02}" for number in range(12)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": None}, "table: expected a column 'size', got 'colour', 'ripe', 'fruit'; name one of these columns"),
        (
            {"size": ["big"] * 6},
            "column 'size': expected numbers, got values of type string; convert it to numbers, or leave it out",
        ),
        (
            {"colour": ["red", "red", "mauve", "red", "pink", "red"]},
            "column 'colour', row 2 (counted from 0): expected one of the categories 'blue', 'green', 'red', "
            "got 'mauve'; correct it, or fit the model with rows of that category",
        ),
        (
            {"colour": DAYS},
            "column 'colour': expected numbers, text or booleans, got values of type date32[day]; "
            "convert it, or leave it out",
        ),
        (
            {"fruit": ["apple", "pear", "plum", "fig", "pear", "pear"]},
            "column 'fruit', row 3 (counted from 0): expected one of the model's classes 'apple', 'pear', 'plum', "
            "got 'fig'; correct it, or fit the model with rows of that class",
        ),
    ],
)
def test_promise_24_a_table_that_cannot_be_predicted(changes, message):
    model = TableModel.fit(table(), "fruit")
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        model.predict(table(**changes))


def test_long_lists_of_what_is_known_are_cut():
    shown = ", ".join(repr(name) for name in MANY[:10])
    model = TableModel.fit(pa.table({"a": MANY, "y": MANY}), "y")
    with pytest.raises(ValueError, match=re.escape(f"expected one of the categories {shown} and 2 more, got 'x'")):
        model.predict(pa.table({"a": ["x"]}))
    with pytest.raises(ValueError, match=re.escape(f"expected one of the model's classes {shown} and 2 more, got 'x'")):
        model.predict(pa.table({"a": ["c00"], "y": ["x"]}))
