"""What the composite asks of the class axis, which comes last: sums over it, the largest entry, who stands where.

Here all classes are in one place. A layer that splits them over processes answers otherwise
(``crossentropy.distributed``); the losses are written once, for both. Each number of a row is then the same in all
processes, each number of a class in one of them: ``sum`` and ``argmax`` lead from the latter to the former, and
``each`` back.
"""

from __future__ import annotations

import torch

Tensor = torch.Tensor


class Classes:
    """All classes in one place."""

    def count(self, here: int) -> int:
        """How many classes there are, of which ``here`` are here."""
        return here

    def most(self, here: int) -> int:
        """How many classes there are where most are."""
        return here

    def numbers(self, x: Tensor) -> Tensor:
        """The numbers of the classes of the last axis."""
        return torch.arange(x.shape[-1], device=x.device)

    def sum(self, *terms: Tensor) -> tuple[Tensor, ...]:
        """Each term summed over all classes, (..., K) to (..., 1)."""
        return tuple(term.sum(-1, keepdim=True) for term in terms)

    def argmax(self, x: Tensor) -> Tensor:
        """The number of the class with the largest entry, or of the first NaN, (..., K) to (..., 1)."""
        return x.argmax(-1, keepdim=True)

    def each(self, *numbers: Tensor) -> tuple[Tensor, ...]:
        """Numbers of rows, for use with each class."""
        return numbers


WHOLE = Classes()
