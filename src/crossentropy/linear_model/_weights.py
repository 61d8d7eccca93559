"""The weight of each training row: the caller's, times its class's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import as_floats, as_number, check_shape, sentence

Floats = NDArray[np.float64]


def training_weights(sample_weight: Any, class_weight: Any, classes: NDArray[Any], codes: NDArray[np.intp]) -> Floats:
    """Float64 weights (N,): ``sample_weight`` (default 1) times the weight of each row's class.

    Every class must be left with some weight: without any, no finite intercept is best for it.
    """
    weights = sample_weights(sample_weight, len(codes))
    masses = np.zeros(len(classes))
    np.add.at(masses, codes, weights)
    if not (masses > 0.0).all():
        raise ValueError(
            sentence(
                "sample_weight",
                expected="a positive total weight in each class",
                received=f"zero for class {classes.tolist()[int(np.argmin(masses > 0.0))]!r}",
                remedy="weigh its rows above 0, or remove them",
            )
        )
    return weights * _class_weights(class_weight, classes, masses)[codes]


def sample_weights(sample_weight: Any, rows: int) -> Floats:
    """Float64 weights (N,), finite and at least 0; 1 where none are given."""
    if sample_weight is None:
        return np.ones(rows)
    weights = as_floats("sample_weight", sample_weight).astype(np.float64)
    check_shape("sample_weight", weights.shape, (rows,), "one weight per row of X")
    wrong = ~(np.isfinite(weights) & (weights >= 0.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            sentence(
                f"sample_weight, row {row} (counted from 0)",
                expected="a finite weight of at least 0",
                received=f"{weights[row]:g}",
                remedy="correct it, or pass 0 to leave the row out",
            )
        )
    return weights


def _class_weights(class_weight: Any, classes: NDArray[Any], masses: Floats) -> Floats:
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str) and class_weight == "balanced":
        balanced: Floats = masses.sum() / (len(classes) * masses)
        return balanced
    labels = classes.tolist()
    if not isinstance(class_weight, Mapping):
        raise ValueError(
            sentence(
                "class_weight",
                expected="None, 'balanced' or a dict of weights by class",
                received=repr(class_weight),
                remedy="pass one of these",
            )
        )
    for label in class_weight:
        if label not in labels:
            raise ValueError(
                sentence(
                    "class_weight",
                    expected="classes that occur in y",
                    received=repr(label),
                    remedy="remove it, or correct its spelling and type",
                )
            )
    return np.array([as_number(f"class_weight[{k!r}]", class_weight.get(k, 1.0), above=0.0) for k in labels])
