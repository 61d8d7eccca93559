from __future__ import annotations

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest

from crossentropy import io


def test_numbers_of_every_type_become_float64():
    table = pa.table(
        {
            "int8": pa.array([1, 2], pa.int8()),
            "uint64": pa.array([2**64 - 1, 0], pa.uint64()),
            "half": pa.array(np.array([0.5, 1.5], np.float16)),
            "single": pa.array([0.1, 0.2], pa.float32()),
            "decimal": pa.array([decimal.Decimal("0.25"), decimal.Decimal("1.5")]),
        }
    )
    numbers = io.numeric_columns(table, table.column_names)
    assert numbers.dtype == np.float64
    expected = [[1, 2], [2.0**64, 0], [0.5, 1.5], np.float32([0.1, 0.2]), [0.25, 1.5]]
    np.testing.assert_array_equal(numbers, np.transpose(expected))


def test_only_the_named_columns_in_the_named_order():
    table = pa.table({"a": [1], "b": ["x"], "c": [3]})
    assert io.numeric_columns(table, ["c", "a"]).tolist() == [[3.0, 1.0]]
    assert io.numeric_columns(table, []).shape == (1, 0)


@pytest.mark.parametrize(
    ("values", "received"),
    [
        ([1.0, float("nan")], "nan"),
        ([1.0, float("-inf")], "-inf"),
        ([1.0, None], "an empty entry"),
        ([1, None], "an empty entry"),
    ],
)
@pytest.mark.parametrize("first_row", [0, 40])
def test_the_first_bad_entry_is_named(values, received, first_row):
    table = pa.table({"good": [1, 2], "bad": values})
    with pytest.raises(ValueError) as raised:
        io.numeric_columns(table, ["good", "bad"], first_row=first_row)
    assert str(raised.value) == (
        f"column 'bad', row {first_row + 1} (counted from 0): expected a finite number, got {received}; "
        "fill in or remove that row"
    )


def test_infinity_is_taken_on_request_and_nan_never():
    table = pa.table({"a": [float("inf"), float("-inf")], "b": [1.0, float("nan")]})
    assert io.numeric_columns(table, ["a"], allow_infinite=True).tolist() == [[np.inf], [-np.inf]]
    with pytest.raises(ValueError, match=r"^column 'b', row 1 \(counted from 0\): expected a number, got nan;"):
        io.numeric_columns(table, ["b"], allow_infinite=True)


def test_a_column_of_only_empty_entries():
    with pytest.raises(ValueError, match=r"^column 'a', row 0 \(counted from 0\): .* got an empty entry;"):
        io.numeric_columns(pa.table({"a": [None, None]}), ["a"])


@pytest.mark.parametrize(
    ("values", "kind"), [(["1", "x"], "string"), ([True, False], "bool"), ([dt.date(2024, 2, 29)], "date32[day]")]
)
def test_a_column_that_holds_no_numbers(values, kind):
    with pytest.raises(ValueError) as raised:
        io.numeric_columns(pa.table({"a": values}), ["a"])
    assert str(raised.value) == (
        f"column 'a': expected numbers, got values of type {kind}; convert it to numbers, or leave it out"
    )


@pytest.mark.parametrize(
    ("available", "received", "remedy"),
    [
        (["color", "size"], "'color', 'size'", "perhaps 'color' is meant"),
        (["a", "b"], "'a', 'b'", "name one of these columns"),
        (
            [f"x{k}" for k in range(12)],
            "'x0', 'x1', 'x2', 'x3', 'x4', 'x5', 'x6', 'x7', 'x8', 'x9' and 2 more",
            "name one of these columns",
        ),
    ],
)
def test_a_missing_column_names_what_is_near_or_there(available, received, remedy):
    with pytest.raises(ValueError) as raised:
        io.require_columns(["colour"], available, source="data.csv")
    assert str(raised.value) == f"data.csv: expected a column 'colour', got {received}; {remedy}"
