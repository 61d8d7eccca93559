"""kl_div: pointwise, of log-probabilities, as PyTorch takes them."""

from __future__ import annotations

import warnings

import torch

from crossentropy._conventions import REDUCTIONS
from crossentropy._validation import sentence
from crossentropy.torch._composite import working_dtype
from crossentropy.torch.functional._arguments import HALVES, as_reduction, promoted

Tensor = torch.Tensor


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Terms of the Kullback-Leibler divergence of targets from log-probabilities: ``torch.nn.functional.kl_div``.

    Loss of an element: ``t (log t - l)`` nats for an input l = log q. Summed over a row it is D(t‖q), the second
    argument from the first. "mean" divides by the number of elements, "batchmean" by that of rows.

    Args:
        input: log-probabilities of any shape; any numbers are taken.
        target: probabilities of a shape that broadcasts with the input's, or for ``log_target`` their logarithms.
        size_average, reduce: deprecated by PyTorch, with its warning.
        reduction: "mean", "batchmean", "sum" or "none".
        log_target: whether the target holds logarithms.

    Returns:
        A tensor of the dtype that PyTorch gives, summed in float64 and rounded once: 0-d, or for "none" the elements.

    Edge cases: a target of 0 (a logarithm of -inf) costs 0, even where the input is -inf; a negative one is NaN.

    Raises:
        ValueError: an unknown reduction.

    Warns:
        UserWarning: with "mean", which is no divergence.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.kl_div(torch.tensor([[-0.5, -torch.inf]]), torch.tensor([[1.0, 0.0]]), reduction="batchmean")
        tensor(0.5000)
    """
    kind = as_reduction(size_average, reduce, reduction, (*REDUCTIONS, "batchmean"))
    if kind == reduction == "mean":
        warnings.warn(
            sentence(
                "reduction",
                expected="'batchmean', which averages the divergences of rows",
                received="'mean', which divides by the number of elements",
                remedy="pass 'batchmean', or divide a 'sum' yourself",
            ),
            stacklevel=2,
        )
    read, dtype = promoted(input, target)
    wide = torch.float32 if read.dtype in HALVES else read.dtype
    losses = (_of_logarithms if log_target else _of_probabilities)(read.to(wide), target.to(wide))
    if kind == "none":
        return losses.to(dtype)
    total = losses.sum(dtype=working_dtype(read))
    if kind == "mean":
        total = total / losses.numel()
    elif kind == "batchmean" and input.dim() > 0:
        total = total / input.shape[0]
    return total.to(dtype)


def _of_probabilities(input: Tensor, target: Tensor) -> Tensor:
    input = input.masked_fill((target == 0) & input.isneginf(), 0.0)  # 0 · (-inf) = 0
    # In place from here: what costs is memory of the input's size.
    losses = torch.addcmul(torch.special.entr(target), target, input).neg_()
    return losses.masked_fill_(target < 0, torch.nan)


def _of_logarithms(input: Tensor, target: Tensor) -> Tensor:
    absent = target.isneginf() & ~input.isnan()
    input, target = (x.masked_fill(absent, 0.0) for x in (input, target))  # whose derivatives are finite
    return (target.exp() * (target - input)).masked_fill_(absent, 0.0)
