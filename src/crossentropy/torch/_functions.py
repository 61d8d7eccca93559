"""The three results of a call as differentiable functions: each one's derivative is the next."""

from __future__ import annotations

from functools import partial
from inspect import signature
from typing import Any

import torch
from torch.autograd import forward_ad

from crossentropy._validation import sentence
from crossentropy.torch import _calls, _operators
from crossentropy.torch._calls import Call

Context = Any  # autograd's, which has no public type
Tensor = torch.Tensor


class Function(torch.autograd.Function):
    """A function whose arguments are tensors but for the last, and which keeps them all."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.forward.__signature__ = signature(cls.forward)  # type: ignore[attr-defined]  # apply asks for it each time
        cls.vmap = staticmethod(partial(_one_by_one, cls))  # type: ignore[method-assign]

    @classmethod
    def apply(cls, *args: Any) -> Any:
        return super().apply(*args)  # type: ignore[no-untyped-call]

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the inputs: derivatives are computed from them when they are asked for."""
        *tensors, ctx.call = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)


def _one_by_one(function: type[Function], info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
    """Each member of a batch by itself."""
    results = [
        function.apply(*(a.select(d, i) if isinstance(d, int) else a for a, d in zip(args, in_dims, strict=True)))
        for i in range(info.batch_size)
    ]
    if isinstance(results[0], tuple):
        return tuple(torch.stack(part) for part in zip(*results, strict=True)), (0,) * len(results[0])
    return torch.stack(results), 0


class Value(Function):
    """The value of a call; with ``return_weight`` also the sum of row weights."""

    @staticmethod
    def forward(predictions: Tensor, *rest: Any) -> Any:
        """The value of the operator."""
        *tensors, call = rest
        found = _operators.value(predictions, *tensors, call.text)
        return found if call.option("return_weight") else found[0]

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """The sum of row weights does not depend on the predictions."""
        Function.setup_context(ctx, inputs, output)
        ctx.set_materialize_grads(False)  # no tangent is None, rather than zeros that nobody can tell from one
        if isinstance(output, tuple):
            ctx.mark_non_differentiable(output[1])

    @staticmethod
    def backward(ctx: Context, *cotangents: Tensor | None) -> Any:
        """Cotangent times gradient."""
        _refuse(any(ctx.needs_input_grad[1:]))
        if cotangents[0] is None:
            return nothing(ctx, 0)
        return Gradient.apply(cotangents[0], *ctx.saved_tensors, ctx.call), *nothing(ctx, 1)

    @staticmethod
    def jvp(ctx: Context, direction: Tensor, *others: Any) -> Any:
        """Gradient along the direction."""
        _refuse(any(other is not None for other in others))
        tangent = _along(ctx.call, Gradient, direction, *ctx.saved_tensors)
        return (tangent, None) if ctx.call.option("return_weight") else tangent


class Gradient(Function):
    """A cotangent times the gradient of a call's value."""

    @staticmethod
    def forward(cotangent: Tensor, predictions: Tensor, *rest: Any) -> Any:
        """The value of the operator."""
        *tensors, call = rest
        return _operators.gradient(cotangent, predictions, *tensors, call.text)

    @staticmethod
    def backward(ctx: Context, direction: Tensor) -> Any:
        """With respect to the cotangent the gradient along the direction, to the predictions the Hessian times it."""
        cotangent, predictions, *tensors = ctx.saved_tensors
        along = product = None
        if ctx.needs_input_grad[0]:
            along = _along(ctx.call, Gradient, direction, predictions, *tensors)
        if ctx.needs_input_grad[1]:
            product = Curvature.apply(cotangent, predictions, direction, *tensors, ctx.call)
        return along, product, *nothing(ctx, 2)

    @staticmethod
    def jvp(ctx: Context, of_cotangent: Tensor | None, of_predictions: Tensor | None, *_: Any) -> Any:
        """Linear in the cotangent; the Hessian along the predictions."""
        cotangent, predictions, *tensors = ctx.saved_tensors
        tangent = torch.zeros_like(predictions)
        if of_cotangent is not None:
            tangent = tangent + Gradient.apply(of_cotangent, predictions, *tensors, ctx.call)
        if of_predictions is not None:
            tangent = tangent + Curvature.apply(cotangent, predictions, of_predictions, *tensors, ctx.call)
        return tangent


class Curvature(Function):
    """The Hessian of a cotangent times a call's value, times a direction."""

    @staticmethod
    def forward(cotangent: Tensor, predictions: Tensor, direction: Tensor, *rest: Any) -> Any:
        """The value of the operator."""
        *tensors, call = rest
        return _operators.curvature(cotangent, predictions, direction, *tensors, call.text)

    @staticmethod
    def backward(ctx: Context, other: Tensor) -> Any:
        """Linear in cotangent and direction; third derivatives do not exist."""
        cotangent, predictions, direction, *tensors = ctx.saved_tensors
        if ctx.needs_input_grad[1]:
            raise third_derivative()
        along = product = None
        if ctx.needs_input_grad[0]:
            along = _along(ctx.call, Curvature, other, predictions, direction, *tensors)
        if ctx.needs_input_grad[2]:
            product = Curvature.apply(cotangent, predictions, other, *tensors, ctx.call)
        return along, None, product, *nothing(ctx, 3)

    @staticmethod
    def jvp(ctx: Context, of_cotangent: Tensor | None, of_predictions: Tensor | None, along: Any, *_: Any) -> Any:
        """Linear in cotangent and direction; third derivatives do not exist."""
        cotangent, predictions, direction, *tensors = ctx.saved_tensors
        if of_predictions is not None:
            raise third_derivative()
        tangent = torch.zeros_like(predictions)
        if of_cotangent is not None:
            tangent = tangent + Curvature.apply(of_cotangent, predictions, direction, *tensors, ctx.call)
        if along is not None:
            tangent = tangent + Curvature.apply(cotangent, predictions, along, *tensors, ctx.call)
        return tangent


def _along(call: Call, function: type[Function], other: Tensor, predictions: Tensor, *tensors: Tensor | None) -> Tensor:
    """What the function gives for a cotangent of 1, summed along another tensor of the predictions' shape."""
    shape = _calls.loss_shape(call, predictions) if call.option("reduction") == "none" else ()
    ones = torch.ones(shape, dtype=_calls.loss_dtype(predictions), device=predictions.device)
    return _calls.contracted(call, function.apply(ones, predictions, *tensors, call), other)


def nothing(ctx: Context, differentiable: int) -> tuple[None, ...]:
    """No derivative with respect to the arguments that follow the differentiable ones."""
    return (None,) * (len(ctx.needs_input_grad) - differentiable)


def is_watched() -> bool:
    """Whether operations are written down (make_fx) or transformed (torch.func) as they are called."""
    return torch._C._len_torch_dispatch_stack() > 0 or torch._C._are_functorch_transforms_active()


def is_transformed() -> bool:
    """Whether derivatives of what is called now are taken otherwise than by a backward pass, or it is written down."""
    return is_watched() or forward_ad._current_level >= 0


def goes_on(cotangent: Tensor) -> bool:
    """Whether what a backward pass computes may be differentiated or transformed again, as Functions can."""
    # is_grads_batched=True hands on several cotangents as one of another kind, without an active transform
    batch: bool = torch._C._functorch.is_legacy_batchedtensor(cotangent)
    return torch.is_grad_enabled() or batch or is_transformed()


def _refuse(others: bool) -> None:
    """The last guard: ``implementation`` has sent such calls to the composite."""
    if others:
        raise NotImplementedError(
            sentence(
                "targets and weights",
                expected="tensors without derivative in the native core",
                received="one with a gradient or a tangent",
                remedy="compute the loss inside \"with crossentropy.torch.use_implementation('composite'):\"",
            )
        )


def third_derivative(argument: str = "predictions") -> NotImplementedError:
    """The error for a derivative that the native core has not."""
    return NotImplementedError(
        sentence(
            argument,
            expected="derivatives of first and second order",
            received="a third one",
            remedy="compute the loss inside \"with crossentropy.torch.use_implementation('composite'):\", or detach "
            f"the {argument} before the second derivative is taken",
        )
    )


# The reverse rules again, for whoever calls the operators themselves, as graphs of torch.compile do: Dynamo traces no
# autograd.Function that has a forward mode.
def _keep(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
    *tensors, text = inputs
    ctx.save_for_backward(*tensors)
    ctx.call = Call.parse(text)


for name, function in (("value", Value), ("gradient", Gradient), ("curvature", Curvature)):
    torch.library.register_autograd(
        f"crossentropy::{name}", function.backward, setup_context=_keep, lib=_operators.LIBRARY
    )
