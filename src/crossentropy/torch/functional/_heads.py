"""A linear layer under its loss: linear_cross_entropy, without logits of all rows at once."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from crossentropy._validation import check_shape, sentence
from crossentropy.torch._composite import working_dtype
from crossentropy.torch._heads import linear_softmax_cross_entropy
from crossentropy.torch.functional._arguments import as_reduction, promoted, quotient
from crossentropy.torch.functional._rows import with_pytorchs_mean

if TYPE_CHECKING:
    from torch.nn import LinearCrossEntropyOptions

Tensor = torch.Tensor


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """cross_entropy of the logits ``x Wᵀ + b``, made a block of rows at a time: ``torch.nn.functional``'s of this name.

    Row loss: ``Σ_c w_c t_c (-log softmax(x Wᵀ + b)_c)`` nats. The mean divides by ``Σ w_y`` over the rows that are
    kept, with soft targets by the number of rows. It is crossentropy.torch.linear_softmax_cross_entropy with PyTorch's
    conventions: three matrix products forward and backward, and memory for a block of logits (100 MiB).

    Args:
        input: features (D,) or (N, D).
        linear_weight: (C, D), or (C, d1, …, D) for a head at each position of (d1, …), which needs a batch (N, D).
        target: class indices (), (N,) or (N, d1, …) of any integer type; distributions (C,), (N, C) or (N, C, d1, …).
        linear_bias: of linear_weight's shape without its last axis.
        weight: weights of the classes (C,), at least 0.
        reduction: "mean", "sum" or "none".
        ignore_index: rows with this label are dropped; None is -100. Soft targets have no such rows.
        label_smoothing: ε in [0, 1]; spread over the classes whose logit is not -inf.
        options: accepted for PyTorch's sake, and of no effect: blocks are always on, whatever the other options.

    Returns:
        A tensor of the dtype that PyTorch gives, rounded once: 0-d, or for "none" of the shape of class indices.

    Edge cases: those of crossentropy.torch.linear_softmax_cross_entropy; a mean of no rows is NaN, its gradient 0.

    Raises:
        IndexError: a label outside [0, C) that is not ``ignore_index``.
        ValueError: targets that are no distributions, negative weights, wrong shapes, options out of range.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> x, w = torch.tensor([[1.0, 2.0], [0.5, -1.0]]), torch.tensor([[0.5, 0.0], [-1.0, 1.0], [0.2, 0.3]])
        >>> F.linear_cross_entropy(x, w, torch.tensor([0, 2]))
        tensor(1.2150)
    """
    kind = as_reduction(None, None, reduction)
    soft_target = target if target.is_floating_point() else None
    read, dtype = promoted(input, linear_weight, linear_bias, soft_target, weight)
    if linear_weight.dim() == 2 and input.dim() in (1, 2):
        loss: Callable[..., Tensor] = partial(
            linear_softmax_cross_entropy, read, linear_weight, target, bias=linear_bias
        )
    else:
        _check_positions(input, linear_weight, target, linear_bias)
        loss = _of_positions(read, linear_weight, target, linear_bias)
    value = with_pytorchs_mean(
        loss,
        target,
        weight,
        rows=math.prod((*input.shape[:-1], *linear_weight.shape[1:-1])),
        kind=kind,
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
        wide=working_dtype(read),
    )
    return value.to(dtype)


def _of_positions(input: Tensor, weight: Tensor, target: Tensor, bias: Tensor | None) -> Callable[..., Tensor]:
    """The loss of a head at each position, as a function of its options."""
    shape = weight.shape[1:-1]
    weights = weight.flatten(1, -2).unbind(1)
    biases = [None] * len(weights) if bias is None else bias.flatten(1).unbind(1)
    targets = target.flatten(-len(shape)).unbind(-1)

    def loss(*, reduction: str, empty: float | None = None, **options: Any) -> Tensor:
        def each(**more: Any) -> list[Any]:
            heads = zip(weights, targets, biases, strict=True)
            return [linear_softmax_cross_entropy(input, w, t, bias=b, **options, **more) for w, t, b in heads]

        if reduction == "none":
            losses = each(reduction="none")
            return (torch.stack(losses, -1) if losses else input[:, :0]).reshape(len(input), *shape)
        pairs, nothing = each(reduction="sum", return_weight=True), input[:, :0].sum(dtype=working_dtype(input))
        total = sum((value for value, _ in pairs), start=nothing)
        if reduction == "sum":
            return total
        return quotient(total, sum((row_weight for _, row_weight in pairs), start=nothing.detach()))

    return loss


def _check_positions(input: Tensor, weight: Tensor, target: Tensor, bias: Tensor | None) -> None:
    if weight.dim() < 2 or input.dim() != 2 or weight.shape[-1] != input.shape[-1]:
        raise ValueError(
            sentence(
                "linear_weight",
                expected="shape (C, D) for an input (D,) or (N, D), or (C, d1, ..., D) for an input (N, D)",
                received=f"shape {tuple(weight.shape)} for an input of shape {tuple(input.shape)}",
                remedy="flatten the axes of sequences in input and target, as in input.flatten(0, -2)",
            )
        )
    classes, *positions = weight.shape[:-1]
    rows = (len(input), classes, *positions) if target.is_floating_point() else (len(input), *positions)
    check_shape("target", tuple(target.shape), rows, "of a row at each position")
    if bias is not None:
        check_shape("linear_bias", tuple(bias.shape), (classes, *positions), "one for each class at each position")
