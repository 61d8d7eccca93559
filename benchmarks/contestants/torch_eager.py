"""PyTorch in eager mode on the CPU. Its gradient is a fresh tensor, as its autograd makes one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Array, Inputs, Sample

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

    z = _tensor(inputs.predictions)
    if inputs.targets is None:
        function = getattr(torch, case.operation)
        activation = prepared(lambda z: function(z, -1))
        return Contestant(name, lambda: activation(z), lambda sample: Outcome(sample(activation(z).numpy())))
    losses: dict[str, Callable[..., Any]] = {
        "softmax_cross_entropy": functional.cross_entropy,
        "sigmoid_cross_entropy": functional.binary_cross_entropy_with_logits,
        "soft_margin": functional.soft_margin_loss,
    }
    if case.operation not in losses or case.option not in _OPTIONS:
        return None
    function, y = losses[case.operation], torch.from_numpy(inputs.targets)
    options = {_OPTIONS[name]: _option(value) for name, value in inputs.options.items()}
    loss = prepared(lambda z, y: function(z, y, **options))
    loss_of_rows = prepared(lambda z, y: function(z, y, **options, reduction="none"))

    def values(sample: Sample) -> Outcome:
        return Outcome(sample(_array(loss_of_rows(z, y))))

    if case.wants == "value":
        return Contestant(name, lambda: loss(z, y), values)

    def call() -> Any:
        leaf = z.detach().requires_grad_()
        loss(leaf, y).backward()
        return leaf.grad

    return Contestant(name, call, lambda sample: Outcome(values(sample).values, sample(_array(call()))))


def _option(value: Any) -> Any:
    import torch

    return torch.from_numpy(value) if hasattr(value, "shape") else value


def _tensor(array: Array) -> Any:
    """The same memory as a tensor."""
    import torch

    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array)


def _array(tensor: Any) -> Array:
    import ml_dtypes
    import torch

    in_bfloat16 = tensor.dtype == torch.bfloat16
    array: Array = tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16) if in_bfloat16 else tensor.numpy()
    return array
