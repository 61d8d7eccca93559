"""PyTorch in eager mode on the CPU. Its gradient is a fresh tensor, as its autograd makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import DROP_IN, Case
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Inputs, Sample
from crossentropy.torch._tensors import as_array, from_array

NAME = "PyTorch"

#: The options that PyTorch has, under its names.
_OPTIONS = {"": "", "class_weight": "weight", "label_smoothing": "label_smoothing", "ignore_index": "ignore_index"}


def contestant(case: Case, inputs: Inputs) -> Contestant | None:
    """The function of torch, or of torch.nn.functional for losses."""
    return build(NAME, case, inputs, lambda function: function)


def build(
    name: str, case: Case, inputs: Inputs, prepared: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Contestant | None:
    """A contestant that calls PyTorch's function, prepared in some way; None where PyTorch has none."""
    import torch
    from torch.nn import functional

    z = from_array(inputs.predictions)
    if inputs.targets is None:
        function = getattr(torch, case.operation)
        activation = prepared(lambda z: function(z, -1))
        return Contestant(name, lambda: activation(z), lambda sample: Outcome(sample(activation(z).numpy())))
    losses: dict[str, Callable[..., Any]] = {
        "softmax_cross_entropy": functional.cross_entropy,
        DROP_IN: functional.cross_entropy,
        "sigmoid_cross_entropy": functional.binary_cross_entropy_with_logits,
        "soft_margin": functional.soft_margin_loss,
    }
    if case.operation not in losses or case.option not in _OPTIONS:
        return None
    return of_loss(name, case, inputs, losses[case.operation], prepared)


def of_loss(
    name: str,
    case: Case,
    inputs: Inputs,
    function: Callable[..., Any],
    prepared: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
) -> Contestant:
    """A contestant that calls a loss of torch.nn.functional, or one that can stand in its place."""
    import torch

    z, y = from_array(inputs.predictions), torch.from_numpy(inputs.targets)
    options = {_OPTIONS[name]: _option(value) for name, value in inputs.options.items()}
    loss = prepared(lambda z, y: function(z, y, **options))
    loss_of_rows = prepared(lambda z, y: function(z, y, **options, reduction="none"))

    def values(sample: Sample) -> Outcome:
        return Outcome(sample(as_array(loss_of_rows(z, y))))

    if case.wants == "value":
        return Contestant(name, lambda: loss(z, y), values)

    def call() -> Any:
        leaf = z.detach().requires_grad_()
        loss(leaf, y).backward()
        return leaf.grad

    return Contestant(name, call, lambda sample: Outcome(values(sample).values, sample(as_array(call()))))


def _option(value: Any) -> Any:
    import torch

    return torch.from_numpy(value) if hasattr(value, "shape") else value
