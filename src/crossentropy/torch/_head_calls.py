"""The results of a head on tensors of the CPU: value and outputs, gradients, Hessian products, tangents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from crossentropy._evaluate import value_of
from crossentropy._head_blocks import (
    OUTPUTS,
    Cotangents,
    Head,
    Parameters,
    derivative,
    evaluate_head,
)
from crossentropy._head_blocks import (
    tangents as tangents_of,
)
from crossentropy._head_inputs import as_head
from crossentropy._heads import linear_softmax_cross_entropy
from crossentropy._targets import SparseTargets
from crossentropy.torch._calls import Call, loss_dtype
from crossentropy.torch._products import TensorProducts
from crossentropy.torch._tensors import Array, as_array, from_array

Tensors = Sequence[torch.Tensor | None]

#: The tensors of a call beside features, weight and bias. Sparse targets are two: their indices stand for the targets.
HEAD_TENSORS = ("targets", "probabilities", "class_weight", "sample_weight", "class_mask")

_PRODUCTS = TensorProducts()


def rows_shape(call: Call, features: torch.Tensor) -> tuple[int, ...]:
    """The shape of the losses before they are reduced."""
    shape = tuple(features.shape[:-1])
    return (*shape[:-1], shape[-1] - call.option("shift")) if call.option("shift") else shape


def value_dtype(tensors: Tensors) -> torch.dtype:
    """The dtype of the value: of features and weight, which come first, the wider, and float32 at least."""
    wide = (tensor is not None and loss_dtype(tensor) is torch.float64 for tensor in tensors[:2])
    return torch.float64 if any(wide) else torch.float32


def value(call: Call, parameters: Tensors, tensors: Tensors, wanted: Sequence[bool]) -> list[torch.Tensor | None]:
    """The value, the sum of row weights, the outputs in order, the gradients wanted; None for what is not there."""
    head = head_of(call, parameters, tensors)
    found = evaluate_head(head, _PRODUCTS, Parameters(*wanted), tuple(call.option("outputs")))
    reducing, dtype = head.problem.reducing._replace(return_weight=False), head.problem.predictions.dtype
    losses = found.losses if reducing.kind == "none" else None
    results = [value_of(reducing, found.total, found.total_weight, losses, dtype), np.float64(found.total_weight)]
    results += [found.outputs.get(name) for name in OUTPUTS]
    return [None if result is None else from_array(result) for result in (*results, *found.gradients)]


def gradients(
    call: Call, cotangents: Tensors, parameters: Tensors, tensors: Tensors, wanted: Sequence[bool]
) -> list[torch.Tensor | None]:
    """Cotangents of value, lse and entropy (None: 0) times the gradients that are wanted."""
    head = head_of(call, parameters, tensors)
    return _tensors(derivative(head, _PRODUCTS, Parameters(*wanted), _cotangents(cotangents)))


def hessian_product(
    call: Call, cotangents: Tensors, parameters: Tensors, direction: Tensors, tensors: Tensors
) -> list[torch.Tensor | None]:
    """The Hessian of the cotangents times the results, times a direction in features, weight and bias (None: 0)."""
    head, wanted = head_of(call, parameters, tensors), Parameters(*(p is not None for p in parameters))
    along = Parameters(*(None if v is None else as_array(v) for v in direction))
    return _tensors(derivative(head, _PRODUCTS, wanted, _cotangents(cotangents), along))


def tangents(call: Call, parameters: Tensors, direction: Tensors, tensors: Tensors) -> list[torch.Tensor]:
    """The derivatives of value, lse and entropy along a direction."""
    head = head_of(call, parameters, tensors)
    along = Parameters(*(None if v is None else as_array(v) for v in direction))
    dtype = head.problem.predictions.dtype
    return [from_array(np.asarray(found).astype(dtype)) for found in tangents_of(head, _PRODUCTS, along)]


def head_of(
    call: Call, parameters: Tensors, tensors: Tensors, convert: Callable[[torch.Tensor], Array] = as_array
) -> Head:
    """The head of a call, with what ``convert`` makes of its tensors, validated."""
    features, weight, bias = (None if tensor is None else convert(tensor) for tensor in parameters)
    given = zip(HEAD_TENSORS, tensors, strict=True)
    arrays: dict[str, Any] = {name: convert(tensor) for name, tensor in given if tensor is not None}
    options = {**linear_softmax_cross_entropy.options, **dict(call.options), "bias": bias}
    for name in ("outputs", "tail"):
        options.pop(name, None)
    targets, tail = arrays.pop("targets"), call.option("tail")
    if tail is not None:
        targets = SparseTargets(targets, arrays.pop("probabilities"), tail=tail)
    return as_head(features, weight, targets, **{**options, **arrays})


def _cotangents(given: Tensors) -> Cotangents:
    value, *others = (None if tensor is None else as_array(tensor).astype(np.float64) for tensor in given)
    return Cotangents(np.zeros(()) if value is None else value, *others)


def _tensors(found: Parameters) -> list[torch.Tensor | None]:
    return [None if array is None else from_array(array) for array in found]
