"""The three results of a call as PyTorch operators: what a graph holds (torch.compile, export), and what meta tensors,
batches and devices are dispatched on.
"""

from __future__ import annotations

from typing import Any

import torch

from crossentropy.torch import _calls
from crossentropy.torch._calls import TENSORS, Call

_LIBRARY = torch.library.Library("crossentropy", "DEF")
_TENSORS = ", ".join(f"Tensor? {name}" for name in TENSORS)
_LIBRARY.define(f"value(Tensor predictions, {_TENSORS}, str call) -> (Tensor, Tensor)")
_LIBRARY.define(f"gradient(Tensor cotangent, Tensor predictions, {_TENSORS}, str call) -> Tensor")
_LIBRARY.define(f"curvature(Tensor cotangent, Tensor predictions, Tensor direction, {_TENSORS}, str call) -> Tensor")

Tensor = torch.Tensor


@torch.library.impl(_LIBRARY, "value", "CPU")
def _value(predictions: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *tensors, call = rest
    return _calls.value(Call.parse(call), predictions, tensors)


@torch.library.impl(_LIBRARY, "gradient", "CPU")
def _gradient(cotangent: Tensor, predictions: Tensor, *rest: Any) -> Tensor:
    *tensors, call = rest
    return _calls.gradient(Call.parse(call), cotangent, predictions, tensors)


@torch.library.impl(_LIBRARY, "curvature", "CPU")
def _curvature(cotangent: Tensor, predictions: Tensor, direction: Tensor, *rest: Any) -> Tensor:
    *tensors, call = rest
    return _calls.curvature(Call.parse(call), cotangent, predictions, direction, tensors)


@torch.library.register_fake("crossentropy::value", lib=_LIBRARY)
def _fake_value(predictions: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    call = Call.parse(rest[-1])
    shape = _calls.loss_shape(call, predictions) if call.option("reduction") == "none" else ()
    weight = predictions.new_empty(() if call.option("return_weight") else (0,), dtype=torch.float64)
    return predictions.new_empty(shape, dtype=_calls.loss_dtype(predictions)), weight


@torch.library.register_fake("crossentropy::gradient", lib=_LIBRARY)
@torch.library.register_fake("crossentropy::curvature", lib=_LIBRARY)
def _fake_derivative(cotangent: Tensor, predictions: Tensor, *rest: Any) -> Tensor:
    return predictions.new_empty(predictions.shape)


value = torch.ops.crossentropy.value.default
gradient = torch.ops.crossentropy.gradient.default
curvature = torch.ops.crossentropy.curvature.default


# Reverse mode for whoever calls the operators themselves, as graphs of torch.compile do: Dynamo traces no
# autograd.Function that has a forward mode, as those of _functions.py have.
def _keep(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    *tensors, ctx.call = inputs
    ctx.save_for_backward(*tensors)


def _of_value(ctx: Any, cotangent: Tensor, _: Any) -> Any:
    nothing = (None,) * (len(TENSORS) + 1)
    return gradient(cotangent, *ctx.saved_tensors, ctx.call), *nothing


def _of_gradient(ctx: Any, direction: Tensor) -> Any:
    cotangent, predictions, *tensors = ctx.saved_tensors
    nothing, call = (None,) * (len(TENSORS) + 1), Call.parse(ctx.call)
    slopes = gradient(torch.ones_like(cotangent), predictions, *tensors, ctx.call)
    along = _calls.contracted(call, slopes, direction)
    return along, curvature(cotangent, predictions, direction, *tensors, ctx.call), *nothing


torch.library.register_autograd("crossentropy::value", _of_value, setup_context=_keep, lib=_LIBRARY)
torch.library.register_autograd("crossentropy::gradient", _of_gradient, setup_context=_keep, lib=_LIBRARY)
