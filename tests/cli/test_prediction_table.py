from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from crossentropy.cli._prediction_table import PREFIXES, class_columns, class_labels, predictions, target_indices

SCHEMA = pa.schema(
    [
        ("y", pa.int64()),
        ("name", pa.string()),
        ("prediction", pa.int64()),
        ("a", pa.float64()),
        ("b", pa.float32()),
        ("flag", pa.bool_()),
        ("c", pa.int8()),
    ]
)


@pytest.mark.parametrize(
    ("target", "chosen", "columns"),
    [
        ("y", None, ["a", "b", "c"]),
        ("name", None, ["y", "a", "b", "c"]),
        ("y", "c,a", ["c", "a"]),
        ("y", ' "a" , b ', ["a", "b"]),
        ("y", "a,prediction", ["a", "prediction"]),
    ],
)
def test_class_columns(target, chosen, columns):
    assert class_columns(SCHEMA, target, chosen, "p.csv") == columns


@pytest.mark.parametrize(("chosen", "received"), [("a", "'a'"), ("", "none"), ("a,a", "'a', 'a'"), ("a,y", "'a', 'y'")])
def test_class_columns_that_are_none(chosen, received):
    with pytest.raises(ValueError) as raised:
        class_columns(SCHEMA, "y", chosen, "p.csv")
    assert str(raised.value) == (
        f"p.csv: expected two class columns or more, all different and none of them the target, got {received}; "
        "write one numeric column per class (for two classes 1 - p and p), and name them with --classes"
    )


@pytest.mark.parametrize("chosen", [None, "a,b"])
def test_a_missing_target(chosen):
    with pytest.raises(ValueError, match=r"^p\.csv: expected a column 'z', got 'y', 'name', .*; name one of these"):
        class_columns(SCHEMA, "z", chosen, "p.csv")


@pytest.mark.parametrize(
    ("columns", "labels"),
    [
        *((["cat", "dog"], ["cat", "dog"]) for _ in range(1)),
        *(([f"{prefix}cat", f"{prefix}dog"], ["cat", "dog"]) for prefix in PREFIXES),
        (["p_cat", "dog"], ["p_cat", "dog"]),
        (["p_", "p_dog"], ["p_", "p_dog"]),
        (["class_a", "class_b"], ["class_a", "class_b"]),
        (["X0", "X1", "X2"], ["0", "1", "2"]),
        (["X1", "X2"], ["X1", "X2"]),
        (["0", "1"], ["0", "1"]),
        (["p_7", "p_9"], ["7", "9"]),
    ],
)
def test_class_labels(columns, labels):
    assert class_labels(columns) == labels


@pytest.mark.parametrize(
    ("targets", "labels", "indices"),
    [
        (["dog", "cat"], ["cat", "dog"], [1, 0]),
        (["2", "1"], ["1", "2"], [1, 0]),
        ([2, 1], ["1", "2"], [1, 0]),
        ([2.0, 1.0], ["1", "2"], [1, 0]),
        ([2.5, 1.5], ["1.5", "2.5"], [1, 0]),
        ([1, 0, 2], ["cat", "dog", "nan"], [1, 0, 2]),
        ([True, False], ["False", "True"], [1, 0]),
        ([True, False], ["true", "false"], [0, 1]),
    ],
)
@pytest.mark.parametrize("encoded", [False, True])
def test_targets_are_labels_or_where_no_label_is_a_number_indices(targets, labels, indices, encoded):
    column = pa.array(targets)
    column = column.dictionary_encode() if encoded else column
    assert target_indices(column, labels, name="y", first_row=0).tolist() == indices


@pytest.mark.parametrize(
    ("targets", "labels", "expected", "received"),
    [
        (["cat", "bird"], ["cat", "dog"], "cat, dog or an index from 0 to 1", "'bird'"),
        ([1, 2], ["cat", "dog"], "cat, dog or an index from 0 to 1", "2"),
        ([0.0, 0.5], ["cat", "dog"], "cat, dog or an index from 0 to 1", "0.5"),
        ([1, -1], ["cat", "dog"], "cat, dog or an index from 0 to 1", "-1"),
        ([1, 0], ["1", "2"], "1, 2", "0"),
        (["cat", None], ["cat", "dog"], "cat, dog or an index from 0 to 1", "an empty entry"),
        ([1, None], ["1", "2"], "1, 2", "an empty entry"),
        ([0, 12], [str(k) for k in range(12)], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more", "12"),
    ],
)
def test_a_target_outside_the_classes(targets, labels, expected, received):
    with pytest.raises(ValueError) as raised:
        target_indices(pa.array(targets), labels, name="y", first_row=40)
    assert str(raised.value) == (
        f"column 'y', row 41 (counted from 0): expected one of the classes {expected}, got {received}; "
        "correct it, or add a column for its class"
    )


@pytest.mark.parametrize("labels", [["1", "cat"], ["1", "1.0"]])
def test_numbers_that_could_be_labels_or_indices(labels):
    with pytest.raises(ValueError) as raised:
        target_indices(pa.array([1, 0]), labels, name="y", first_row=0)
    assert str(raised.value) == (
        "column 'y': expected text, since the class columns are not all named by different numbers, "
        "got numbers, which could be labels or indices; rename the class columns, or name them with --classes"
    )


def test_targets_of_another_type():
    with pytest.raises(ValueError) as raised:
        target_indices(pa.array([b"cat"]), ["cat", "dog"], name="y", first_row=0)
    assert str(raised.value) == (
        "column 'y': expected labels or class indices, got values of type binary; convert it to text or integers"
    )


def block(dtype, *rows):
    return pa.record_batch(dict(zip("abc", np.array(rows, dtype=dtype).T, strict=True)))


def read(batch, *, logits=False, normalize=False, first_row=0):
    return predictions(batch, ["a", "b", "c"], first_row=first_row, logits=logits, normalize=normalize, source="p.csv")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_probabilities_keep_the_type_whose_tolerance_they_are_held_to(dtype):
    """Promise 3."""
    numbers = read(block(dtype, [0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3]))
    assert numbers.dtype == dtype
    np.testing.assert_array_equal(numbers, np.array([[0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3]], dtype))


def test_integers_count_as_float64():
    assert read(block(np.int64, [0, 1, 0])).dtype == np.float64


def test_normalize_divides_by_the_sum():
    assert read(block(np.int64, [1, 1, 2]), normalize=True).tolist() == [[0.25, 0.25, 0.5]]


def test_logits_may_be_infinite():
    assert read(block(np.float64, [0.0, -np.inf, 3.0]), logits=True).tolist() == [[0.0, -np.inf, 3.0]]


@pytest.mark.parametrize(
    ("rows", "normalize", "message"),
    [
        (
            [[0.2, 0.2, 0.6], [0.3, 0.3, 0.3]],
            False,
            "p.csv, row 41 (counted from 0): expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.9; "
            "pass --normalize if they were rounded, --logits if these are logits, --classes to name the class columns",
        ),
        (
            [[0.2, 0.2, 0.6], [0.5, -1.5, 0.3]],
            False,
            "p.csv, row 41 (counted from 0): expected probabilities of at least 0, got -1.5 in column 'b'; "
            "pass --logits if these are logits, --classes to name the class columns",
        ),
        (
            [[0.2, 0.2, 0.6], [0.0, 0.0, 0.0]],
            True,
            "p.csv, row 41 (counted from 0): expected a sum above 0, got a sum of 0; remove or correct that row",
        ),
        (
            [[0.2, 0.2, 0.6], [0.5, np.nan, 0.3]],
            True,
            "column 'b', row 41 (counted from 0): expected a finite number, got nan; fill in or remove that row",
        ),
        (
            [[0.2, 0.2, 0.6], [0.5, np.inf, 0.3]],
            True,
            "column 'b', row 41 (counted from 0): expected a finite number, got inf; fill in or remove that row",
        ),
    ],
)
def test_rows_that_are_no_distribution(rows, normalize, message):
    with pytest.raises(ValueError) as raised:
        read(block(np.float64, *rows), normalize=normalize, first_row=40)
    assert str(raised.value) == message
