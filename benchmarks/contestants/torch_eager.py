"""PyTorch in eager mode on the CPU. Its gradient is a fresh tensor, as its autograd makes one."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Array, Inputs, Sample

NAME = "PyTorch"


def contestant(case: Case, inputs: Inputs) -> Contestant | None:
    """The function of torch, or of torch.nn.functional for losses."""
    import torch
    from torch.nn import functional

    z = tensor(inputs.predictions)
    if inputs.targets is None:
        activation = getattr(torch, case.operation)
        return Contestant(NAME, lambda: activation(z, -1), lambda sample: Outcome(sample(activation(z, -1).numpy())))
    losses: dict[str, Any] = {
        "softmax_cross_entropy": functional.cross_entropy,
        "sigmoid_cross_entropy": functional.binary_cross_entropy_with_logits,
    }
    if case.operation not in losses:
        return None
    loss, y = losses[case.operation], torch.from_numpy(inputs.targets)

    def values(sample: Sample) -> Outcome:
        return Outcome(sample(_array(loss(z, y, reduction="none"))))

    if case.wants == "value":
        return Contestant(NAME, lambda: loss(z, y), values)

    def call() -> Any:
        leaf = z.detach().requires_grad_()
        loss(leaf, y).backward()
        return leaf.grad

    return Contestant(NAME, call, lambda sample: Outcome(values(sample).values, sample(_array(call()))))


def tensor(array: Array) -> Any:
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
