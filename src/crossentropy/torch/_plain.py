"""Plain calls on the CPU in one step: on a few rows all others cost more than the arithmetic.

Two tensors, no options but a few, nothing that traces or transforms. A small gradient is computed along with the value;
what is not as plain as it looked, and every fault, is left to the general way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd import forward_ad

from crossentropy._checked import is_checked
from crossentropy._dispatch import implementation, of_tensors
from crossentropy._loss import PLAIN, Loss
from crossentropy._memory import empty
from crossentropy.torch import _calls
from crossentropy.torch._calls import TENSORS, Call
from crossentropy.torch._functions import Context, Gradient
from crossentropy.torch._tensors import array_dtype, is_traced

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
    """The value of a call with these options out of ``OPTIONS``, or None."""
    if not _is_plain(predictions, _PREDICTIONS) or not _is_plain(targets, _TARGETS) or targets.requires_grad:
        return None
    if type(options.get("empty", 0.0)) is not float:
        return None
    if "axis" in options:
        axis = options["axis"]
        if "axis" not in loss.contract.options or type(axis) is not int or axis not in (-1, predictions.ndim - 1):
            return None
    if not _is_alone():
        return None
    options = {name: value for name, value in options.items() if name in PLAIN}
    x, y = predictions.detach().numpy(), targets.numpy()
    if not (predictions.requires_grad and torch.is_grad_enabled()):
        value = loss._at_once(x, y, None, options)
        return None if value is None else torch.from_numpy(np.asarray(value))
    slopes = empty(x.shape, x.dtype) if x.nbytes <= _KEPT else None
    value = loss._at_once(x, y, slopes, options)
    if value is None:
        return None
    found: Tensor = _apply(predictions, targets, value, slopes, loss, options)
    return found


def _is_plain(tensor: Any, dtypes: set[torch.dtype]) -> bool:
    return (
        type(tensor) in _TENSORS
        and tensor.is_cpu
        and tensor.dtype in dtypes
        and tensor.layout is torch.strided
        and not tensor.is_neg()
    )


def _is_alone() -> bool:
    """Whether nothing but PyTorch's reverse mode looks at what is computed, and nobody chose another implementation."""
    return not (
        is_traced()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or of_tensors.get() == "composite"
        or implementation() != "native"
        or is_checked()
    )


class _Value(torch.autograd.Function):
    """A value that is known already, and perhaps its gradient."""

    @staticmethod
    def forward(ctx: Context, predictions: Tensor, targets: Tensor, value: Any, *rest: Any) -> Tensor:
        """The value as a tensor."""
        slopes, ctx.loss, ctx.options = rest
        ctx.save_for_backward(predictions, targets)
        ctx.slopes = None if slopes is None else torch.from_numpy(slopes)
        return torch.from_numpy(np.asarray(value))

    @staticmethod
    def backward(ctx: Context, cotangent: Tensor) -> Any:
        """Cotangent times gradient; where that is to be differentiated, by the function that can be."""
        predictions, targets = ctx.saved_tensors  # which notices what was changed since
        slopes = ctx.slopes
        if torch.is_grad_enabled() or not _is_plain(cotangent, _PREDICTIONS) or _is_batch(cotangent):
            slopes = Gradient.apply(cotangent, predictions, targets, *_NO_MORE_TENSORS, _call(ctx))
        elif cotangent.item() == 1.0:
            ctx.slopes = None  # autograd keeps what nobody else holds, without a copy
            if slopes is None:
                out = empty(predictions.shape, array_dtype(predictions))
                ctx.loss._at_once(predictions.detach().numpy(), targets.numpy(), out, ctx.options)
                slopes = torch.from_numpy(out)
        elif slopes is not None:
            slopes = slopes * cotangent
        else:
            slopes = _calls.gradient(_call(ctx), cotangent, predictions, (targets, *_NO_MORE_TENSORS))
        return slopes, None, None, None, None, None


def _is_batch(cotangent: Tensor) -> bool:
    """Whether it is one of several that ``is_grads_batched=True`` hands on as one; no transform is active then."""
    return torch._C._functorch.is_legacy_batchedtensor(cotangent)


def _call(ctx: Context) -> Call:
    return Call(ctx.loss.contract.name, tuple(ctx.options.items()))


# What torch.autograd.Function.apply comes to where no transform is active, which _is_alone has made sure of.
_apply: Callable[..., Any] = super(torch.autograd.Function, _Value).apply
