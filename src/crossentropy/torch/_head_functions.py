"""The results of the head as differentiable functions: each one's derivatives are others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from crossentropy.torch import _head_operators as operators
from crossentropy.torch._calls import Call
from crossentropy.torch._functions import Context, Function, goes_on, nothing, third_derivative
from crossentropy.torch._operators import LIBRARY

Tensor = torch.Tensor
Tensors = tuple[Tensor | None, ...]

#: Where in the operator's results those stand that have a derivative, and the gradients.
_VALUE, _STATISTICS, _GRADIENTS = 0, {"logsumexp": 3, "entropy": 4}, 7


class _Head(Function):
    """A function of tensors, then the call's text, then, for some, which gradients are wanted."""

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the inputs."""
        count = len(inputs) - (1 if isinstance(inputs[-1], str) else 2)
        ctx.save_for_backward(*inputs[:count])
        ctx.save_for_forward(*inputs[:count])
        ctx.call, ctx.wanted = inputs[count], inputs[-1]
        ctx.set_materialize_grads(False)


class Value(_Head):
    """All results of the operator; with gradients wanted, the backward pass takes them from among its own results."""

    @staticmethod
    def forward(*args: Any) -> Any:
        """The value of the operator."""
        return operators.head(*args)

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the gradients too: not as tensors that others may see, for the backward pass gives them away."""
        _Head.setup_context(ctx, inputs, output)
        ctx.ready = output[_GRADIENTS:] if any(ctx.wanted) else None
        asked = Call.parse(ctx.call).option("outputs")
        differentiable = [_VALUE, *(at for name, at in _STATISTICS.items() if name in asked)]
        _mark(ctx, output, [at in differentiable for at in range(len(output))])

    @staticmethod
    def backward(ctx: Context, *cotangents: Tensor | None) -> Any:
        """The gradients computed beside the value, where they are all that is asked for; else those computed now."""
        tensors = ctx.saved_tensors  # which notices what was changed since
        given, wanted = _of_results(ctx, cotangents), tuple(bool(needed) for needed in ctx.needs_input_grad[:3])
        if not any(ctx.wanted) or given[0] is None or given[1:] != (None, None) or goes_on(given[0]):
            found = _given(Gradient.apply(*given, *tensors, ctx.call, wanted), wanted)
        else:
            ready, ctx.ready = ctx.ready, None  # given away once; whoever asks again has the same computed again
            if ready is None:
                ready = operators.head_gradient(torch.ones_like(given[0]), None, None, *tensors, ctx.call, wanted)
            if given[0].item() != 1.0:
                ready = [gradient.mul_(given[0]) for gradient in ready]
            found = _given(ready, wanted)
        return *found, *nothing(ctx, 3)

    @staticmethod
    def jvp(ctx: Context, *directions: Any) -> Any:
        """Value, lse and entropy along the direction."""
        tensors = ctx.saved_tensors
        value, *statistics = Tangent.apply(*tensors[:3], *directions[:3], *tensors[3:], ctx.call)
        outputs = Call.parse(ctx.call).option("outputs")
        results: list[Tensor | None] = [value] + [None] * (_GRADIENTS + 2)
        for (name, at), tangent in zip(_STATISTICS.items(), statistics, strict=True):
            results[at] = tangent if name in outputs else None
        return tuple(results)


class Gradient(_Head):
    """Cotangents of value, lse and entropy times their gradients."""

    @staticmethod
    def forward(*args: Any) -> Any:
        """The value of the operator."""
        return operators.head_gradient(*args)

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the inputs; what was not wanted has no derivative."""
        _Head.setup_context(ctx, inputs, output)
        _mark(ctx, output, ctx.wanted)

    @staticmethod
    def backward(ctx: Context, *directions: Tensor | None) -> Any:
        """With respect to the cotangents the tangents along the direction, to the parameters the Hessian times it."""
        cotangents, parameters, rest = _parted(ctx.saved_tensors, 3, 3)
        along, bent = _of_gradient(ctx, cotangents, parameters, directions, rest)
        return *along, *bent, *nothing(ctx, 6)

    @staticmethod
    def jvp(ctx: Context, *given: Any) -> Any:
        """Linear in the cotangents; the Hessian along the parameters."""
        cotangents, parameters, rest = _parted(ctx.saved_tensors, 3, 3)
        found: Tensors = (None, None, None)
        if any(tensor is not None for tensor in given[:3]):
            linear = Gradient.apply(*given[:3], *parameters, *rest, ctx.call, ctx.wanted)
            found = _sum(found, _given(linear, ctx.wanted))
        if any(tensor is not None for tensor in given[3:6]):
            bent = Curvature.apply(*cotangents, *parameters, *given[3:6], *rest, ctx.call)
            found = _sum(found, _given(bent, ctx.wanted))
        return found


class Tangent(_Head):
    """Value, lse and entropy along a direction."""

    @staticmethod
    def forward(*args: Any) -> Any:
        """The value of the operator."""
        return operators.head_tangent(*args)

    @staticmethod
    def backward(ctx: Context, *cotangents: Tensor | None) -> Any:
        """Linear in the direction; with respect to the parameters the Hessian times it."""
        parameters, direction, rest = _parted(ctx.saved_tensors, 3, 3)
        there = _there(parameters)
        bent: Tensors = (None, None, None)
        if any(ctx.needs_input_grad[:3]):
            bent = _given(Curvature.apply(*cotangents, *parameters, *direction, *rest, ctx.call), there)
        linear = _given(Gradient.apply(*cotangents, *parameters, *rest, ctx.call, there), there)
        return *bent, *_given(linear, _there(direction)), *nothing(ctx, 6)

    @staticmethod
    def jvp(ctx: Context, *given: Any) -> Any:
        """Linear in the direction; a derivative along the parameters is one of second order along two directions."""
        parameters, _, rest = _parted(ctx.saved_tensors, 3, 3)
        if any(tensor is not None for tensor in given[:3]):
            raise third_derivative("features")
        return Tangent.apply(*parameters, *given[3:6], *rest, ctx.call)


class Curvature(_Head):
    """The Hessian of the cotangents times the results, times a direction."""

    @staticmethod
    def forward(*args: Any) -> Any:
        """The value of the operator."""
        return operators.head_curvature(*args)

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the inputs; a bias that is not there has no derivative."""
        _Head.setup_context(ctx, inputs, output)
        _mark(ctx, output, _there(inputs[3:6]))

    @staticmethod
    def backward(ctx: Context, *others: Tensor | None) -> Any:
        """Linear in the direction; third derivatives do not exist."""
        cotangents, parameters, rest = _parted(ctx.saved_tensors, 3, 3)
        direction, rest = rest[:3], rest[3:]
        if any(ctx.needs_input_grad[:6]):
            raise third_derivative("features")
        there = _there(parameters)
        found = _given(Curvature.apply(*cotangents, *parameters, *others, *rest, ctx.call), there)
        return *(None,) * 6, *_given(found, _there(direction)), *nothing(ctx, 9)

    @staticmethod
    def jvp(ctx: Context, *given: Any) -> Any:
        """Linear in the cotangents and the direction; third derivatives do not exist."""
        cotangents, parameters, rest = _parted(ctx.saved_tensors, 3, 3)
        direction, rest = rest[:3], rest[3:]
        if any(tensor is not None for tensor in given[3:6]):
            raise third_derivative("features")
        found: Tensors = (None, None, None)
        if any(tensor is not None for tensor in given[:3]):
            found = _sum(found, Curvature.apply(*given[:3], *parameters, *direction, *rest, ctx.call))
        if any(tensor is not None for tensor in given[6:9]):
            found = _sum(found, Curvature.apply(*cotangents, *parameters, *given[6:9], *rest, ctx.call))
        return _given(found, _there(parameters))


class _Operator:
    """The operator ``head`` in a graph, as torch.compile writes one down: nothing there may change a tensor."""

    @staticmethod
    def setup_context(ctx: Context, inputs: tuple[Any, ...], output: Any) -> None:
        """Keep the inputs and the gradients."""
        *tensors, ctx.call, ctx.wanted = inputs
        ctx.save_for_backward(*tensors, *output[_GRADIENTS:])
        ctx.set_materialize_grads(False)

    @staticmethod
    def backward(ctx: Context, *cotangents: Tensor | None) -> Any:
        """The gradients computed beside the value, or those computed now: what is asked for is known beforehand."""
        tensors, ready = ctx.saved_tensors[:-3], ctx.saved_tensors[-3:]
        given, wanted = _of_results(ctx, cotangents), tuple(bool(needed) for needed in ctx.needs_input_grad[:3])
        if any(ctx.wanted) and given[0] is not None and given[1:] == (None, None) and not torch.is_grad_enabled():
            factor = given[0]
            found = tuple(g * factor.to(g.dtype) if asked else None for g, asked in zip(ready, wanted, strict=True))
        else:
            found = _given(Gradient.apply(*given, *tensors, ctx.call, wanted), wanted)
        return *found, *nothing(ctx, 3)


def _mark(ctx: Context, output: Tensors, differentiable: Sequence[bool]) -> None:
    ctx.mark_non_differentiable(*(tensor for tensor, yes in zip(output, differentiable, strict=True) if not yes))


def _of_results(ctx: Context, cotangents: Tensors) -> Tensors:
    """The cotangents of value, lse and entropy out of those of all results; None for what was not asked for."""
    outputs = Call.parse(ctx.call).option("outputs")
    return cotangents[_VALUE], *(cotangents[at] if name in outputs else None for name, at in _STATISTICS.items())


def _of_gradient(
    ctx: Context, cotangents: Tensors, parameters: Tensors, directions: Tensors, rest: Tensors
) -> tuple[Tensors, Tensors]:
    """Of a gradient along a direction: derivatives with respect to the cotangents, and to the parameters."""
    along: Tensors = (None, None, None)
    bent: Tensors = (None, None, None)
    v = tuple(d if asked else None for d, asked in zip(directions, ctx.wanted, strict=True))
    if any(d is not None for d in v):
        if any(ctx.needs_input_grad[:3]):
            found = Tangent.apply(*parameters, *v, *rest, ctx.call)
            along = tuple(t if c is not None else None for t, c in zip(found, cotangents, strict=True))
        if any(ctx.needs_input_grad[3:6]):
            bent = _given(Curvature.apply(*cotangents, *parameters, *v, *rest, ctx.call), _there(parameters))
    return along, bent


def _parted(tensors: Tensors, *counts: int) -> tuple[Tensors, ...]:
    """So many, so many, and the rest."""
    parts, at = [], 0
    for count in counts:
        parts.append(tuple(tensors[at : at + count]))
        at += count
    return *parts, tuple(tensors[at:])


def _there(tensors: Tensors) -> tuple[bool, ...]:
    return tuple(tensor is not None for tensor in tensors)


def _given(found: Sequence[Tensor | None], asked: Any) -> Tensors:
    """The results that were asked for; the operator's others are empty."""
    return tuple(tensor if wanted else None for tensor, wanted in zip(found, asked, strict=True))


def _sum(a: Tensors, b: Tensors) -> Tensors:
    return tuple(y if x is None else x if y is None else x + y for x, y in zip(a, b, strict=True))


for name, function in (
    ("head", _Operator),
    ("head_gradient", Gradient),
    ("head_tangent", Tangent),
    ("head_curvature", Curvature),
):
    torch.library.register_autograd(
        f"crossentropy::{name}", function.backward, setup_context=function.setup_context, lib=LIBRARY
    )
