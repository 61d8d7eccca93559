"""One call of a loss, validated: arguments in, problem out."""

from __future__ import annotations

from typing import Any

from crossentropy._problems import Array, ElementProblem, RowProblem
from crossentropy._targets import as_targets
from crossentropy._validation import as_array, as_axis, as_floats, as_number, axis_last, check_shape, sentence
from crossentropy._weights import (
    as_class_mask,
    as_class_weight,
    as_column_weight,
    as_element_weight,
    as_reducing,
    as_sample_weight,
)


def row_problem(
    family: str,
    names: tuple[str, str],
    predictions: Any,
    targets: Any,
    *,
    axis: int,
    class_weight: Any,
    sample_weight: Any,
    label_smoothing: float,
    ignore_index: int | None,
    reduction: str,
    normalizer: float | None,
    return_weight: bool,
    empty: float | None,
    class_mask: Any = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
) -> RowProblem:
    """A call of a loss of rows of classes."""
    name = names[0]
    array = as_floats(name, predictions)
    at = _class_axis(axis, array, name)
    shape = array.shape
    return RowProblem(
        family=family,
        names=names,
        predictions=axis_last(array, at),
        axis=at,
        targets=as_targets(names[1], targets, shape, at, ignore_index),
        reducing=as_reducing(reduction, normalizer, return_weight, empty),
        class_weight=as_class_weight(class_weight, shape[at]),
        sample_weight=as_sample_weight(sample_weight, shape[:at] + shape[at + 1 :]),
        class_mask=as_class_mask(class_mask, shape, at),
        label_smoothing=as_number("label_smoothing", label_smoothing, at_least=0.0, at_most=1.0),
        temperature=as_number("temperature", temperature, above=0.0),
        softcap=None if softcap is None else as_number("softcap", softcap, above=0.0),
        z_loss=as_number("z_loss", z_loss, at_least=0.0),
        focal_gamma=as_number("focal_gamma", focal_gamma, at_least=0.0),
    )


def element_problem(
    family: str,
    names: tuple[str, str],
    predictions: Any,
    targets: Any,
    *,
    reduction: str,
    normalizer: float | None,
    return_weight: bool,
    empty: float | None,
    axis: int | None = None,
    pos_weight: Any = None,
    class_weight: Any = None,
    sample_weight: Any = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> ElementProblem:
    """A call of a loss of elements; with ``axis``, of rows of elements."""
    array = as_floats(names[0], predictions)
    given = as_array(names[1], targets)
    if given.dtype.kind not in "iub":
        given = as_floats(names[1], given)
    check_shape(names[1], given.shape, array.shape, f"the shape of the {names[0]}")
    per_row = axis is not None
    at = _class_axis(axis, array, names[0]) if per_row else -1
    if per_row:
        array, given = axis_last(array, at), axis_last(given, at)
        weight = as_sample_weight(sample_weight, array.shape[:-1])
        columns = as_class_weight(class_weight, array.shape[-1])
    else:
        weight = as_element_weight(sample_weight, array.shape)
        columns = as_column_weight(class_weight, array.shape, "class_weight")
    return ElementProblem(
        family=family,
        names=names,
        predictions=array,
        targets=given,
        reducing=as_reducing(reduction, normalizer, return_weight, empty),
        axis=at,
        per_row=per_row,
        class_weight=columns,
        pos_weight=as_column_weight(pos_weight, array.shape, "pos_weight"),
        sample_weight=weight,
        label_smoothing=as_number("label_smoothing", label_smoothing, at_least=0.0, at_most=1.0),
        focal_gamma=as_number("focal_gamma", focal_gamma, at_least=0.0),
    )


def _class_axis(axis: Any, array: Array, name: str) -> int:
    at = as_axis(axis, array.ndim, name)
    if array.shape[at] == 0:
        raise ValueError(
            sentence(name, expected="at least one class", received=f"shape {array.shape}", remedy="check axis=")
        )
    return at
