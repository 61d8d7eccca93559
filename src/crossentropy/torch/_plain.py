"""Plain calls on the CPU in one step: on a few rows all others cost more than the arithmetic.

Two tensors, no options but a few, nothing that traces or transforms. A small gradient is computed along with the value;
what is not as plain as it looked, and every fault, is left to the general way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from crossentropy._checked import is_checked
from crossentropy._dispatch import implementation, of_tensors
from crossentropy._loss import PLAIN, Loss
from crossentropy._memory import empty
from crossentropy.torch import _calls
from crossentropy.torch._calls import TENSORS, Call
from crossentropy.torch._functions import Context, Gradient, goes_on, is_transformed
from crossentropy.torch._tensors import array_dtype

Tensor = torch.Tensor

#: The options of a plain call: ``axis`` if it is the last, ``empty`` because a mean of nothing is not plain anyway.
OPTIONS = PLAIN | {"axis", "empty"}

_TENSORS = (Tensor, torch.nn.Parameter)
_PREDICTIONS = {torch.float32, torch.float64}
_TARGETS = _PREDICTIONS | {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
#: Bytes of a gradient that may be kept from forward to backward.
_KEPT = 2**16
_NO_MORE_TENSORS = (None,) * (len(TENSORS) - 1)


def plain_value(loss: Loss[...], predictions: Any, targets: Any, options: dict[str, Any]) -> Tensor | None:
    """The value of a call with these options out of ``OPTIONS``, outside of torch.compile; or None."""
    if not (
        _is_dense(predictions, _PREDICTIONS)
        and _is_dense(targets, _TARGETS)
        and not targets.requires_grad
        and not is_transformed()
        and of_tensors.get() != "composite"
        and implementation() == "native"
        and not is_checked()
    ):
        return None
    if type(options.get("empty", 0.0)) is not float:
        return None
    if "axis" in options:
        axis = options["axis"]
        if "axis" not in loss.contract.options or type(axis) is not int or axis not in (-1, predictions.ndim - 1):
            return None
    options = {name: value for name, value in options.items() if name in PLAIN}
    x, y, slopes = predictions.numpy(force=True), targets.numpy(), None
    differentiable = predictions.requires_grad and torch.is_grad_enabled()
    if differentiable and x.nbytes <= _KEPT:
        slopes = empty(x.shape, x.dtype)
    value = loss._at_once(x, y, slopes, options)
    if value is None:
        return None
    if not differentiable:
        return torch.from_numpy(np.asarray(value))
    found: Tensor = _apply(predictions, targets, (value, slopes, (loss, options)))
    return found


def _is_dense(tensor: Any, dtypes: set[torch.dtype]) -> bool:
    return (
        type(tensor) in _TENSORS
        and tensor.is_cpu
        and tensor.dtype in dtypes
        and tensor.layout is torch.strided
        and not tensor.is_neg()
    )


class _Value(torch.autograd.Function):
    """A value that is known already, and perhaps its gradient."""

    @staticmethod
    def forward(ctx: Context, predictions: Tensor, targets: Tensor, known: tuple[Any, ...]) -> Tensor:
        """The value as a tensor."""
        value, slopes, ctx.call = known
        ctx.save_for_backward(predictions, targets)
        ctx.slopes = None if slopes is None else torch.from_numpy(slopes)
        return torch.from_numpy(np.asarray(value))

    @staticmethod
    def backward(ctx: Context, cotangent: Tensor) -> Any:
        """Cotangent times gradient; where that is to be differentiated, by the function that can be."""
        predictions, targets = ctx.saved_tensors  # which notices what was changed since
        slopes = ctx.slopes
        if goes_on(cotangent):
            slopes = Gradient.apply(cotangent, predictions, targets, *_NO_MORE_TENSORS, _call(ctx))
        elif slopes is not None:
            if cotangent.item() == 1.0:
                ctx.slopes = None  # autograd keeps what nobody else holds, without a copy
            else:
                slopes = slopes * cotangent
        else:
            slopes = _slopes(ctx, cotangent, predictions, targets)
        return slopes, None, None


def _slopes(ctx: Context, cotangent: Tensor, predictions: Tensor, targets: Tensor) -> Tensor:
    """Cotangent times gradient, computed now: in one step again where the cotangent is 1."""
    if cotangent.item() == 1.0:
        loss, options = ctx.call
        out = empty(predictions.shape, array_dtype(predictions))
        if loss._at_once(predictions.numpy(force=True), targets.numpy(), out, options) is not None:
            return torch.from_numpy(out)
    return _calls.gradient(_call(ctx), cotangent, predictions, (targets, *_NO_MORE_TENSORS))


def _call(ctx: Context) -> Call:
    loss, options = ctx.call
    return Call(loss.contract.name, tuple(options.items()))


# What torch.autograd.Function.apply comes to where no transform is active.
_apply: Callable[..., Any] = super(torch.autograd.Function, _Value).apply
