"""The rows of a head: which of them count, in blocks, and those of an array by their numbers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._problems import IndexTargets, ListedTargets, RowProblem, SoftTargets

Array = NDArray[Any]
Numbers = slice | NDArray[np.intp]


class Rows:
    """The rows of an array (..., C): views where they lie evenly, else copies of those asked for."""

    def __init__(self, array: Array) -> None:
        self._array, self._lead = array, array.shape[:-1]
        self._flat = array.reshape(prod(self._lead), array.shape[-1]) if _lies_evenly(array) else None

    def __getitem__(self, numbers: Numbers) -> Array:
        if self._flat is not None:
            return self._flat[numbers]
        return self._array[self._places(numbers)]

    def __setitem__(self, numbers: Numbers, values: Array) -> None:
        if self._flat is not None:
            self._flat[numbers] = values
        else:
            self._array[self._places(numbers)] = values

    def are_views(self, numbers: Numbers) -> bool:
        """Whether what ``self[numbers]`` gives is the array's own memory."""
        return self._flat is not None and isinstance(numbers, slice)

    def _places(self, numbers: Numbers) -> tuple[NDArray[np.intp], ...]:
        if isinstance(numbers, slice):
            numbers = np.arange(numbers.start, numbers.stop)
        return np.unravel_index(numbers, self._lead)


def _lies_evenly(array: Array) -> bool:
    """Whether one stride leads from each row to the next, so that a reshape copies nothing."""
    steps = [(n, step) for n, step in zip(array.shape[:-1], array.strides[:-1], strict=True) if n != 1]
    return array.size == 0 or all(outer == n * step for (_, outer), (n, step) in pairwise(steps))


def kept(problem: RowProblem) -> NDArray[np.intp] | None:
    """The numbers of the rows that count; None: all."""
    weight, targets = problem.sample_weight, problem.targets
    dropped = np.zeros(problem.loss_shape, bool)
    if isinstance(targets, IndexTargets) and targets.ignore is not None:
        dropped |= targets.labels == targets.ignore
    if weight is not None:
        dropped |= weight == 0.0
    return np.flatnonzero(~dropped) if dropped.any() else None


def blocks(problem: RowProblem, most: int) -> list[Numbers]:
    """The rows that count in blocks of about equal size, ``most`` rows at most."""
    numbers = kept(problem)
    count = prod(problem.loss_shape) if numbers is None else len(numbers)
    parts = -(-count // most)
    ends = [count * i // parts for i in range(1, parts + 1)] if parts else []
    return [_numbers(numbers, first, last) for first, last in zip([0, *ends], ends, strict=False)]


def _numbers(chosen: NDArray[np.intp] | None, first: int, last: int) -> Numbers:
    if chosen is None:
        return slice(first, last)
    part = chosen[first:last]
    whole = part[-1] - part[0] == len(part) - 1
    return slice(int(part[0]), int(part[-1]) + 1) if whole else part


class Parts:
    """The problems of blocks of rows, cut out of the problem of all."""

    def __init__(self, problem: RowProblem) -> None:
        self._problem, targets = problem, problem.targets
        self._labels = targets.labels.reshape(-1) if isinstance(targets, IndexTargets) else None
        self._targets = [Rows(a) for a in _arrays(targets)]
        self._weight = None if problem.sample_weight is None else problem.sample_weight.reshape(-1)
        mask = problem.class_mask
        self._mask = Rows(mask) if mask is not None and mask.ndim > 1 else None

    def __call__(self, numbers: Numbers, logits: Array) -> RowProblem:
        """The rows ``numbers``, with these logits (R, K)."""
        targets, arrays = self._problem.targets, [rows[numbers] for rows in self._targets]
        part: Any
        if isinstance(targets, IndexTargets):
            part = targets._replace(labels=self._labels[numbers])  # type: ignore[index]  # it is one of these
        elif isinstance(targets, SoftTargets):
            part = SoftTargets(arrays[0])
        else:
            part = ListedTargets(arrays[0], arrays[1], targets.tail)
        return self._problem._replace(
            predictions=logits,
            axis=1,
            targets=part,
            sample_weight=None if self._weight is None else self._weight[numbers],
            class_mask=self._problem.class_mask if self._mask is None else self._mask[numbers],
        )


def _arrays(targets: Any) -> Iterator[Array]:
    if isinstance(targets, SoftTargets):
        yield targets.values
    elif isinstance(targets, ListedTargets):
        yield from (targets.indices, targets.probabilities)
