"""A call of a loss as data, and its three results on the CPU: value, gradient, Hessian-vector product."""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from crossentropy._evaluate import evaluate
from crossentropy._heads import linear_softmax_cross_entropy
from crossentropy._loss import LOSSES, Loss
from crossentropy._memory import empty
from crossentropy._problems import Order
from crossentropy._targets import SparseTargets
from crossentropy.torch._tensors import Array, as_array, from_array

Tensors = Sequence[torch.Tensor | None]

#: The tensors of a call beside its predictions, in the order in which they are handed on. Sparse targets are two: their
#: indices stand in the place of the targets.
TENSORS = ("targets", "probabilities", "class_weight", "pos_weight", "sample_weight", "class_mask")


@dataclass(frozen=True)
class Call:
    """A loss and those of its options that are no tensors."""

    loss: str
    options: tuple[tuple[str, Any], ...]

    @property
    def text(self) -> str:
        """The call in lines: operators take what PyTorch can write down. What repr writes has no end of line."""
        return "\n".join([self.loss, *(f"{name}={value!r}" for name, value in self.options)])

    @staticmethod
    @lru_cache(maxsize=256)
    def parse(text: str) -> Call:
        """The call that ``text`` was made of."""
        loss, *lines = text.split("\n")
        return Call(loss, tuple((name, _value_of(shown)) for name, shown in (line.split("=", 1) for line in lines)))

    def option(self, name: str) -> Any:
        """What was passed, or the loss's default; None for an option that the loss does not have."""
        return dict(self.options).get(name, _defaults(self.loss).get(name))

    @property
    def axis(self) -> int | None:
        """The axis that the loss sums over, None for losses of elements."""
        found: int | None = self.option("axis")
        return found


def _defaults(loss: str) -> Mapping[str, Any]:
    return LOSSES[loss].contract.options if loss in LOSSES else linear_softmax_cross_entropy.options


def _value_of(shown: str) -> Any:
    return float(shown) if shown in ("inf", "-inf", "nan") else literal_eval(shown)


def loss_shape(call: Call, predictions: torch.Tensor) -> tuple[int, ...]:
    """The shape of the losses before they are reduced."""
    shape = tuple(predictions.shape)
    if call.axis is None:
        return shape
    at = call.axis % len(shape)
    return shape[:at] + shape[at + 1 :]


def loss_dtype(predictions: torch.Tensor) -> torch.dtype:
    """The dtype of the value (promise 19)."""
    halves = (torch.float32, torch.float16, torch.bfloat16)
    return torch.float32 if predictions.dtype in halves else torch.float64


def contracted(call: Call, slopes: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """Σ slopes · direction over what the value sums over."""
    product = slopes.to(loss_dtype(slopes)) * direction
    if call.option("reduction") != "none":
        return product.sum()
    return product if call.axis is None else product.sum(call.axis)


def value(call: Call, predictions: torch.Tensor, tensors: Tensors) -> tuple[torch.Tensor, torch.Tensor]:
    """The value, and the sum of row weights where the call returns it, else nothing."""
    loss, arrays, options = _arguments(call, predictions, tensors)
    found = loss(*arrays, **options)
    if call.option("return_weight"):
        return from_array(found[0]), from_array(found[1])
    return from_array(found), torch.empty(0, dtype=torch.float64)


def gradient(call: Call, cotangent: torch.Tensor, predictions: torch.Tensor, tensors: Tensors) -> torch.Tensor:
    """The derivative of the value, times the cotangent of the value's shape."""
    return _derivative(call, cotangent, predictions, None, tensors)


def curvature(
    call: Call, cotangent: torch.Tensor, predictions: torch.Tensor, direction: torch.Tensor, tensors: Tensors
) -> torch.Tensor:
    """The Hessian of the cotangent times the value, times the direction."""
    return _derivative(call, cotangent, predictions, direction, tensors)


def _derivative(
    call: Call, cotangent: torch.Tensor, predictions: torch.Tensor, direction: torch.Tensor | None, tensors: Tensors
) -> torch.Tensor:
    loss, arrays, options = _arguments(call, predictions, tensors)
    options |= {"return_weight": False, "empty": 0.0 if call.option("reduction") == "mean" else None}
    given, factor, times = as_array(cotangent), 1.0, None
    # A cotangent that can be a weight is folded into the one pass over the predictions.
    usable = bool(np.all((given >= 0) & np.isfinite(given)))
    if call.option("reduction") == "none":
        options["reduction"] = "sum"
        if usable:
            options["sample_weight"] = _weights(given, options.get("sample_weight"))
        else:
            times = cotangent if call.axis is None else cotangent.unsqueeze(call.axis)
    elif usable and given > 0:
        factor = float(given)
    else:
        times = cotangent
    problem = loss._problem(arrays, options)
    like = problem.outside(problem.predictions)
    result = empty(like.shape, like.dtype)
    order = Order.GRADIENT if direction is None else Order.HVP
    v = None if direction is None else as_array(direction)
    evaluate(problem, order, result, v, factor=factor)
    tensor = from_array(result)
    return tensor if times is None else tensor.mul_(times)


def _weights(cotangent: Array, weight: Array | None) -> Array:
    """Row weights times a cotangent of the rows; or of elements, whose weights may be those of their rows."""
    weights: Array = cotangent.astype(np.float64)
    if weight is None:
        return weights
    return weights * (weight if weight.ndim == weights.ndim else weight[..., np.newaxis])


def _arguments(
    call: Call, predictions: torch.Tensor, tensors: Tensors
) -> tuple[Loss[...], tuple[Any, Any], dict[str, Any]]:
    loss = LOSSES[call.loss]
    options = dict(call.options)
    tail = options.pop("tail", None)
    given = zip(TENSORS, tensors, strict=True)
    options |= {name: as_array(tensor) for name, tensor in given if tensor is not None}
    targets = options.pop("targets")
    if tail is not None:
        targets = SparseTargets(targets, options.pop("probabilities"), tail=tail)
    return loss, (as_array(predictions), targets), options
