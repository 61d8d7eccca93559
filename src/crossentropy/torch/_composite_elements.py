"""The losses of single elements in PyTorch's operations."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch.nn.functional import logsigmoid

from crossentropy.torch._calls import Call
from crossentropy.torch._composite_softmax import times

Tensor = torch.Tensor
Given = dict[str, Tensor]
Found = tuple[Tensor, Tensor]


class _Elements(NamedTuple):
    """Elements, the class axis last; those of weight 0 hold 1/2, and weigh nothing."""

    x: Tensor  # predictions
    targets: Tensor
    positive: Tensor  # weight of class 1, along the last axis or ()
    column: Tensor  # weight of both classes
    smoothing: float
    sample_weight: Tensor  # of the losses' shape or ()

    @property
    def one(self) -> Tensor:
        """The weighted target of class 1."""
        return self.column * self.positive * ((1.0 - self.smoothing) * self.targets + self.smoothing / 2.0)

    @property
    def zero(self) -> Tensor:
        """The weighted target of class 0."""
        return self.column * ((1.0 - self.smoothing) * (1.0 - self.targets) + self.smoothing / 2.0)

    def weighed(self, losses: Tensor, weights: Tensor) -> Found:
        """Losses and weights of all elements (or rows), 0 for those that are dropped."""
        kept, s = self.sample_weight != 0.0, self.sample_weight
        return torch.where(kept, s * losses, 0.0), torch.where(kept, s * weights, 0.0)


def _elements(x: Tensor, call: Call, given: Given) -> _Elements:
    at = -1 if call.axis is None else call.axis
    one = torch.ones((), dtype=x.dtype, device=x.device)
    targets, weight = given["targets"].to(x.dtype), given.get("sample_weight", one).to(x.dtype)
    if x.ndim:
        x, targets = x.movedim(at, -1), targets.movedim(at, -1)
    kept = weight != 0.0
    of_rows = 0 < weight.ndim < x.ndim
    x = torch.where(kept.unsqueeze(-1) if of_rows else kept, x, 0.5)
    return _Elements(
        x=x,
        targets=targets,
        positive=given.get("pos_weight", one).to(x.dtype),
        column=given.get("class_weight", one).to(x.dtype),
        smoothing=call.option("label_smoothing") or 0.0,
        sample_weight=weight.unsqueeze(-1) if of_rows and call.axis is None else weight,
    )


def _sigmoid_cost(z: Tensor, gamma: float | None) -> Tensor:
    """(1 - p)^γ (-log p) of the class whose probability p is σ(z)."""
    surprisal = -logsigmoid(z)
    if not gamma:
        return surprisal
    # (1 - p)^γ by its logarithm, which at p = 0 is 0 without a slope
    none = z == -math.inf
    log_complement = torch.where(none, 0.0, logsigmoid(torch.where(none, 0.0, -z)))
    return torch.exp(gamma * log_complement) * surprisal


def sigmoid_cross_entropy(x: Tensor, call: Call, given: Given) -> Found:
    """a₁ (1 - σ)^γ softplus(-z) + a₀ σ^γ softplus(z)."""
    elements, gamma = _elements(x, call, given), call.option("focal_gamma")
    z, one, zero = elements.x, elements.one, elements.zero
    losses = times(one, _sigmoid_cost(z, gamma)) + times(zero, _sigmoid_cost(-z, gamma))
    return elements.weighed(losses, one + zero)


def multilabel_soft_margin(x: Tensor, call: Call, given: Given) -> Found:
    """The mean of the sigmoid cross-entropies of a row."""
    elements = _elements(x, call, given)
    one, zero = elements.one, elements.zero
    losses = times(one, -logsigmoid(elements.x)) + times(zero, -logsigmoid(-elements.x))
    return elements.weighed(losses.mean(-1), (one + zero).mean(-1))


def binary_cross_entropy(x: Tensor, call: Call, given: Given) -> Found:
    """a₁ (-log p) + a₀ (-log(1 - p))."""
    elements = _elements(x, call, given)
    p, one, zero = elements.x, elements.one, elements.zero
    # log 1 rather than log 0 where nothing is expected, for the sake of the derivative
    of_one = torch.log(torch.where((one == 0.0) & (p == 0.0), 1.0, p))
    of_zero = torch.log1p(-torch.where((zero == 0.0) & (p == 1.0), 0.0, p))
    return elements.weighed(-one * of_one - zero * of_zero, one + zero)


def soft_margin(x: Tensor, call: Call, given: Given) -> Found:
    """log(1 + e^(-y s))."""
    elements = _elements(x, call, given)
    return elements.weighed(-logsigmoid(elements.targets * elements.x), torch.ones_like(elements.x))


def mean_squared_error(x: Tensor, call: Call, given: Given) -> Found:
    """(x - t)²."""
    elements = _elements(x, call, given)
    return elements.weighed((elements.x - elements.targets) ** 2, torch.ones_like(elements.x))
