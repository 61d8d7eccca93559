"""The three results of a call as PyTorch operators: what a graph holds (torch.compile, export), and what meta tensors,
batches and devices are dispatched on.
"""

from __future__ import annotations

from typing import Any

import torch

from crossentropy.torch import _calls
from crossentropy.torch._calls import TENSORS, Call

LIBRARY = torch.library.Library("crossentropy", "DEF")
_TENSORS = ", ".join(f"Tensor? {name}" for name in TENSORS)
LIBRARY.define(f"value(Tensor predictions, {_TENSORS}, str call) -> (Tensor, Tensor)")
LIBRARY.define(f"gradient(Tensor cotangent, Tensor predictions, {_TENSORS}, str call) -> Tensor")
LIBRARY.define(f"curvature(Tensor cotangent, Tensor predictions, Tensor direction, {_TENSORS}, str call) -> Tensor")

Tensor = torch.Tensor


@torch.library.impl(LIBRARY, "value", "CPU")
def _value(predictions: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    *tensors, call = rest
    return _calls.value(Call.parse(call), predictions, tensors)


@torch.library.impl(LIBRARY, "gradient", "CPU")
def _gradient(cotangent: Tensor, predictions: Tensor, *rest: Any) -> Tensor:
    *tensors, call = rest
    return _calls.gradient(Call.parse(call), cotangent, predictions, tensors)


@torch.library.impl(LIBRARY, "curvature", "CPU")
def _curvature(cotangent: Tensor, predictions: Tensor, direction: Tensor, *rest: Any) -> Tensor:
    *tensors, call = rest
    return _calls.curvature(Call.parse(call), cotangent, predictions, direction, tensors)


@torch.library.register_fake("crossentropy::value", lib=LIBRARY)
def _fake_value(predictions: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    call = Call.parse(rest[-1])
    shape = _calls.loss_shape(call, predictions) if call.option("reduction") == "none" else ()
    weight = predictions.new_empty(() if call.option("return_weight") else (0,), dtype=torch.float64)
    return predictions.new_empty(shape, dtype=_calls.loss_dtype(predictions)), weight


@torch.library.register_fake("crossentropy::gradient", lib=LIBRARY)
@torch.library.register_fake("crossentropy::curvature", lib=LIBRARY)
def _fake_derivative(cotangent: Tensor, predictions: Tensor, *rest: Any) -> Tensor:
    return predictions.new_empty(predictions.shape)


value = torch.ops.crossentropy.value.default
gradient = torch.ops.crossentropy.gradient.default
curvature = torch.ops.crossentropy.curvature.default
