"""What PyTorch's losses share: words for reductions, weights that are broadcast, the dtype of a result."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import _reduction

from crossentropy._conventions import REDUCTIONS
from crossentropy._validation import as_choice, sentence

Tensor = torch.Tensor

#: What a mean of nothing is here: PyTorch's NaN, without a word. (Its derivative is 0, promise 17.)
OF_NOTHING = math.nan
HALVES = (torch.float16, torch.bfloat16)


def as_reduction(
    size_average: bool | None, reduce: bool | None, reduction: str, words: tuple[str, ...] = REDUCTIONS
) -> Any:  # one of the words
    """The reduction that is meant: the two deprecated flags override the word, with PyTorch's own warning."""
    if size_average is not None or reduce is not None:
        return _reduction.legacy_get_string(size_average, reduce)
    if reduction == "elementwise_mean":
        _reduction.get_enum(reduction)  # warns that the word is deprecated
        return "mean"
    return as_choice("reduction", reduction, words)


def promoted(input: Tensor, *others: Tensor | None, in_autocast: bool = True) -> tuple[Tensor, torch.dtype]:
    """The input as it is to be read, and the dtype of the result: what PyTorch promotes these operands to.

    float16 and bfloat16 are read as they are even where the result is float32; only float64 is computed from float64.
    """
    dtype = input.dtype
    for other in others:
        if other is not None and other.is_floating_point() and other.dim() >= min(input.dim(), 1):
            dtype = torch.promote_types(dtype, other.dtype)
    if not (dtype.is_floating_point or dtype.is_complex):
        dtype = torch.float64
    if in_autocast and dtype in HALVES and autocasts(input.device.type):
        dtype = torch.float32
    return (input.double() if dtype is torch.float64 else input), dtype


def autocasts(device: str) -> bool:
    """Whether autocast is on, in which PyTorch computes losses in float32."""
    return device != "meta" and torch.is_autocast_enabled(device)


def spread(argument: str, weight: Tensor, like: Tensor) -> Tensor:
    """A weight as a view of the shape of ``like``, by PyTorch's rules of broadcasting."""
    try:
        return weight.expand(like.shape)
    except RuntimeError as error:
        raise ValueError(
            sentence(
                argument,
                expected=f"a shape that broadcasts to {tuple(like.shape)}",
                received=f"shape {tuple(weight.shape)}",
                remedy="reshape it, for example with .view(-1, 1, 1) for weights of channels",
            )
        ) from error


def quotient(total: Tensor, divisor: Tensor) -> Tensor:
    """A sum over its divisor; NaN for divisor 0, and then of derivative 0 (promise 17)."""
    something = divisor != 0
    return torch.where(something, total / torch.where(something, divisor, 1.0), OF_NOTHING)
