"""Losses of rows of classes: cross_entropy and nll_loss."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from crossentropy._losses import softmax_cross_entropy as of_arrays
from crossentropy._validation import check_shape, sentence
from crossentropy.torch._composite import working_dtype
from crossentropy.torch._functions import is_transformed
from crossentropy.torch._losses import softmax_cross_entropy
from crossentropy.torch._plain import plain_value
from crossentropy.torch._tensors import is_traced
from crossentropy.torch.functional._arguments import OF_NOTHING, as_reduction, promoted, quotient

Tensor = torch.Tensor


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of logits against class indices or distributions: ``torch.nn.functional.cross_entropy``.

    Row loss: ``Σ_c w_c t_c (-log softmax(z)_c)`` nats. The mean divides by ``Σ w_y`` over the rows that are kept, with
    soft targets by the number of rows.

    Args:
        input: logits (C,), (N, C) or (N, C, d1, …).
        target: class indices (), (N,) or (N, d1, …) of any integer type, or distributions of the logits' shape.
        weight: weights of the classes (C,), at least 0.
        size_average, reduce: deprecated by PyTorch, with its warning.
        ignore_index: rows with this label are dropped.
        reduction: "mean", "sum" or "none".
        label_smoothing: ε in [0, 1]; spread over the classes whose logit is not -inf.

    Returns:
        A tensor of the dtype that PyTorch gives, rounded once: 0-d, or for "none" of the shape of class indices.

    Edge cases: those of crossentropy.torch.softmax_cross_entropy; a mean of no rows is NaN, its gradient 0.

    Raises:
        IndexError: a label outside [0, C) that is not ``ignore_index``.
        ValueError: targets that are no distributions, negative weights, wrong shapes, options out of range.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.cross_entropy(torch.tensor([[17.0, 0.0]]), torch.tensor([0]))
        tensor(4.1399e-08)
    """
    plain = weight is None and size_average is None and reduce is None and label_smoothing == 0.0
    if plain and not target.is_floating_point():
        found = _at_once(input, target, ignore_index, reduction)
        if found is not None:
            return found
    kind = as_reduction(size_average, reduce, reduction)
    read, dtype = promoted(input, target if target.is_floating_point() else None, weight)
    axis = _class_axis(input)
    value = with_pytorchs_mean(
        partial(softmax_cross_entropy, read, target, axis=axis),
        target,
        weight,
        rows=math.prod((*input.shape[:axis], *input.shape[axis + 1 :])),
        kind=kind,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        wide=working_dtype(read),
    )
    return value.to(dtype)


def _at_once(input: Tensor, target: Tensor, ignore_index: int, reduction: str) -> Tensor | None:
    """A plain call in one step, or None: on a few rows the general way costs more than the loss."""
    if input.dim() != 2 or torch.compiler.is_compiling():
        return None
    options = {"reduction": reduction, "ignore_index": ignore_index, "empty": OF_NOTHING}
    return plain_value(of_arrays, input, target, options)


def with_pytorchs_mean(
    loss: Callable[..., Tensor],
    target: Tensor,
    weight: Tensor | None,
    *,
    rows: int,
    kind: str,
    ignore_index: int,
    label_smoothing: float,
    wide: torch.dtype,
) -> Tensor:
    """What a loss gives for the options of cross_entropy; its mean divides by what PyTorch's divides by."""
    options: dict[str, Any] = {}
    soft = target.is_floating_point()
    if not soft or ignore_index >= 0:  # where the loss refuses it
        options["ignore_index"] = ignore_index
    if weight is not None:
        options["class_weight"] = weight
    if label_smoothing:
        options["label_smoothing"] = label_smoothing
    if kind == "mean" and soft:
        return loss(reduction="sum", **options) / rows
    if kind == "mean" and weight is not None and label_smoothing:
        total = loss(reduction="sum", **options)
        labels = target.long()
        kept = labels != ignore_index
        return quotient(total, _weights_of(weight.to(wide), torch.where(kept, labels, 0), kept).sum())
    return loss(reduction=kind, empty=OF_NOTHING, **options)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Negative log-likelihood of class indices, the input's entries negated: ``torch.nn.functional.nll_loss``.

    Row loss: ``-w_y l_y`` for an input l of any numbers: unlike crossentropy.torch.negative_log_likelihood, it does not
    ask for log-probabilities, and reads one entry of each row. The mean divides by ``Σ w_y`` over the rows kept.

    Args:
        input: log-probabilities in nats (C,), (N, C) or (N, C, d1, …).
        target: class indices (), (N,) or (N, d1, …) of any integer type.
        weight: weights of the classes (C,).
        size_average, reduce: deprecated by PyTorch, with its warning.
        ignore_index: rows with this label are dropped.
        reduction: "mean", "sum" or "none".

    Returns:
        A tensor of the dtype that PyTorch gives, rounded once: 0-d, or for "none" of the target's shape.

    Edge cases: -inf at the label costs inf, unless its class has weight 0: such a row is dropped. A mean of no rows is
    NaN, its gradient 0.

    Raises:
        IndexError: a label outside [0, C) that is not ``ignore_index``.
        TypeError: labels that are no integers.
        ValueError: wrong shapes.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.nll_loss(torch.tensor([[-0.5, -1.0], [-2.0, -0.25]]), torch.tensor([0, 1]))
        tensor(0.3750)
    """
    kind = as_reduction(size_average, reduce, reduction)
    read, dtype = promoted(input, weight)
    axis, wide = _class_axis(input), working_dtype(read)
    _check_shapes(input, target, weight, axis)
    found = _of_every_row(read, target, axis, ignore_index) if weight is None else None
    if found is not None:
        losses = found if kind == "none" else found.sum(dtype=wide)
        return (losses / target.numel() if kind == "mean" else losses).to(dtype)
    labels = target.long()
    kept = labels != ignore_index
    labels = torch.where(kept, labels, 0).unsqueeze(axis)
    try:
        likelihoods = read.gather(axis, labels).squeeze(axis).to(wide)
    except RuntimeError:
        # This loss has the words for a label outside the classes.
        softmax_cross_entropy(read.detach(), target, axis=axis, ignore_index=ignore_index)
        raise
    if weight is None:
        weights = kept.to(wide)
    else:
        weights = _weights_of(weight.to(wide), labels.squeeze(axis), kept)
        # a row of weight 0 counts nothing, whatever stands there
        kept = kept & ((weights != 0) | likelihoods.isfinite())
    losses = weights * torch.where(kept, -likelihoods, 0.0)
    if kind != "none":
        losses = losses.sum()
    if kind == "mean":
        losses = quotient(losses, weights.sum())
    return losses.to(dtype)


def _of_every_row(input: Tensor, target: Tensor, axis: int, ignore_index: int) -> Tensor | None:
    """The losses of rows that all have a label, none dropped; None where that is not so, or not known yet."""
    if 0 <= ignore_index < input.shape[axis] or target.numel() == 0:
        return None
    if not input.is_cpu or is_traced() or is_transformed():  # where a label outside the classes raises later, or never
        return None
    try:
        return -input.gather(axis, target.unsqueeze(axis)).squeeze(axis)
    except RuntimeError:  # a label outside the classes, which may be one to drop, or of another integer type
        return None


def _class_axis(input: Tensor) -> int:
    return 0 if input.dim() == 1 else 1


def _weights_of(weight: Tensor, labels: Tensor, kept: Tensor) -> Tensor:
    """The weight of each row's label, 0 for rows that are dropped."""
    return torch.where(kept, weight.gather(0, labels.flatten()).reshape(labels.shape), 0.0)


def _check_shapes(input: Tensor, target: Tensor, weight: Tensor | None, axis: int) -> None:
    if input.dim() == 0 or target.is_floating_point():
        raise TypeError(
            sentence(
                "target",
                expected="class indices of an integer type for an input with a class axis",
                received=f"{target.dtype} for an input of shape {tuple(input.shape)}".replace("torch.", ""),
                remedy="convert labels with .long(), or pass distributions to cross_entropy",
            )
        )
    rows = (*input.shape[:axis], *input.shape[axis + 1 :])
    check_shape("target", tuple(target.shape), rows, "one class index for each row")
    if weight is not None:
        check_shape("weight", tuple(weight.shape), (input.shape[axis],), "one for each class")
