"""What explain refuses, and in which words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from crossentropy.explanation import explain

REFUSED: list[tuple[str, type[Exception], dict[str, Any], str]] = [
    (
        "neither",
        ValueError,
        {"target": 0},
        "logits, probabilities: expected one of the two, got neither; pass the row that the model gave",
    ),
    (
        "both",
        ValueError,
        {"logits": [1.0], "probabilities": [1.0], "target": 0},
        "logits, probabilities: expected one of the two, got both; pass the row that the model gave",
    ),
    (
        "promise 3: sum",
        ValueError,
        {"probabilities": [0.5, 0.3], "target": 0},
        "probabilities: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.8; "
        "divide the row by its sum or correct an entry",
    ),
    (
        "promise 3: negative",
        ValueError,
        {"probabilities": [1.5, -0.5], "target": 0},
        "probabilities: expected probabilities of at least 0, got -0.5 at class 1; remove or correct that entry",
    ),
    (
        "promise 3: soft target",
        ValueError,
        {"logits": [1.0, 2.0], "target": [0.5, 0.4]},
        "target: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 0.9; "
        "divide the row by its sum or correct an entry",
    ),
    (
        "promise 12: too large",
        IndexError,
        {"logits": [1.0, 2.0], "target": 2},
        "target: expected a class index from 0 to 1, got 2; "
        "pass the index of the true class, or 2 probabilities for a soft target",
    ),
    (
        "promise 12: negative",
        IndexError,
        {"logits": [1.0, 2.0], "target": -1},
        "target: expected a class index from 0 to 1, got -1; "
        "pass the index of the true class, or 2 probabilities for a soft target",
    ),
    (
        "fractional class",
        TypeError,
        {"logits": [1.0, 2.0], "target": 0.5},
        "target: expected a class index from 0 to 1, got 0.5; "
        "pass the index of the true class, or 2 probabilities for a soft target",
    ),
    (
        "soft target of another length",
        ValueError,
        {"logits": [1.0, 2.0], "target": [0.5, 0.25, 0.25]},
        "target: expected one probability per class, so 2, got 3; give the predictions and the target the same classes",
    ),
    (
        "labels of another length",
        ValueError,
        {"logits": [1.0, 2.0], "target": 1, "kind": "sigmoid"},
        "target: expected one number from 0 to 1 per label, so 2, got 1; "
        "give the predictions and the target the same labels",
    ),
    (
        "label beyond 1",
        ValueError,
        {"logits": [1.0, 2.0], "target": [0, 3], "kind": "sigmoid"},
        "target: expected numbers from 0 to 1, got 3 at label 1; correct that entry",
    ),
    (
        "probability beyond 1",
        ValueError,
        {"probabilities": [1.25], "target": 1, "kind": "sigmoid"},
        "probabilities: expected numbers from 0 to 1, got 1.25 at label 0; correct that entry",
    ),
    (
        "nan",
        ValueError,
        {"logits": [1.0, math.nan], "target": 0},
        "logits: expected numbers, got nan at class 1; correct that entry",
    ),
    (
        "two rows",
        ValueError,
        {"logits": np.zeros((2, 3)), "target": 0},
        "logits: expected one row of numbers, one per class, got shape (2, 3); pass the row that is to be explained",
    ),
    (
        "no classes",
        ValueError,
        {"logits": [], "target": 0},
        "logits: expected one row of numbers, one per class, got shape (0,); pass the row that is to be explained",
    ),
    (
        "promise 10: only -inf",
        ValueError,
        {"logits": [-math.inf, -math.inf], "target": 0},
        "logits: expected a logit above -inf, got -inf for every class; keep at least one class",
    ),
    (
        "promise 6: two +inf",
        ValueError,
        {"logits": [math.inf, 0.0, math.inf], "target": 0},
        "logits: expected one +inf at most, got +inf at classes 0 and 2; "
        "two certain classes have no distribution: correct one of them",
    ),
    (
        "kind",
        ValueError,
        {"logits": [1.0], "target": 0, "kind": "hinge"},
        "kind: expected one of 'softmax', 'sigmoid', got 'hinge'; pass one of these words",
    ),
    (
        "base",
        ValueError,
        {"logits": [1.0], "target": 0, "base": 1},
        "base: expected a base other than 1, got 1; pass 2 for bits, 10 for hartleys",
    ),
]


@pytest.mark.parametrize(
    ("error", "arguments", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_promise_24_refuses_in_one_sentence(error: type[Exception], arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(error) as caught:
        explain(**arguments)
    assert str(caught.value) == message
    assert type(caught.value) is error


def test_promise_3_the_tolerance_is_the_dtype_s_and_nothing_is_normalised() -> None:
    row = np.array([0.1, 0.2, 0.7001])
    derivation = explain(probabilities=row.astype(np.float32), target=2)
    assert derivation.sections[0].steps[1].value == tuple(float(p) for p in row.astype(np.float32))
    np.testing.assert_allclose(derivation.loss, -math.log(0.7001), rtol=1e-6)
    with pytest.raises(ValueError, match=r"got a sum of 1\.0001;"):
        explain(probabilities=row, target=2)
