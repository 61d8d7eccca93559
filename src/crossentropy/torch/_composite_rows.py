"""The losses of rows of classes in PyTorch's operations: targets, weights and options, one formula each."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from crossentropy.torch._calls import Call
from crossentropy.torch._composite_classes import WHOLE, Classes
from crossentropy.torch._composite_softmax import softmax, times

Tensor = torch.Tensor
Given = dict[str, Tensor]
Found = tuple[Tensor, Tensor]


class _Rows(NamedTuple):
    """Rows with the class axis last; those that are dropped hold 1 everywhere, and weigh nothing."""

    x: Tensor  # (..., K): predictions
    targets: Tensor  # (..., K): distributions
    class_weight: Tensor  # (K,) or ()
    sample_weight: Tensor  # (...), or ()
    kept: Tensor  # (...)

    def weighed(self, losses: Tensor, weights: Tensor) -> Found:
        """Losses and weights of all rows, 0 for those that are dropped."""
        s = self.sample_weight
        return torch.where(self.kept, s * losses, 0.0), torch.where(self.kept, s * weights, 0.0)


def _rows(x: Tensor, call: Call, given: Given, classes: Classes = WHOLE) -> _Rows:
    x, targets = x.movedim(call.axis or 0, -1), given["targets"]
    kept = torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device)
    of_labels = not targets.is_floating_point() and "probabilities" not in given
    if of_labels and call.option("ignore_index") is not None:
        kept = targets != call.option("ignore_index")
    one = torch.ones((), dtype=x.dtype, device=x.device)
    weight = given.get("sample_weight", one).to(x.dtype)
    kept = kept & (weight != 0.0)
    if of_labels:
        labels = torch.where(kept, targets.long(), 0).unsqueeze(-1)
        dense = (classes.numbers(x) == labels).to(x.dtype)
    elif "probabilities" in given:
        dense = _from_listed(given, kept, x, call, classes)
    else:
        dense = torch.where(kept.unsqueeze(-1), targets.movedim(call.axis or 0, -1).to(x.dtype), 0.0)
    x = torch.where(kept.unsqueeze(-1), x, 1.0)
    return _Rows(x, dense, given.get("class_weight", one).to(x.dtype), weight, kept)


def _from_listed(given: Given, kept: Tensor, x: Tensor, call: Call, classes: Classes) -> Tensor:
    """Sparse targets as distributions over all classes."""
    indices, p = (given[name].movedim(call.axis or 0, -1) for name in ("targets", "probabilities"))
    listed, here, count = p.shape[-1], x.shape[-1], classes.count(x.shape[-1])
    (p,) = classes.each(torch.where(kept.unsqueeze(-1), p.to(x.dtype), 0.0))
    indices = torch.where(kept.unsqueeze(-1), indices.long(), torch.arange(listed, device=x.device))
    dense = x.new_zeros((*x.shape[:-1], here + 1))  # the last place is for classes that are elsewhere
    if call.option("tail") == "uniform" and listed < count:
        dense = dense + ((1.0 - p.sum(-1, keepdim=True)) / (count - listed)).clamp(min=0.0)
    places = indices - classes.numbers(x)[0]
    return dense.scatter(-1, torch.where((places >= 0) & (places < here), places, here), p)[..., :-1]


def _tanh(u: Tensor) -> Tensor:
    """tanh, whose slope 1 - tanh² keeps its digits far out: 1 - 2σ(-2|u|) there, with the slope of σ."""
    far, sign = u.abs() > 1.0, u.detach().sign()
    outside = sign * (1.0 - 2.0 * torch.sigmoid(-2.0 * sign * torch.where(far, u, sign)))
    return torch.where(far, outside, torch.tanh(torch.where(far, 0.0, u)))


def _smoothed(targets: Tensor, allowed: Tensor, smoothing: float, classes: Classes = WHOLE) -> Tensor:
    """Mixed with the uniform distribution over the allowed classes, where there are any."""
    if smoothing == 0.0:
        return targets
    (count,) = classes.sum(allowed.to(targets.dtype))
    mixed = (1.0 - smoothing) * targets + smoothing * allowed.to(targets.dtype) / count.clamp(min=1.0)
    return torch.where(count > 0, mixed, targets)


def softmax_cross_entropy(
    x: Tensor, call: Call, given: Given, classes: Classes = WHOLE, *, divergence: bool = False
) -> Found:
    """Σ_c w_c t_c [(1 - p_c)^γ (-log p_c) + λ lse²]; for the divergence also Σ_c w_c t_c log t_c."""
    rows = _rows(x, call, given, classes)
    z, dropped = transformed(rows.x, call, given)
    targets = _smoothed(rows.targets, ~dropped, call.option("label_smoothing"), classes)
    mass, row = rows.class_weight * targets, softmax(z, call.option("temperature"), classes)
    cost = row.surprisal
    if call.option("focal_gamma"):
        # at 1 - p = 0 the product vanishes with its derivative, but not the power's
        gone = row.complement == 0.0
        cost = torch.where(gone, 0.0, torch.where(gone, 1.0, row.complement) ** call.option("focal_gamma") * cost)
    own = (rows.class_weight * torch.special.entr(targets),) if divergence else ()
    losses, weights, *of_targets = (found.squeeze(-1) for found in classes.sum(times(mass, cost), mass, *own))
    for entropy in of_targets:
        losses = losses - entropy
    if call.option("z_loss"):
        losses = losses + times(call.option("z_loss") * weights, row.logsumexp.squeeze(-1) ** 2)
    return rows.weighed(losses, weights)


def transformed(z: Tensor, call: Call, given: Given) -> Found:
    """Logits with the class axis last, capped, those of dropped classes -inf; and which these are."""
    dropped = z == -math.inf
    if "class_mask" in given:
        mask = given["class_mask"]
        dropped = dropped | ~(mask.movedim(call.axis or 0, -1) if mask.ndim == z.ndim else mask)
    if call.option("softcap") is not None:
        cap = call.option("softcap")
        capped = cap * _tanh(torch.where(dropped, 0.0, z) / cap)
    else:
        capped = z
    # -inf with a derivative of 1: a target's mass on such a class has a slope (but not on one masked at +inf)
    return torch.where(dropped, torch.where(z < math.inf, z, 0.0) - math.inf, capped), dropped


def softmax_kl_divergence(x: Tensor, call: Call, given: Given) -> Found:
    """Cross-entropy less the targets' own entropy."""
    return softmax_cross_entropy(x, call, given, divergence=True)


def categorical_cross_entropy(x: Tensor, call: Call, given: Given) -> Found:
    """Σ_c w_c t_c (-log p_c)."""
    rows = _rows(x, call, given)
    mass = _mass(rows, call)
    # log 1 rather than log 0 where nothing is expected, for the sake of the derivative
    p = torch.where((mass == 0.0) & (rows.x == 0.0), 1.0, rows.x)
    return rows.weighed((mass * -torch.log(p)).sum(-1), mass.sum(-1))


def negative_log_likelihood(x: Tensor, call: Call, given: Given) -> Found:
    """Σ_c w_c t_c (-log p_c), from log p."""
    rows = _rows(x, call, given)
    mass = _mass(rows, call)
    return rows.weighed(times(mass, -rows.x).sum(-1), mass.sum(-1))


def _mass(rows: _Rows, call: Call) -> Tensor:
    """w_c t_c; without logits no class counts as dropped."""
    allowed = torch.ones_like(rows.x, dtype=torch.bool)
    return rows.class_weight * _smoothed(rows.targets, allowed, call.option("label_smoothing"))
