"""PyTorch's own samples of the operators that the drop-ins are named after, made fit for the losses of crossentropy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch.testing._internal.common_methods_invocations import op_db

from crossentropy.torch import functional

Tensor = torch.Tensor


def _distributions(target: Tensor) -> Tensor:
    classes = min(1, target.dim() - 1)
    return target / target.sum(classes, keepdim=True) if target.is_floating_point() else target


#: What a sample's target, its last tensor, becomes where PyTorch draws it from all numbers, and these losses want signs
#: or probabilities.
TARGETS: dict[str, Callable[[Tensor], Tensor]] = {
    "cross_entropy": _distributions,
    "linear_cross_entropy": _distributions,
    "soft_margin_loss": lambda t: torch.where(t < 0, -1.0, 1.0).to(t.dtype),
    "multilabel_soft_margin_loss": torch.sigmoid,
}
#: Operators that take weights of any sign.
ANY_WEIGHT = {"nll_loss"}
NAMES = sorted(name for name in functional.__all__)
OPERATORS = {name: [op for op in op_db if op.name.removeprefix("nn.functional.") == name] for name in NAMES}


class Sample(NamedTuple):
    """A call of a drop-in and of PyTorch's function of its name."""

    tensors: tuple[Tensor, ...]
    options: dict[str, Any]


def samples(name: str, dtype: torch.dtype) -> list[Sample]:
    """PyTorch's samples of an operator in all its variants, as it draws them."""
    torch.manual_seed(1)
    found = []
    for operator in OPERATORS[name]:
        for sample in operator.sample_inputs("cpu", dtype, requires_grad=True):
            tensors = [sample.input, *(x for x in sample.args if isinstance(x, Tensor))]
            dims = [x for x in sample.args if not isinstance(x, Tensor)]
            found.append(Sample(tuple(tensors), sample.kwargs | dict(zip(["dim"], dims, strict=False))))
    return found


def admitted(name: str, sample: Sample) -> Sample:
    """The sample with targets and weights that the drop-in takes; itself where it has such."""
    tensors, options = list(sample.tensors), dict(sample.options)
    if name in TARGETS:
        tensors[-1] = TARGETS[name](tensors[-1])
    if name not in ANY_WEIGHT:
        options = {key: x.abs() if key.endswith("weight") else x for key, x in options.items()}
    return Sample(tuple(tensors), options)


def is_admitted(name: str, sample: Sample) -> bool:
    """Whether the drop-in takes the sample as it is drawn."""
    other = admitted(name, sample)
    pairs = [*zip(sample.tensors, other.tensors, strict=True)]
    pairs += [(x, other.options[key]) for key, x in sample.options.items() if isinstance(x, Tensor)]
    return all(torch.equal(x, y) for x, y in pairs)
