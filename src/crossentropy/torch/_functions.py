"""The three results of a call as differentiable functions: each one's derivative is the next."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import torch

from crossentropy._validation import sentence
from crossentropy.torch import _calls, _operators
from crossentropy.torch._calls import Call

Context = Any  # autograd's, which has no public type
Tensor = torch.Tensor


def _ones(call: Call, predictions: Tensor) -> Tensor:
    shape = _calls.loss_shape(call, predictions) if call.option("reduction") == "none" else ()
    return torch.ones(shape, dtype=_calls.loss_dtype(predictions), device=predictions.device)


def _one_by_one(apply: Callable[..., Any], size: int, in_dims: tuple[Any, ...], args: tuple[Any, ...]) -> Any:
    """Each member of a batch by itself."""
    results = [
        apply(*(a if dim is None else a.select(dim, i) for a, dim in zip(args, in_dims, strict=True)))
        for i in range(size)
    ]
    if isinstance(results[0], tuple):
        return tuple(torch.stack(part) for part in zip(*results, strict=True)), (0,) * len(results[0])
    return torch.stack(results), 0


class _Function(torch.autograd.Function):
    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.forward.__signature__ = signature(cls.forward)  # type: ignore[attr-defined]  # apply asks for it each time

    @classmethod
    def apply(cls, *args: Any) -> Any:
        return super().apply(*args)  # type: ignore[no-untyped-call]


class Value(_Function):
    """The value of a call; with ``return_weight`` also the sum of row weights."""

    @staticmethod
    def forward(predictions: Tensor, call: Call, *tensors: Tensor | None) -> Any:
        """The value of the operator."""
        found = _operators.value(predictions, *tensors, call.text)
        return found if call.option("return_weight") else found[0]

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the inputs: derivatives are computed from them when they are asked for."""
        predictions, ctx.call, *tensors = inputs
        ctx.save_for_backward(predictions, *tensors)
        ctx.save_for_forward(predictions, *tensors)
        if isinstance(output, tuple):
            ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx: Context, *cotangents: Tensor) -> Any:
        """Cotangent times gradient."""
        predictions, *tensors = ctx.saved_tensors
        slopes = Gradient.apply(cotangents[0], predictions, ctx.call, *tensors)
        return slopes, *(None for _ in range(len(tensors) + 1))

    @staticmethod
    def jvp(ctx: Context, direction: Tensor, *_: Any) -> Any:
        """Gradient along the direction."""
        predictions, *tensors = ctx.saved_tensors
        slopes = Gradient.apply(_ones(ctx.call, predictions), predictions, ctx.call, *tensors)
        tangent = _calls.contracted(ctx.call, slopes, direction)
        return (tangent, None) if ctx.call.option("return_weight") else tangent

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """Each member of the batch by itself."""
        return _one_by_one(Value.apply, info.batch_size, in_dims, args)


class Gradient(_Function):
    """A cotangent times the gradient of a call's value."""

    @staticmethod
    def forward(cotangent: Tensor, predictions: Tensor, call: Call, *tensors: Tensor | None) -> Any:
        """The value of the operator."""
        return _operators.gradient(cotangent, predictions, *tensors, call.text)

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the inputs."""
        cotangent, predictions, ctx.call, *tensors = inputs
        ctx.save_for_backward(cotangent, predictions, *tensors)
        ctx.save_for_forward(cotangent, predictions, *tensors)

    @staticmethod
    def backward(ctx: Context, direction: Tensor) -> Any:
        """With respect to the cotangent the gradient along the direction, to the predictions the Hessian times it."""
        cotangent, predictions, *tensors = ctx.saved_tensors
        along = product = None
        if ctx.needs_input_grad[0]:
            slopes = Gradient.apply(torch.ones_like(cotangent), predictions, ctx.call, *tensors)
            along = _calls.contracted(ctx.call, slopes, direction)
        if ctx.needs_input_grad[1]:
            product = Curvature.apply(cotangent, predictions, direction, ctx.call, *tensors)
        return along, product, *(None for _ in range(len(tensors) + 1))

    @staticmethod
    def jvp(ctx: Context, of_cotangent: Tensor | None, of_predictions: Tensor | None, *_: Any) -> Any:
        """Linear in the cotangent; the Hessian along the predictions."""
        cotangent, predictions, *tensors = ctx.saved_tensors
        tangent = torch.zeros_like(predictions)
        if of_cotangent is not None:
            tangent = tangent + Gradient.apply(of_cotangent, predictions, ctx.call, *tensors)
        if of_predictions is not None:
            tangent = tangent + Curvature.apply(cotangent, predictions, of_predictions, ctx.call, *tensors)
        return tangent

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """Each member of the batch by itself."""
        return _one_by_one(Gradient.apply, info.batch_size, in_dims, args)


class Curvature(_Function):
    """The Hessian of a cotangent times a call's value, times a direction."""

    @staticmethod
    def forward(cotangent: Tensor, predictions: Tensor, direction: Tensor, call: Call, *tensors: Tensor | None) -> Any:
        """The value of the operator."""
        return _operators.curvature(cotangent, predictions, direction, *tensors, call.text)

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep the inputs."""
        cotangent, predictions, direction, ctx.call, *tensors = inputs
        ctx.save_for_backward(cotangent, predictions, direction, *tensors)
        ctx.save_for_forward(cotangent, predictions, direction, *tensors)

    @staticmethod
    def backward(ctx: Context, other: Tensor) -> Any:
        """Linear in cotangent and direction; third derivatives do not exist."""
        cotangent, predictions, direction, *tensors = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            raise _third_derivative()
        along = product = None
        if ctx.needs_input_grad[0]:
            ones = torch.ones_like(cotangent)
            along = _calls.contracted(
                ctx.call, Curvature.apply(ones, predictions, direction, ctx.call, *tensors), other
            )
        if ctx.needs_input_grad[2]:
            product = Curvature.apply(cotangent, predictions, other, ctx.call, *tensors)
        return along, None, product, *(None for _ in range(len(tensors) + 1))

    @staticmethod
    def jvp(ctx: Context, of_cotangent: Tensor | None, of_predictions: Tensor | None, along: Any, *_: Any) -> Any:
        """Linear in cotangent and direction; third derivatives do not exist."""
        cotangent, predictions, direction, *tensors = ctx.saved_tensors
        if of_predictions is not None:
            raise _third_derivative()
        tangent = torch.zeros_like(predictions)
        if of_cotangent is not None:
            tangent = tangent + Curvature.apply(of_cotangent, predictions, direction, ctx.call, *tensors)
        if along is not None:
            tangent = tangent + Curvature.apply(cotangent, predictions, along, ctx.call, *tensors)
        return tangent

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """Each member of the batch by itself."""
        return _one_by_one(Curvature.apply, info.batch_size, in_dims, args)


def _third_derivative() -> NotImplementedError:
    return NotImplementedError(
        sentence(
            "predictions",
            expected="derivatives of first and second order",
            received="a third one",
            remedy="detach the predictions before the second derivative is taken",
        )
    )
