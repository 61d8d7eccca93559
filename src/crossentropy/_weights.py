"""Weights and masks of classes, samples and positives, checked and laid out as the kernels take them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._problems import Array, Doubles, Reducing
from crossentropy._validation import as_array, as_floats, as_number, as_reduction, axis_last, check_shape, sentence


def _checked(argument: str, weights: Array) -> Array:
    # smallest and largest need no array of the weights' size; a NaN fails the first comparison
    if weights.size > 0 and not (weights.min() >= 0.0 and weights.max() < math.inf):
        bad = ~(np.isfinite(weights) & (weights >= 0.0))
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        place = f" at index {where[0] if len(where) == 1 else where}" if where else ""
        raise ValueError(
            sentence(
                argument,
                expected="finite weights of at least 0",
                received=f"{float(weights[where]):g}{place}",
                remedy="correct it; 0 drops what it weighs",
            )
        )
    return weights


def _as_doubles(argument: str, value: Any) -> Doubles:
    return np.asarray(as_floats(argument, value), dtype=np.float64, order="C")


def as_class_weight(value: Any, classes: int, argument: str = "class_weight") -> Doubles | None:
    """One weight for each class, (K,)."""
    if value is None:
        return None
    weights = _as_doubles(argument, value)
    check_shape(argument, weights.shape, (classes,), "one for each class")
    return _checked(argument, weights)


def as_column_weight(value: Any, shape: tuple[int, ...], argument: str) -> Doubles | None:
    """One weight for all, or one for each column of the last axis."""
    if value is None:
        return None
    weights = _as_doubles(argument, value)
    columns = shape[-1] if shape else 1
    if weights.ndim == 0:
        weights = np.full(columns, float(weights))
    elif len(shape) < 2:
        raise ValueError(
            sentence(
                argument,
                expected="one number, since the predictions have no class axis",
                received=f"shape {weights.shape}",
                remedy="pass a number, or predictions of shape (N, K)",
            )
        )
    check_shape(argument, weights.shape, (columns,), "one for each column")
    return _checked(argument, weights)


def as_sample_weight(value: Any, shape: tuple[int, ...]) -> Doubles | None:
    """One weight for each row."""
    if value is None:
        return None
    weights = _as_doubles("sample_weight", value)
    check_shape("sample_weight", weights.shape, shape, "one for each row")
    return _checked("sample_weight", weights)


def as_element_weight(value: Any, shape: tuple[int, ...]) -> Array | None:
    """One weight for each element, in any float dtype as it lies, or for each row of the last axis."""
    if value is None:
        return None
    weights = as_floats("sample_weight", value)
    if weights.shape == shape:
        return _checked("sample_weight", weights)
    if weights.shape != shape[:-1]:
        check_shape("sample_weight", weights.shape, shape, "one for each element, or one for each row of the last axis")
    return _checked("sample_weight", _as_doubles("sample_weight", weights))


def as_class_mask(value: Any, shape: tuple[int, ...], axis: int) -> NDArray[np.bool_] | None:
    """Which classes take part: bools (K,) or the predictions' shape; the result has the class axis last."""
    if value is None:
        return None
    mask = as_array("class_mask", value)
    if mask.dtype != np.bool_:
        raise TypeError(
            sentence(
                "class_mask",
                expected="bools, True for the classes to keep",
                received=f"dtype {mask.dtype}",
                remedy="write mask.astype(bool)",
            )
        )
    if mask.shape == (shape[axis],):
        return mask
    if mask.shape != shape:
        raise ValueError(
            sentence(
                "class_mask",
                expected=f"shape ({shape[axis]},) or the predictions' shape {shape}",
                received=f"shape {mask.shape}",
                remedy="pass one mask of classes for all rows, or one for each",
            )
        )
    return axis_last(mask, axis)


def as_reducing(reduction: Any, normalizer: Any, return_weight: Any, empty: Any) -> Reducing:
    """The four options that turn row losses into the value."""
    kind = as_reduction(reduction)
    if normalizer is not None:
        if kind != "mean":
            raise ValueError(
                sentence(
                    "normalizer",
                    expected="reduction='mean', whose divisor it replaces",
                    received=f"reduction={kind!r}",
                    remedy="leave one of the two out",
                )
            )
        normalizer = as_number("normalizer", normalizer, above=0.0)
    if empty is not None:
        if isinstance(empty, bool) or not isinstance(empty, int | float | np.integer | np.floating):
            raise TypeError(
                sentence(
                    "empty", expected="a number", received=repr(empty), remedy="pass the mean of no rows, e.g. 0.0"
                )
            )
        empty = float(empty)
    return Reducing(kind, normalizer, bool(return_weight), empty)  # type: ignore[arg-type]
