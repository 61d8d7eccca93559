"""Which implementation computes a loss on tensors (promise 25)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch.autograd import forward_ad

from crossentropy._dispatch import TENSOR_IMPLEMENTATIONS, of_tensors
from crossentropy._validation import as_choice

Choice = Literal["automatic", "native", "composite"]


@contextmanager
def use_implementation(name: Choice) -> Iterator[None]:
    """Force an implementation of the losses on tensors inside a ``with`` block, in this thread or task.

    ``"native"`` is the compiled core: CPU, differentiable twice with respect to the first argument. ``"composite"`` is
    written in PyTorch's operations: any device, differentiable any number of times with respect to the predictions,
    float targets and weights. ``"automatic"``, the default, is the rule that ``implementation`` tells. What
    torch.compile has compiled keeps the choice that was in force then.

    Raises:
        ValueError: for any other name.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> with ct.use_implementation("composite"):
        ...     print(ct.softmax_cross_entropy(torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([0])))
        tensor(0.2413)
    """
    token = of_tensors.set(as_choice("name", name, TENSOR_IMPLEMENTATIONS))
    try:
        yield
    finally:
        of_tensors.reset(token)


def implementation(predictions: torch.Tensor, *others: torch.Tensor) -> Literal["native", "composite"]:
    """What computes a loss of these tensors now: its predictions, then its targets, weights and mask.

    Unless ``use_implementation`` forces one: ``"native"`` where all of them are on the CPU (or meta) and none but the
    predictions needs a gradient, else ``"composite"``. Float targets need one where they have ``requires_grad=True``
    and gradients are enabled, or carry a tangent of the forward mode.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> logits, teacher = torch.zeros(2, 3), torch.full((2, 3), 1 / 3)
        >>> ct.implementation(logits.requires_grad_(), teacher)
        'native'
        >>> ct.implementation(logits, teacher.requires_grad_())
        'composite'
    """
    forced = _forced()
    if forced == "automatic":
        near = all(tensor.device.type in ("cpu", "meta") for tensor in (predictions, *others))
        return "native" if near and not any(map(needs_derivative, others)) else "composite"
    return "native" if forced == "native" else "composite"


@torch.compiler.assume_constant_result  # type: ignore[untyped-decorator]
def _forced() -> str:
    return of_tensors.get()


def needs_derivative(tensor: torch.Tensor) -> bool:
    """Whether what is computed from a tensor must be differentiable with respect to it, in whatever transform."""
    forward = forward_ad._current_level >= 0
    if not torch.compiler.is_compiling():  # which asks for transforms in its own way
        while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            tracked = torch._C._functorch.is_gradtrackingtensor(tensor) and tensor.is_floating_point()
            if tracked and (forward or tensor.requires_grad):
                return True
            tensor = torch._C._functorch.get_unwrapped(tensor)
    if tensor.requires_grad and torch.is_grad_enabled():
        return True
    return forward and forward_ad.unpack_dual(tensor).tangent is not None  # type: ignore[no-untyped-call]
