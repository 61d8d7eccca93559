"""Losses of single elements: the binary cross-entropies and the soft margins."""

from __future__ import annotations

from typing import Any

import torch

from crossentropy.torch import _losses
from crossentropy.torch._composite import working_dtype
from crossentropy.torch.functional._arguments import OF_NOTHING, as_reduction, promoted, spread

Tensor = torch.Tensor


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy of probabilities: ``torch.nn.functional.binary_cross_entropy``.

    Loss of an element: ``w (-t log p - (1-t) log(1-p))`` nats. The mean divides by the number of elements.

    Args:
        input: probabilities in [0, 1] of any shape; nothing is clipped.
        target: numbers in [0, 1] of the same shape.
        weight: at least 0, of a shape that broadcasts to the input's.
        size_average, reduce: deprecated by PyTorch, with its warning.
        reduction: "mean", "sum" or "none".

    Returns:
        A tensor of the dtype that PyTorch gives, rounded once: 0-d, or for "none" of the input's shape.

    Edge cases: p = 0 where t > 0, and p = 1 where t < 1, cost inf, not 100. A mean of no elements is NaN.

    Raises:
        ValueError: a probability or a target outside [0, 1], a negative weight, wrong shapes.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.binary_cross_entropy(torch.tensor([0.9, 0.0]), torch.tensor([1.0, 1.0]), reduction="none")
        tensor([0.1054,    inf])
    """
    kind = as_reduction(size_average, reduce, reduction)
    read, dtype = promoted(input, target, weight)
    return _weighed(_losses.binary_cross_entropy, read, target, weight, kind).to(dtype)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Binary cross-entropy of sigmoid(logits): ``torch.nn.functional.binary_cross_entropy_with_logits``.

    Loss of an element: ``w (w₊ t softplus(-z) + (1-t) softplus(z))`` nats. The mean divides by the number of elements.

    Args:
        input: logits of any shape.
        target: numbers in [0, 1] of the same shape.
        weight: at least 0, of a shape that broadcasts to the input's.
        size_average, reduce: deprecated by PyTorch, with its warning.
        reduction: "mean", "sum" or "none".
        pos_weight: w₊ at least 0, of a shape that broadcasts to the input's.

    Returns:
        A tensor of the dtype that PyTorch gives, rounded once: 0-d, or for "none" of the input's shape.

    Edge cases: exact limits at logits of ±inf. A mean of no elements is NaN.

    Raises:
        ValueError: a target outside [0, 1], a negative weight, wrong shapes.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.binary_cross_entropy_with_logits(torch.tensor([0.5, torch.inf]), torch.tensor([1.0, 1.0]))
        tensor(0.2370)
    """
    kind = as_reduction(size_average, reduce, reduction)
    read, dtype = promoted(input, target)
    options = {}
    if pos_weight is not None:
        if pos_weight.numel() == 1 or (input.dim() > 1 and pos_weight.shape == input.shape[-1:]):
            options["pos_weight"] = pos_weight.squeeze() if pos_weight.numel() == 1 else pos_weight
        else:
            target, weight = _with_positives(
                target, weight, spread("pos_weight", pos_weight, input).to(working_dtype(read))
            )
    return _weighed(_losses.sigmoid_cross_entropy, read, target, weight, kind, **options).to(dtype)


def _with_positives(target: Tensor, weight: Tensor | None, pos_weight: Tensor) -> tuple[Tensor, Tensor]:
    """Targets and weights that say the same without w₊: w₊ t / (w₊ t + 1 - t), and w (w₊ t + 1 - t)."""
    positive = pos_weight * target
    usual = (target >= 0) & (target <= 1)  # what is not goes on as it is, for the loss to name
    share = torch.where(usual, positive + (1.0 - target.to(positive.dtype)), 1.0)
    target = torch.where(usual, positive / torch.where(share > 0, share, 1.0), target)
    return target, share if weight is None else share * spread("weight", weight, share)


def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Logistic loss of scores against signs: ``torch.nn.functional.soft_margin_loss``.

    Loss of an element: ``softplus(-y s)`` nats. The mean divides by the number of elements.

    Args:
        input: scores of any shape.
        target: -1 and +1 of the same shape.
        size_average, reduce: deprecated by PyTorch, with its warning.
        reduction: "mean", "sum" or "none".

    Returns:
        A tensor of the input's dtype, rounded once: 0-d, or for "none" of the input's shape.

    Edge cases: a margin of -1e4 costs 1e4, with gradient -y. A mean of no elements is NaN.

    Raises:
        ValueError: a target other than -1 and +1, wrong shapes.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.soft_margin_loss(torch.tensor([3.0, -1e4]), torch.tensor([1.0, 1.0]), reduction="none")
        tensor([4.8587e-02, 1.0000e+04])
    """
    kind = as_reduction(size_average, reduce, reduction)
    read, dtype = promoted(input)
    return _weighed(_losses.soft_margin, read, target, None, kind).to(dtype)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Binary cross-entropy averaged over the classes of a row: ``torch.nn.functional.multilabel_soft_margin_loss``.

    Row loss: ``1/C Σ_c w_c (t_c softplus(-z_c) + (1-t_c) softplus(z_c))`` nats. The mean divides by the number of rows.

    Args:
        input: logits (..., C).
        target: numbers in [0, 1] of the same shape.
        weight: at least 0, of the classes (C,), or of a shape that broadcasts to the input's.
        size_average, reduce: deprecated by PyTorch, with its warning.
        reduction: "mean", "sum" or "none".

    Returns:
        A tensor of the dtype that PyTorch gives, rounded once: 0-d, or for "none" one loss for each row.

    Edge cases: exact limits at logits of ±inf. A mean of no rows is NaN.

    Raises:
        ValueError: a target outside [0, 1], a negative weight, wrong shapes.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.multilabel_soft_margin_loss(torch.tensor([[0.5, -2.0, 1.0]]), torch.tensor([[1.0, 0.0, 1.0]]))
        tensor(0.3048)
    """
    kind = as_reduction(size_average, reduce, reduction)
    read, dtype = promoted(input, target, weight, in_autocast=False)
    if weight is None:
        value = _losses.multilabel_soft_margin(read, target, reduction=kind, empty=OF_NOTHING)
    elif kind == "none" and weight.shape == input.shape[-1:]:
        value = _losses.multilabel_soft_margin(read, target, class_weight=weight, reduction="none")
    else:
        value = _weighed(_losses.sigmoid_cross_entropy, read, target, weight, kind)
        if kind == "none":
            value = value.mean(-1, dtype=working_dtype(read))
        elif kind == "sum":
            value = value / input.shape[-1]
    return value.to(dtype)  # type: ignore[no-any-return]


def _weighed(
    loss: Any, input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, **options: Tensor
) -> Tensor:
    """A loss of elements as PyTorch reduces it: the mean divides by the number of elements, weighted or not."""
    if weight is not None:
        options["sample_weight"] = spread("weight", weight, input)
    if reduction == "mean" and options:
        return loss(input, target, reduction="sum", **options) / input.numel()  # type: ignore[no-any-return]
    return loss(input, target, reduction=reduction, empty=OF_NOTHING, **options)  # type: ignore[no-any-return]
