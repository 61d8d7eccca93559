"""What a meter is given, checked and brought to float64 probabilities and losses per row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import crossentropy as ce
from crossentropy._validation import Array, as_array, as_floats, check_rows_sum_to_one, check_shape, sentence
from crossentropy.reference import measures

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


def given_one(**arguments: Any) -> tuple[str, Any]:
    """The name and value of the one argument that is not None."""
    given = [(name, value) for name, value in arguments.items() if value is not None]
    if len(given) != 1:
        raise TypeError(
            sentence(
                "update",
                expected="one of " + ", ".join(arguments),
                received=" and ".join(name for name, _ in given) or "none of them",
                remedy="pass the predictions in one form",
            )
        )
    return given[0]


def class_indices(targets: Any, rows: int, classes: int) -> Indices:
    """Targets as indices in [0, classes), one per row."""
    indices = as_array("targets", targets)
    if indices.dtype.kind not in "iub":
        raise TypeError(
            sentence(
                "targets",
                expected="class indices (integers)",
                received=f"dtype {indices.dtype}",
                remedy="map each label to its position among the classes",
            )
        )
    check_shape("targets", indices.shape, (rows,), "one class index per row of the predictions")
    outside = (indices < 0) | (indices >= classes)
    if outside.any():
        row = int(np.argmax(outside))
        raise IndexError(
            sentence(
                f"targets, row {row}",
                expected=f"a class index in [0, {classes})",
                received=str(indices[row]),
                remedy="remove the row or correct its label",
            )
        )
    return indices.astype(np.intp)


def row_weights(sample_weight: Any, rows: int) -> Floats:
    """Sample weights as float64, 1 where none are given."""
    if sample_weight is None:
        return np.ones(rows)
    weights = as_floats("sample_weight", sample_weight).astype(np.float64)
    check_shape("sample_weight", weights.shape, (rows,), "one weight per row of the predictions")
    wrong = ~(np.isfinite(weights) & (weights >= 0.0))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            sentence(
                f"sample_weight, row {row}",
                expected="a finite weight of at least 0",
                received=f"{weights[row]:g}",
                remedy="correct it, or pass 0 to drop the row",
            )
        )
    return weights


def check_distributions(argument: str, rows: Array, remedy: str) -> None:
    """Each row must be a distribution (promise 3)."""
    sums = np.where((rows >= 0.0).all(axis=-1), rows.sum(axis=-1, dtype=np.float64), np.nan)
    check_rows_sum_to_one(argument, rows, sums, remedy)


def probabilities_and_losses(form: str, array: Array, indices: Indices) -> tuple[Floats, Floats]:
    """Probabilities (N, K) and −log p(truth) (N,), both float64, of predictions in one of the three forms."""
    truth = (np.arange(len(array)), indices)
    floats = array.astype(np.float64)
    if form == "logits":
        losses = np.asarray(ce.softmax_cross_entropy(floats, indices, reduction="none"))
        undefined = np.isnan(losses)
        if undefined.any():
            raise ValueError(
                sentence(
                    f"logits, row {int(np.argmax(undefined))}",
                    expected="a row whose softmax exists",
                    received="NaN, +inf twice or nothing but -inf",
                    remedy="remove or correct that row",
                )
            )
        return np.asarray(ce.softmax(floats)), losses
    if form == "log_probabilities":
        probabilities = np.exp(floats)
        check_distributions(form, probabilities.astype(array.dtype), "subtract each row's logsumexp, or pass logits")
        return probabilities, 0.0 - floats[truth]  # and not -x, for certainty to cost 0.0
    check_distributions(form, array, "divide each row by its sum")
    # The formula itself, not ce.surprisal: within the tolerance a probability may exceed 1.
    with np.errstate(divide="ignore"):
        return floats, measures.surprisal(floats[truth])
