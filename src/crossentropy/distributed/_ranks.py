"""The ranks of a process group: collectives that say what happened when one of them fails, and agreement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import distributed

from crossentropy._validation import sentence

Tensor = torch.Tensor
T = TypeVar("T")

#: What a rank says of its arguments, by argument.
Facts = Mapping[str, str]


class Ranks:
    """This process among those of a group. What all of them must call, they call in the same order."""

    def __init__(self, group: distributed.ProcessGroup | None) -> None:
        if not distributed.is_initialized():
            raise _not_a_rank("none in this process", "call torch.distributed.init_process_group first")
        self._group = group
        self.rank, self.size = distributed.get_rank(group), distributed.get_world_size(group)
        if self.rank < 0:
            raise _not_a_rank("one that this process is not in", "call it on the ranks of the group only")

    def added_up(self, own: Tensor) -> Tensor:
        """The sum of the ranks' tensors, the same bits on every rank."""
        found = own.detach().clone(memory_format=torch.contiguous_format)
        self._together(distributed.all_reduce, found)
        return found

    def gathered(self, own: Tensor) -> Tensor:
        """The ranks' tensors, of one shape, along a new first axis."""
        found = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(self.size)]
        self._together(distributed.all_gather, found, own.contiguous())
        return torch.stack(found)

    def told(self, own: T) -> list[T]:
        """What each rank has to say."""
        found: list[Any] = [None] * self.size
        self._together(distributed.all_gather_object, found, own)
        return found

    def attempted(self, attempt: Callable[[], T]) -> list[T]:
        """What ``attempt`` returns on each rank. A fault on any of them is raised on all: their own, or the first."""
        try:
            found = self.told((attempt(), None))
        except (TypeError, ValueError, IndexError) as error:
            self.told((None, (type(error), str(error))))
            raise
        for rank, (_, fault) in enumerate(found):
            if fault is not None:
                kind, message = fault
                raise kind(f"rank {rank}: {message}")
        return [result for result, _ in found]

    def _together(self, collective: Callable[..., Any], *args: Any) -> None:
        try:
            collective(*args, group=self._group)
        except RuntimeError as error:
            raise RuntimeError(
                sentence(
                    "group",
                    expected=f"an answer from each of its {self.size} ranks",
                    received="a lost connection, or none within its timeout",
                    remedy="a rank has died or did not make this call: look for the first error among the others, "
                    "then start all ranks again",
                )
            ) from error


def check_same(facts: list[Facts]) -> None:
    """What the ranks say must be the same."""
    for rank, other in enumerate(facts):
        for name in {**facts[0], **other}:
            here, there = (said.get(name, "nothing") for said in (facts[0], other))
            if here != there:
                raise ValueError(
                    sentence(
                        name,
                        expected="the same on every rank, but for the size of the slices",
                        received=f"{here} on rank 0 and {there} on rank {rank}",
                        remedy="pass the same arguments everywhere: what has no class axis whole, the rest in slices",
                    )
                )


def _not_a_rank(received: str, remedy: str) -> ValueError:
    return ValueError(sentence("group", expected="a process group", received=received, remedy=remedy))
