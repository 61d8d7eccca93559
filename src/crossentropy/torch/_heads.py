"""The head on tensors: name, arguments and answers of that on arrays, with PyTorch's products and autograd."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any, Generic, ParamSpec

import torch

from crossentropy import _heads
from crossentropy._head_blocks import OUTPUTS
from crossentropy._head_inputs import as_outputs
from crossentropy._heads import HeadResult, LinearLoss
from crossentropy._targets import SparseTargets
from crossentropy.torch import _composite_heads, _head_operators
from crossentropy.torch._calls import Call, loss_dtype
from crossentropy.torch._choice import implementation
from crossentropy.torch._head_calls import HEAD_TENSORS
from crossentropy.torch._head_functions import Value
from crossentropy.torch._losses import check_constant, plain
from crossentropy.torch._tensors import as_tensor, is_traced, needed_tensor, on_cpu

P = ParamSpec("P")
Tensor = torch.Tensor


class TensorHead(Generic[P]):
    """A head on tensors, differentiable with respect to features, weight and bias: twice, backward and forward."""

    def __init__(self, on_arrays: LinearLoss[P]) -> None:
        update_wrapper(self, on_arrays)
        self._on_arrays = on_arrays
        self.__module__ = "crossentropy.torch"
        self.__doc__ = _documented(on_arrays)

    def __repr__(self) -> str:
        return f"<crossentropy.torch head {self.__name__}>"  # type: ignore[attr-defined]

    def __reduce__(self) -> str:
        return str(self.__name__)  # type: ignore[attr-defined]  # pickled by name, as functions are

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The value; with ``return_weight=True`` the pair (value, sum of row weights); with outputs a HeadResult."""
        parameters, tensors, call = self._arranged(args, dict(kwargs))
        others = [tensors.get(name) for name in HEAD_TENSORS]
        if implementation(parameters[0], *tensors.values()) == "composite":
            return _result(call, _composite_heads.value(call, parameters, others))
        on_cpu("features", parameters[0])
        check_constant(tensors)
        # Only a value that is one number can have its gradients beside it: they wait for a factor. In float16 that
        # comes too late, for it is there to lift them above what underflows.
        early = call.option("reduction") != "none" and torch.is_grad_enabled() and not any(map(_is_float16, parameters))
        wanted = [early and tensor is not None and tensor.requires_grad for tensor in parameters]
        apply = _head_operators.head if is_traced() else Value.apply
        return _result(call, apply(*parameters, *others, call.text, wanted))

    def _arranged(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Tensor, Tensor, Tensor | None], dict[str, Tensor], Call]:
        """Features, weight and bias; the other tensors by name; the options that are none."""
        if len(args) != 3 or not kwargs.keys() <= self._on_arrays.options.keys():
            self._on_arrays._declared(*args, **kwargs)  # a TypeError that names what is missing or unknown
            kwargs = dict(zip(("features", "weight", "targets"), args, strict=False)) | kwargs
            args = tuple(kwargs.pop(name) for name in ("features", "weight", "targets"))
        features, weight = needed_tensor("features", args[0]), args[1]
        device, bias = features.device, kwargs.pop("bias", None)
        tensors = {name: kwargs.pop(name) for name in HEAD_TENSORS if name in kwargs}
        if isinstance(args[2], SparseTargets):
            kwargs["tail"] = args[2].tail
            tensors |= {"targets": args[2].indices, "probabilities": args[2].probabilities}
        else:
            tensors["targets"] = args[2]
        outputs = as_outputs(kwargs.pop("outputs", ()))
        options = {name: plain(name, value) for name, value in kwargs.items()}
        found = {name: as_tensor(name, value, device) for name, value in tensors.items() if value is not None}
        weight = _autocast(as_tensor("weight", weight, device))
        bias = None if bias is None else _autocast(as_tensor("bias", bias, device))
        call = Call("linear_softmax_cross_entropy", (*options.items(), ("outputs", outputs)))
        return (_autocast(features), weight, bias), found, call


def _autocast(tensor: Tensor) -> Tensor:
    """What torch.autocast makes of an argument of a linear layer."""
    kind = tensor.device.type
    if not torch.amp.is_autocast_available(kind) or not torch.is_autocast_enabled(kind):
        return tensor
    return tensor.to(torch.get_autocast_dtype(kind)) if loss_dtype(tensor) is torch.float32 else tensor


def _is_float16(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.dtype is torch.float16


def _result(call: Call, found: tuple[Tensor, ...]) -> Any:
    value, weight, *others = found
    names, with_weight = call.option("outputs"), call.option("return_weight")
    if not names:
        return (value, weight) if with_weight else value
    outputs = {name: tensor for name, tensor in zip(OUTPUTS, others, strict=False) if name in names}
    return HeadResult(value, weight if with_weight else None, **outputs)


def _documented(head: LinearLoss[...]) -> str:
    first = (head.__doc__ or "").split("\n", 1)[0]
    return f"""{first}

    ``crossentropy.linear_softmax_cross_entropy`` of tensors: the same arguments, options, outputs, units, edge cases
    and errors (see there). PyTorch computes the matrix products. bfloat16 features and weight are multiplied as they
    are: their logits are rounded to bfloat16, as those of ``torch.nn.Linear``, and the loss of these is computed in
    float32. The weight's gradient is summed over blocks in float32 and rounded once; a block's product of bfloat16 is
    summed in float32, too, and rounded to bfloat16 before it is added. Inside ``torch.autocast`` features, weight and
    bias are cast as those of a linear layer.

    Differentiable with respect to features, weight and bias, twice: ``backward``, ``create_graph=True``, forward mode
    and the transforms of ``torch.func``; so are the outputs "logsumexp" and "entropy". Where the value is one number
    and a gradient is needed, its gradients are computed in the same pass: three matrix products for forward and
    backward. For ``reduction="none"``, for what the outputs give and for float16, whose gradients may underflow before
    a loss scaler's factor reaches them, the logits are computed again: four.

    Returns:
        As for arrays, tensors.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> x, w = torch.tensor([[1.0, 2.0], [0.5, -1.0]]), torch.tensor([[0.5, 0.0], [-1.0, 1.0], [0.2, 0.3]])
        >>> loss = ct.linear_softmax_cross_entropy(x, w.requires_grad_(), torch.tensor([0, 2]))
        >>> loss.backward()
        >>> print(loss)
        tensor(1.2150, grad_fn=<ValueBackward>)
        >>> w.grad
        tensor([[-0.2369, -1.0259],
                [ 0.2301,  0.3644],
                [ 0.0068,  0.6616]])
    """


linear_softmax_cross_entropy = TensorHead(_heads.linear_softmax_cross_entropy)
