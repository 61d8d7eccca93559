"""kl_div: pointwise, of log-probabilities, as PyTorch takes them."""

from __future__ import annotations

import warnings

import torch

from crossentropy._conventions import REDUCTIONS
from crossentropy._validation import sentence
from crossentropy.torch._choice import needs_derivative
from crossentropy.torch._composite import working_dtype
from crossentropy.torch._functions import Context, is_transformed
from crossentropy.torch._tensors import is_traced
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
    x, t = read.to(wide), target.to(wide)
    if kind == "none":
        return (_of_logarithms if log_target else _of_probabilities)(x, t).to(dtype)
    total = None if log_target else _total_of_probabilities(x, t, working_dtype(read))
    if total is None:
        total = (_of_logarithms if log_target else _of_probabilities)(x, t).sum(dtype=working_dtype(read))
    if kind == "mean":
        total = total / torch.broadcast_tensors(x, t)[0].numel()  # type: ignore[no-untyped-call]
    elif kind == "batchmean" and input.dim() > 0:
        total = total / input.shape[0]
    return total.to(dtype)


def _total_of_probabilities(input: Tensor, target: Tensor, dtype: torch.dtype) -> Tensor | None:
    """The sum, in few passes over memory; None where it is not finite, which 0 · (-inf) and log(-1) would make it."""
    if input.shape != target.shape or needs_derivative(target) or not target.is_cpu or is_traced() or is_transformed():
        return None
    total: Tensor = _Total.apply(input, target, dtype)  # type: ignore[no-untyped-call]
    return total if total.isfinite().item() else None


class _Total(torch.autograd.Function):
    """Σ t (log t - l), which is linear in l: in memory of one array, where PyTorch's graph would take several."""

    @staticmethod
    def forward(ctx: Context, input: Tensor, target: Tensor, dtype: torch.dtype) -> Tensor:
        ctx.save_for_backward(target)
        terms: Tensor = torch.special.entr(target)
        return terms.addcmul_(target, input).sum(dtype=dtype).neg_()

    @staticmethod
    def backward(ctx: Context, cotangent: Tensor) -> tuple[Tensor, None, None]:
        (target,) = ctx.saved_tensors
        return target * -cotangent, None, None


def _of_probabilities(input: Tensor, target: Tensor) -> Tensor:
    input = input.masked_fill((target == 0) & input.isneginf(), 0.0)  # 0 · (-inf) = 0
    # In place from here: what costs is memory of the input's size.
    losses = torch.addcmul(torch.special.entr(target), target, input).neg_()
    return losses.masked_fill_(target < 0, torch.nan)


def _of_logarithms(input: Tensor, target: Tensor) -> Tensor:
    absent = target.isneginf() & ~input.isnan()
    input, target = (x.masked_fill(absent, 0.0) for x in (input, target))  # whose derivatives are finite
    return (target.exp() * (target - input)).masked_fill_(absent, 0.0)
