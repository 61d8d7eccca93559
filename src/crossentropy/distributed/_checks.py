"""What is wrong with a call whose classes are split, found on all ranks before any of them computes.

The arguments that all ranks share must agree. Then a slice is validated as a call of its own, labels as those of a call
with all classes, in the words of the losses on arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from crossentropy._conventions import sum_tolerance
from crossentropy._dispatch import engine
from crossentropy._problems import SOFT_REMEDY, RowProblem, error_of
from crossentropy._validation import not_a_distribution, sentence
from crossentropy.distributed._ranks import Facts, Ranks, check_same
from crossentropy.distributed._split import Split
from crossentropy.torch import _calls
from crossentropy.torch._calls import TENSORS, Call
from crossentropy.torch._choice import needs_derivative
from crossentropy.torch._composite_checks import assert_numbers, can_look
from crossentropy.torch._composite_heads import loss_of, paired
from crossentropy.torch._head_calls import HEAD_TENSORS, head_of
from crossentropy.torch._tensors import array_dtype, as_array

Tensor = torch.Tensor

#: The tensors of a head that it can be differentiated with respect to in one process, and their order.
PARAMETERS = ("features", "weight", "bias")

#: Options that say which rows have which target, and nothing of the slice.
_OF_TARGETS = ("tail", "ignore_index", "shift", "axis")


class Arguments(NamedTuple):
    """A call of a loss of logits, or of a head (which has features), on one rank."""

    call: Call
    tensors: dict[str, Tensor]

    @property
    def sliced(self) -> str:
        """The name of what tells how many classes a rank has."""
        return "weight" if "weight" in self.tensors else "logits"

    @property
    def rows(self) -> Tensor:
        """What has the rows: features or logits."""
        return self.tensors["features" if "features" in self.tensors else "logits"]

    @property
    def is_soft(self) -> bool:
        """Whether the targets have a class axis, so that they come in slices too."""
        return self.tensors["targets"].is_floating_point() and "probabilities" not in self.tensors

    def class_axis(self, name: str) -> int | None:
        """Where the classes of a tensor lie; None if it has none, or none that exists."""
        tensor, at = self.tensors[name], self.call.axis if self.sliced == "logits" else -1
        if name in ("weight", "bias", "class_weight") or (name == "class_mask" and tensor.ndim == 1):
            at = 0
        elif name not in ("logits", "class_mask") and not (name == "targets" and self.is_soft):
            return None
        return at if isinstance(at, int) and -tensor.ndim <= at < tensor.ndim else None

    @property
    def size(self) -> int:
        """How many classes the rank has."""
        at = self.class_axis(self.sliced)
        return 1 if at is None else self.tensors[self.sliced].shape[at]  # without an axis the fault is named later

    def facts(self) -> Facts:
        """What must be the same on all ranks."""
        found = {name: repr(value) for name, value in self.call.options}
        for name, tensor in self.tensors.items():
            shape, at = [str(size) for size in tensor.shape], self.class_axis(name)
            if at is not None:
                shape[at] = "K"
            needed = ", needing a gradient" if needs_derivative(tensor) else ""
            found[name] = f"{str(tensor.dtype).removeprefix('torch.')} of shape ({', '.join(shape)}){needed}"
        return found

    def problem(self) -> RowProblem:
        """The call as that of a loss on arrays, validated but for the numbers of its targets."""
        seen = {name: _seen(tensor) for name, tensor in self.tensors.items()}
        if self.sliced == "logits":
            loss, arrays, options = _calls._arguments(self.call, seen["logits"], [seen.get(name) for name in TENSORS])
            found = loss._problem(arrays, options)
            return found  # type: ignore[return-value]  # logits are those of rows
        parameters = [seen.get(name) for name in PARAMETERS]
        return head_of(self.call, parameters, [seen.get(name) for name in HEAD_TENSORS]).problem

    def of_slice(self) -> Arguments:
        """A call without anything that counts all classes: labels of 0 in the place of labels."""
        if self.is_soft:
            return self
        tensors = {name: tensor for name, tensor in self.tensors.items() if name != "probabilities"}
        options = tuple(option for option in self.call.options if option[0] != "tail")
        return Arguments(Call(self.call.loss, options), tensors | {"targets": self._zeros()})

    def of_targets(self, split: Split) -> Arguments:
        """A call with all classes, in no memory, and nothing else of the slice."""
        at, here = self.class_axis(self.sliced), self.tensors[self.sliced].detach()
        if at is None:  # for the type checker: the slice has been validated
            raise TypeError
        shape = list(here.shape)
        shape[at] = split.count(shape[at])
        names = ("features", "targets", "probabilities", "sample_weight")
        tensors = {name: self.tensors[name] for name in names if name in self.tensors}
        if self.is_soft:
            tensors["targets"] = self._zeros()
        options = tuple(option for option in self.call.options if option[0] in _OF_TARGETS)
        return Arguments(Call(self.call.loss, options), tensors | {self.sliced: here.narrow(at, 0, 1).expand(shape)})

    def _zeros(self) -> Tensor:
        shape, at = list(self.rows.shape), self.call.axis if self.sliced == "logits" else -1
        if at is not None and -len(shape) <= at < len(shape):
            del shape[at]
        return self.rows.new_zeros((), dtype=torch.int64).expand(shape)


def _seen(tensor: Tensor) -> Tensor:
    """A tensor whose numbers can be looked at: ones that take no memory where those on its device cannot."""
    if can_look(tensor):
        return tensor.detach().cpu()
    return torch.ones((), dtype=tensor.dtype).expand(tensor.shape)


def agreed(ranks: Ranks, arranged: Callable[[], Arguments]) -> tuple[Arguments, Split]:
    """The arguments, and how the classes are split, once all is found good; else every rank raises."""
    held: list[Arguments] = []

    def told() -> tuple[int, Facts]:
        held.append(arranged())
        return held[0].size, held[0].facts()

    said = ranks.attempted(told)
    (arguments,) = held
    check_same([facts for _, facts in said])
    sizes = [size for size, _ in said]
    if 0 in sizes:
        raise ValueError(
            sentence(
                arguments.sliced,
                expected="at least one class on every rank",
                received=f"none on rank {sizes.index(0)}",
                remedy="split the classes over fewer ranks, or evenly",
            )
        )
    split = Split(ranks, sizes)
    ranks.attempted(lambda: _check(arguments, split))
    if arguments.is_soft:
        _check_distributions(arguments, ranks)
    return arguments, split


def _check(arguments: Arguments, split: Split) -> None:
    arguments.of_slice().problem()
    whole = arguments.of_targets(split)
    problem = whole.problem()
    if can_look(arguments.rows):
        _, finding = engine(problem).weigh()
        if finding is not None:
            raise error_of(problem, finding)
        return
    call, tensors, predictions = arguments.call, whole.tensors, whole.tensors[whole.sliced]
    if "class_weight" in arguments.tensors:
        tensors["class_weight"] = arguments.tensors["class_weight"]
    if "features" in tensors:
        features, tensors = paired(tensors["features"], tensors, call.option("shift"))
        predictions, call = features[..., :1].expand(*features.shape[:-1], len(predictions)), loss_of(call)
    assert_numbers(call, predictions, tensors)


def _check_distributions(arguments: Arguments, ranks: Ranks) -> None:
    """Soft targets, of which each rank has a slice, must sum to 1 over all of them."""
    call, given = arguments.call, {**arguments.tensors}
    if "features" in given:
        _, given = paired(given["features"], given, call.option("shift"))
    targets = given["targets"].detach().movedim(call.axis or -1, -1)
    sums = torch.where((targets >= 0).all(-1), targets.sum(-1, dtype=torch.float64), torch.nan)
    fine = (ranks.added_up(sums) - 1.0).abs() <= sum_tolerance(array_dtype(targets))
    if "sample_weight" in given:
        fine = fine | (given["sample_weight"] == 0.0)
    if not can_look(targets):
        remedy = 'call it on the CPU, or inside "with crossentropy.checked():", to learn which'
        torch._assert_async(
            fine.all(), sentence("targets", expected="distributions", received="other numbers", remedy=remedy)
        )
    elif not fine.all():
        where: tuple[Any, ...] = tuple((~fine).nonzero()[0].tolist())
        row = np.concatenate(ranks.told(as_array(targets[where].cpu())))
        raise not_a_distribution("targets", row, where, SOFT_REMEDY)
