"""The results of the head as PyTorch operators. What a call has not is an empty tensor: they return nothing else."""

from __future__ import annotations

from typing import Any

import torch

from crossentropy._head_blocks import OUTPUTS
from crossentropy.torch import _head_calls as calls
from crossentropy.torch._calls import Call
from crossentropy.torch._head_calls import HEAD_TENSORS
from crossentropy.torch._operators import LIBRARY

Tensor = torch.Tensor

_PARAMETERS = "Tensor features, Tensor weight, Tensor? bias"
_COTANGENTS = "Tensor? of_value, Tensor? of_lse, Tensor? of_entropy"
_DIRECTION = "Tensor? v_features, Tensor? v_weight, Tensor? v_bias"
_REST = ", ".join(f"Tensor? {name}" for name in HEAD_TENSORS) + ", str call"
_THREE = "(Tensor, Tensor, Tensor)"
LIBRARY.define(f"head({_PARAMETERS}, {_REST}, bool[3] wanted) -> ({', '.join(['Tensor'] * 10)})")
LIBRARY.define(f"head_gradient({_COTANGENTS}, {_PARAMETERS}, {_REST}, bool[3] wanted) -> {_THREE}")
LIBRARY.define(f"head_curvature({_COTANGENTS}, {_PARAMETERS}, {_DIRECTION}, {_REST}) -> {_THREE}")
LIBRARY.define(f"head_tangent({_PARAMETERS}, {_DIRECTION}, {_REST}) -> {_THREE}")


def _filled(found: Any, like: Tensor) -> tuple[Tensor, ...]:
    return tuple(like.new_empty(0) if tensor is None else tensor for tensor in found)


@torch.library.impl(LIBRARY, "head", "CPU")
def _head(*args: Any) -> tuple[Tensor, ...]:
    *tensors, text, wanted = args
    return _filled(calls.value(Call.parse(text), tensors[:3], tensors[3:], wanted), tensors[0])


@torch.library.impl(LIBRARY, "head_gradient", "CPU")
def _head_gradient(*args: Any) -> tuple[Tensor, ...]:
    *tensors, text, wanted = args
    return _filled(calls.gradients(Call.parse(text), tensors[:3], tensors[3:6], tensors[6:], wanted), tensors[3])


@torch.library.impl(LIBRARY, "head_curvature", "CPU")
def _head_curvature(*args: Any) -> tuple[Tensor, ...]:
    *tensors, text = args
    found = calls.hessian_product(Call.parse(text), tensors[:3], tensors[3:6], tensors[6:9], tensors[9:])
    return _filled(found, tensors[3])


@torch.library.impl(LIBRARY, "head_tangent", "CPU")
def _head_tangent(*args: Any) -> tuple[Tensor, ...]:
    *tensors, text = args
    return _filled(calls.tangents(Call.parse(text), tensors[:3], tensors[3:6], tensors[6:]), tensors[0])


@torch.library.register_fake("crossentropy::head", lib=LIBRARY)
def _fake_head(*args: Any) -> tuple[Tensor, ...]:
    *tensors, text, wanted = args
    call, features = Call.parse(text), tensors[0]
    rows = calls.rows_shape(call, features)
    dtype = calls.value_dtype(tensors)
    value = features.new_empty(rows if call.option("reduction") == "none" else (), dtype=dtype)
    weight = features.new_empty((), dtype=torch.float64)
    kinds = {"predicted": torch.int64, "correct": torch.bool}
    outputs = (
        features.new_empty(rows, dtype=kinds.get(name, dtype)) if name in call.option("outputs") else None
        for name in OUTPUTS
    )
    return _filled((value, weight, *outputs, *_fake_parameters(tensors[:3], wanted)), features)


@torch.library.register_fake("crossentropy::head_gradient", lib=LIBRARY)
def _fake_head_gradient(*args: Any) -> tuple[Tensor, ...]:
    return _filled(_fake_parameters(args[3:6], args[-1]), args[3])


@torch.library.register_fake("crossentropy::head_curvature", lib=LIBRARY)
def _fake_head_curvature(*args: Any) -> tuple[Tensor, ...]:
    return _filled(_fake_parameters(args[3:6], (True, True, True)), args[3])


@torch.library.register_fake("crossentropy::head_tangent", lib=LIBRARY)
def _fake_head_tangent(*args: Any) -> tuple[Tensor, ...]:
    features, call = args[0], Call.parse(args[-1])
    rows, dtype = calls.rows_shape(call, features), calls.value_dtype(args)
    shapes = (rows if call.option("reduction") == "none" else (), rows, rows)
    return tuple(features.new_empty(shape, dtype=dtype) for shape in shapes)


def _fake_parameters(parameters: Any, wanted: Any) -> list[Tensor | None]:
    return [
        None if tensor is None or not asked else tensor.new_empty(tensor.shape)
        for tensor, asked in zip(parameters, wanted, strict=True)
    ]


head = torch.ops.crossentropy.head.default
head_gradient = torch.ops.crossentropy.head_gradient.default
head_curvature = torch.ops.crossentropy.head_curvature.default
head_tangent = torch.ops.crossentropy.head_tangent.default
