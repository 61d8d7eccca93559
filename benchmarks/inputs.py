"""The numbers that a case runs on: drawn from a seed, the same for every contestant."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import HEAD, Case

Array = NDArray[Any]

#: Elements that the sample for the error holds, about: fewer where the exact results take mpmath.
_SAMPLED_ELEMENTS = {"bfloat16": 2**18, "float16": 2**18, "float32": 2**18, "float64": 2**14}
#: Its rows, at most: a peer without losses of rows is called for each.
_SAMPLED_ROWS = 1000
_SEED = 20260101
#: The label of rows that ``ignore_index`` drops.
IGNORED = -100


@dataclass(frozen=True, eq=False)
class Inputs:
    """The arguments of a case, and a buffer for its gradient where the case brings one."""

    predictions: Array
    targets: Any  # an array; None for activations
    buffer: Array | None
    options: dict[str, Any] = field(default_factory=dict)


def draw(case: Case) -> Inputs:
    """Logits are normal with standard deviation 2; as in a trained model, the label of every second row has 12 more.

    Probabilities are the softmax of such logits without the 12.
    """
    if case.operation == HEAD:
        return _head(case)
    predictions, targets = _arguments(case.plain())
    buffer = None
    if case.wants == "gradient into out=":
        buffer = np.zeros_like(predictions)
    elif case.wants == "gradient in place":
        buffer = predictions.copy()
    if case.option == "ignore_index":
        targets = targets.copy()
        targets[::10] = IGNORED
    return Inputs(predictions, targets, buffer, _options(case, targets))


@lru_cache(maxsize=1)
def _arguments(case: Case) -> tuple[Array, Any]:
    """Predictions and targets, kept for the next case if it has the same."""
    rng = np.random.default_rng(_SEED)
    predictions = 2.0 * rng.standard_normal(case.shape, dtype=np.float32)
    targets: Any = None
    if case.targets == "index":
        targets = rng.integers(0, case.classes, case.rows_shape)
    elif case.targets == "soft":
        targets = _normalised(rng.standard_normal(case.shape, dtype=np.float32))
    elif case.targets == "binary":
        targets = rng.integers(0, 2, case.shape).astype(np.float32)
    elif case.targets == "sign":
        targets = (2 * rng.integers(0, 2, case.shape) - 1).astype(np.float32)
    if case.operation == "categorical_cross_entropy":
        predictions = _normalised(predictions)
    elif case.targets == "index":
        rows = np.moveaxis(predictions, case.axis, -1)
        raised = np.unravel_index(np.arange(0, targets.size, 2), case.rows_shape)
        rows[(*raised, targets[raised])] += 12.0
    return predictions.astype(_dtype(case.dtype), copy=False), targets


def _head(case: Case) -> Inputs:
    """Normal features and weights whose logits have standard deviation 2; peaked ones add 25 for the label."""
    rng, (rows, width, classes) = np.random.default_rng(_SEED), case.shape
    features = 2.0 * rng.standard_normal((rows, width), dtype=np.float32)
    weight = rng.standard_normal((classes, width), dtype=np.float32) / np.float32(math.sqrt(width))
    targets = rng.integers(0, classes, rows)
    options: dict[str, Any] = {"weight": weight.astype(_dtype(case.dtype))}
    if case.option == "filter_eps":
        features = features + 25.0 * weight[targets]
        options["filter_eps"] = 1e-6
    return Inputs(features.astype(_dtype(case.dtype)), targets, None, options)


def _options(case: Case, targets: Any) -> dict[str, Any]:
    """The case's option as a keyword argument."""
    rng = np.random.default_rng(_SEED + 1)
    match case.option:
        case "":
            return {}
        case "class_weight":
            return {"class_weight": rng.uniform(0.5, 2.0, case.classes).astype(np.float32)}
        case "sample_weight":
            return {"sample_weight": rng.uniform(0.5, 2.0, case.rows_shape).astype(np.float32)}
        case "ignore_index":
            return {"ignore_index": IGNORED}
        case "class_mask":
            mask = rng.random(case.classes) < 0.9
            mask[targets] = True
            return {"class_mask": mask}
        case "class_mask of rows":
            mask = rng.random(case.shape) < 0.9
            np.put_along_axis(mask, targets[:, np.newaxis], True, axis=-1)
            return {"class_mask": mask}
        case _:
            numbers = {"label_smoothing": 0.1, "temperature": 2.0, "softcap": 30.0, "z_loss": 1e-4, "focal_gamma": 2.0}
            return {case.option: numbers[case.option]}


def _normalised(logits: Array) -> Array:
    exponentials: Array = np.exp(logits)
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def _dtype(name: str) -> Any:
    if name == "bfloat16":
        import ml_dtypes

        return ml_dtypes.bfloat16
    return name


class Sample:
    """A few rows (or elements) of a case: where errors are measured."""

    def __init__(self, case: Case) -> None:
        self._ndim, self._axis = len(case.shape), case.axis
        rows = math.prod(case.rows_shape)
        count = min(rows, _SAMPLED_ROWS, max(2, _SAMPLED_ELEMENTS[case.dtype] // case.classes))
        chosen = np.random.default_rng(_SEED).choice(rows, count, replace=False, shuffle=False)
        self._rows = np.unravel_index(chosen, case.rows_shape)

    def __call__(self, array: Array) -> Array:
        """Its rows, classes last, of an array of the predictions' shape or of one entry for each row."""
        has_classes = array.ndim == self._ndim and len(self._rows) < self._ndim
        return (np.moveaxis(array, self._axis, -1) if has_classes else array)[self._rows]
