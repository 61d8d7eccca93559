"""The softmax of rows in PyTorch's operations, each number in the form that keeps its digits."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from crossentropy.torch._composite_classes import WHOLE, Classes

Tensor = torch.Tensor


def times(coefficient: Tensor, factor: Tensor) -> Tensor:
    """coefficient · factor with 0 · inf = 0, in the derivatives as well: what has no weight contributes nothing."""
    return coefficient * torch.where((coefficient == 0.0) & factor.isinf(), 0.0, factor)


class Softmax(NamedTuple):
    """Classes on the last axis. With k the largest logit m: rest = Σ_{j≠k} e^(x_j - m), 1 - p_k = rest / (1 + rest)."""

    surprisal: Tensor  # (..., K): -log p
    probability: Tensor  # (..., K), 0 at k, where the complement is what has digits
    complement: Tensor  # (..., K): 1 - p
    logsumexp: Tensor  # (..., 1)


def softmax(x: Tensor, temperature: float, classes: Classes = WHOLE) -> Softmax:
    """The softmax of x / temperature; NaN for rows without a distribution (NaN, only -inf, two +inf)."""
    top = classes.numbers(x) == classes.argmax(x)
    (m,) = classes.sum(torch.where(top, x, 0.0))
    fixed, certain = m.detach(), m == math.inf
    (largest,) = classes.each(m)
    # Where k is the label the loss is log1p(rest), whose gradient there is the sum of all others: no cancellation.
    apart = torch.where(top, 0.0, x - largest) / temperature
    powers = torch.exp(apart) * (1.0 + _rounded_off(x.detach(), fixed) / temperature)
    # Elsewhere the derivatives are those of log_softmax, which know no k. In a row with +inf they are the limits.
    shifted = torch.where(certain, 0.0, x - fixed) / temperature
    rest, total = classes.sum(torch.where(top, 0.0, powers), torch.exp(shifted))
    rest, log_total = rest + torch.where(fixed > -math.inf, 0.0, math.nan), torch.log(total)
    others, normal = classes.each(rest, log_total)
    log_p = shifted - normal
    surprisal = torch.where(top, torch.log1p(others), torch.where(certain, (largest - x) / temperature, -log_p))
    none = top | certain | (log_p == -math.inf)
    probability = torch.where(none, 0.0, torch.exp(torch.where(none, 0.0, log_p)))
    return Softmax(
        surprisal=surprisal,
        probability=probability,
        complement=torch.where(top, others / (1.0 + others), 1.0 - probability),
        logsumexp=torch.where(certain | (m == -math.inf), m, fixed / temperature + log_total),
    )


def _rounded_off(a: Tensor, b: Tensor) -> Tensor:
    """What the subtraction a - b rounds off (Knuth, 1969)."""
    difference = a - b
    part = difference - a
    error = (a - (difference - part)) - (b + part)
    return torch.where(error.isfinite(), error, 0.0)
