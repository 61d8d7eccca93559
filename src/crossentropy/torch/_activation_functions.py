"""The activations as differentiable functions: all their derivatives are made of each other."""

from __future__ import annotations

from typing import Any

import torch

from crossentropy.torch import _activation_operators as operators
from crossentropy.torch._functions import Context, Function
from crossentropy.torch._operators import LIBRARY

Tensor = torch.Tensor


class _Activation(Function):
    """A function of tensors, then a kind and an axis."""

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the inputs: derivatives are computed from them when they are asked for."""
        *tensors, ctx.kind, ctx.axis = inputs
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)


class Activate(_Activation):
    """The value f(z)."""

    @staticmethod
    def forward(z: Tensor, kind: str, axis: int) -> Any:
        """The value of the operator."""
        return operators.activate(z, kind, axis)

    @staticmethod
    def backward(ctx: Context, cotangent: Tensor) -> Any:
        """The cotangent times the Jacobian."""
        (z,) = ctx.saved_tensors
        return Vjp.apply(z, cotangent, ctx.kind, ctx.axis), None, None

    @staticmethod
    def jvp(ctx: Context, direction: Tensor, *_: Any) -> Tensor:
        """The Jacobian times the direction."""
        (z,) = ctx.saved_tensors
        return _along(ctx.kind, z, direction, ctx.axis)

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], z: Tensor, kind: str, axis: int) -> Any:
        """The whole batch at once: the axis is counted from the end."""
        return Activate.apply(z.movedim(in_dims[0], 0), kind, axis), 0


class Vjp(_Activation):
    """The vector-Jacobian product cᵀ f'(z), which is the gradient of cᵀ f(z)."""

    @staticmethod
    def forward(z: Tensor, cotangent: Tensor, kind: str, axis: int) -> Any:
        """The value of the operator."""
        return operators.activate_vjp(z, cotangent, kind, axis)

    @staticmethod
    def backward(ctx: Context, direction: Tensor) -> Any:
        """With respect to z the Hessian of cᵀ f times the direction, to c the Jacobian times it."""
        z, cotangent = ctx.saved_tensors
        bent = _bent(ctx.kind, z, cotangent, direction, ctx.axis) if ctx.needs_input_grad[0] else None
        along = _along(ctx.kind, z, direction, ctx.axis) if ctx.needs_input_grad[1] else None
        return bent, along, None, None

    @staticmethod
    def jvp(ctx: Context, of_z: Tensor | None, of_cotangent: Tensor | None, *_: Any) -> Tensor:
        """The Hessian of cᵀ f, which is symmetric, along z; linear in the cotangent."""
        z, cotangent = ctx.saved_tensors
        tangent = torch.zeros_like(z)
        if of_z is not None:
            tangent = tangent + _bent(ctx.kind, z, cotangent, of_z, ctx.axis)
        if of_cotangent is not None:
            tangent = tangent + Vjp.apply(z, of_cotangent, ctx.kind, ctx.axis)
        return tangent

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], z: Tensor, cotangent: Tensor, kind: str, axis: int) -> Any:
        """The whole batch at once."""
        z, cotangent = (
            tensor.expand(info.batch_size, *tensor.shape) if dim is None else tensor.movedim(dim, 0)
            for tensor, dim in zip((z, cotangent), in_dims[:2], strict=True)
        )
        return Vjp.apply(z, cotangent, kind, axis), 0


def _softmax(z: Tensor, axis: int) -> Tensor:
    found: Tensor = Activate.apply(z, "softmax", axis)
    return found


def _along(kind: str, z: Tensor, v: Tensor, axis: int) -> Tensor:
    """f'(z) v: but for two kinds the Jacobian is symmetric."""
    if kind == "log_softmax":
        return v - (_softmax(z, axis) * v).sum(axis, keepdim=True)
    if kind == "logsumexp":
        return (_softmax(z, axis) * v).sum(axis)
    found: Tensor = Vjp.apply(z, v, kind, axis)
    return found


def _bent(kind: str, z: Tensor, c: Tensor, v: Tensor, axis: int) -> Tensor:
    """(cᵀ f)''(z) v."""
    product: Tensor
    if kind == "sigmoid":  # c σ(z) σ(-z)
        product = Vjp.apply(z, c * v * (Activate.apply(-z, kind, axis) - Activate.apply(z, kind, axis)), kind, axis)
    elif kind == "log_sigmoid":  # c σ(-z)
        product = -Vjp.apply(z, c * v, "sigmoid", axis)
    elif kind == "softplus":  # c σ(z)
        product = Vjp.apply(z, c * v, "sigmoid", axis)
    elif kind == "log_softmax":  # c - p Σc
        product = -c.sum(axis, keepdim=True) * Vjp.apply(z, v, "softmax", axis)
    elif kind == "logsumexp":  # c p
        product = c.unsqueeze(axis) * Vjp.apply(z, v, "softmax", axis)
    else:  # p (c - p·c)
        p = _softmax(z, axis)
        along_c, along_v = ((p * x).sum(axis, keepdim=True) for x in (c, v))
        product = Vjp.apply(z, (c - along_c) * (v - along_v), "softmax", axis)
    return product


def _keep(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
    *tensors, ctx.kind, ctx.axis = inputs
    ctx.save_for_backward(*tensors)


for name, function in (("activate", Activate), ("activate_vjp", Vjp)):
    torch.library.register_autograd(f"crossentropy::{name}", function.backward, setup_context=_keep, lib=LIBRARY)
