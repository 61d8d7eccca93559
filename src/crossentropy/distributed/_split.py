"""The class axis in slices, one on each rank: reductions over all classes, with their derivatives.

A number of a class is on one rank, a number of a row on all. A sum (``_Sum``) leads from the first to the second: its
cotangent is the same on all ranks already, and goes to each class as it is. The way back (``_Each``) gives each class
the row's number: its cotangents are added up over the ranks. So each is the other's derivative, to any order, and a
gradient is complete: of a slice on its rank, of what all ranks hold on all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from crossentropy.distributed._ranks import Ranks
from crossentropy.torch._composite_classes import Classes

Tensor = torch.Tensor


class Split(Classes):
    """Classes in slices of these sizes, in the order of the ranks."""

    def __init__(self, ranks: Ranks, sizes: Sequence[int]) -> None:
        self._ranks, self._sizes = ranks, sizes
        self._first = sum(sizes[: ranks.rank])

    def count(self, here: int) -> int:
        """How many classes all ranks have together."""
        return sum(self._sizes)

    def most(self, here: int) -> int:
        """The size of the largest slice."""
        return max(self._sizes)

    def numbers(self, x: Tensor) -> Tensor:
        """The numbers of the slice's classes among all."""
        return torch.arange(self._first, self._first + x.shape[-1], device=x.device)

    def sum(self, *terms: Tensor) -> tuple[Tensor, ...]:
        """Each term summed over the classes of all ranks, in one collective."""
        own = torch.stack([term.sum(-1, keepdim=True) for term in terms])
        return tuple(_Sum.apply(self._ranks, own).unbind())  # type: ignore[no-untyped-call]

    def argmax(self, x: Tensor) -> Tensor:
        """The number of the class with the largest entry, or of the first NaN, among those of all ranks."""
        x = x.detach()
        k = x.argmax(-1, keepdim=True)
        found = self._ranks.gathered(torch.stack([x.gather(-1, k).double(), (k + self._first).double()]))
        values, numbers = found.unbind(1)
        return numbers.gather(0, values.argmax(0, keepdim=True)).squeeze(0).long()

    def each(self, *numbers: Tensor) -> tuple[Tensor, ...]:
        """Numbers of rows, for use with each class; their gradients are added up in one collective."""
        return tuple(_Each.apply(self._ranks, torch.stack(numbers)).unbind())  # type: ignore[no-untyped-call]


class _Sum(torch.autograd.Function):
    """The sum over the ranks."""

    @staticmethod
    def forward(ctx: Any, ranks: Ranks, own: Tensor) -> Tensor:
        ctx.ranks = ranks
        return ranks.added_up(own)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        return None, _Each.apply(ctx.ranks, cotangent)  # type: ignore[no-untyped-call]


class _Each(torch.autograd.Function):
    """What is the same on all ranks, as each one's own."""

    @staticmethod
    def forward(ctx: Any, ranks: Ranks, same: Tensor) -> Tensor:
        ctx.ranks = ranks
        return same.view_as(same)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Any:
        return None, _Sum.apply(ctx.ranks, cotangent)  # type: ignore[no-untyped-call]
