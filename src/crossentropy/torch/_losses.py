"""The losses on tensors: names, argument order and options are those of the losses on arrays."""

from __future__ import annotations

from functools import update_wrapper
from typing import Any, Generic, ParamSpec

import numpy as np
import torch

from crossentropy import _losses as losses
from crossentropy._loss import Loss
from crossentropy._targets import SparseTargets
from crossentropy._validation import sentence
from crossentropy.torch import _composite, _operators
from crossentropy.torch._calls import TENSORS, Call
from crossentropy.torch._choice import implementation, needs_derivative
from crossentropy.torch._functions import Value
from crossentropy.torch._plain import OPTIONS, plain_value
from crossentropy.torch._tensors import as_tensor, needed_tensor, on_cpu

P = ParamSpec("P")


class TensorLoss(Generic[P]):
    """A loss on tensors: by the native core or in PyTorch's operations, as ``implementation`` says."""

    def __init__(self, on_arrays: Loss[P]) -> None:
        update_wrapper(self, on_arrays)
        self.contract = on_arrays.contract
        self._on_arrays = on_arrays
        self.__module__ = "crossentropy.torch"
        self.__doc__ = _documented(on_arrays)

    def __repr__(self) -> str:
        return f"<crossentropy.torch loss {self.contract.name}>"

    def __reduce__(self) -> str:
        return self.contract.name  # pickled by name, as functions are

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """The value; with ``return_weight=True`` the pair (value, sum of row weights)."""
        if len(args) == 2 and kwargs.keys() <= OPTIONS and not torch.compiler.is_compiling():
            plain = plain_value(self._on_arrays, args[0], args[1], kwargs)
            if plain is not None:
                return plain
        predictions, tensors, options = self._arranged(args, dict(kwargs))
        call = Call(self.contract.name, tuple(options.items()))
        others = [tensors.get(name) for name in TENSORS]
        if implementation(predictions, *tensors.values()) == "composite":
            pair = _composite.value(predictions, *others, call.text)
            return pair if call.option("return_weight") else pair[0]
        on_cpu(self.contract.arguments[0], predictions)
        check_constant(tensors)
        if torch.compiler.is_compiling():
            found = _operators.value(predictions, *others, call.text)
            return found if call.option("return_weight") else found[0]
        return Value.apply(predictions, *others, call)

    def _arranged(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor], dict[str, Any]]:
        """Predictions, the other tensors by name, and the options that are none."""
        contract = self.contract
        if len(args) != 2 or not kwargs.keys() <= contract.options.keys():
            self._on_arrays._declared(*args, **kwargs)  # a TypeError that names what is missing or unknown
            kwargs = dict(zip(contract.arguments, args, strict=False)) | kwargs
            args = tuple(kwargs.pop(name) for name in contract.arguments)
        predictions = needed_tensor(contract.arguments[0], args[0])
        given = {other: kwargs.pop(other) for other in TENSORS if other in kwargs}
        if isinstance(args[1], SparseTargets):
            kwargs["tail"] = args[1].tail
            given |= {"targets": args[1].indices, "probabilities": args[1].probabilities}
        else:
            given["targets"] = args[1]
        device = predictions.device
        tensors = {other: as_tensor(other, value, device) for other, value in given.items() if value is not None}
        return (
            predictions,
            tensors,
            {option: plain(option, value) for option, value in kwargs.items()},
        )


def check_constant(tensors: dict[str, torch.Tensor]) -> None:
    """What the native core has no derivative of needs none; it can only where the core is forced."""
    for name, tensor in tensors.items():
        if needs_derivative(tensor):
            raise ValueError(
                sentence(
                    name,
                    expected="a tensor that needs no gradient",
                    received="one that does",
                    remedy="pass it detached, or leave it to the composite: without "
                    'use_implementation("native") it is taken',
                )
            )


def plain(option: str, value: Any) -> Any:
    """A Python number, word or None, which an operator's call can be written with."""
    if isinstance(value, np.generic):
        return value.item()
    if value is not None and type(value) not in (bool, int, float, str):
        raise TypeError(
            sentence(
                option,
                expected="a Python number, a word or None",
                received=type(value).__name__,
                remedy="pass one, for example with .item()",
            )
        )
    return value


def _documented(loss: Loss[...]) -> str:
    first = (loss.__doc__ or "").split("\n", 1)[0]
    name = loss.contract.name
    return f"""{first}

    ``crossentropy.{name}`` of tensors: the same arguments, options, units, edge cases, accuracy and errors (see there).
    Tensors of the CPU are read where they lie, whatever their strides.

    Differentiable in reverse and forward mode and by the transforms of ``torch.func``: by the native core twice with
    respect to the {loss.contract.arguments[0]}; by the composite, which takes over where float targets or weights need
    a gradient and on other devices, any number of times (see ``implementation`` and ``use_implementation``).

    Raises:
        NotImplementedError: a third derivative of the native core.
        RuntimeError: wrong numbers on another device, or in what torch.compile traces; inside
            ``crossentropy.checked()`` on another device the errors are those of arrays.

    Returns:
        A tensor of float32 (float64 for float64 and integers): 0-d, or the losses for ``reduction="none"``.
    """


softmax_cross_entropy = TensorLoss(losses.softmax_cross_entropy)
softmax_kl_divergence = TensorLoss(losses.softmax_kl_divergence)
categorical_cross_entropy = TensorLoss(losses.categorical_cross_entropy)
negative_log_likelihood = TensorLoss(losses.negative_log_likelihood)
sigmoid_cross_entropy = TensorLoss(losses.sigmoid_cross_entropy)
binary_cross_entropy = TensorLoss(losses.binary_cross_entropy)
soft_margin = TensorLoss(losses.soft_margin)
multilabel_soft_margin = TensorLoss(losses.multilabel_soft_margin)
mean_squared_error = TensorLoss(losses.mean_squared_error)
