"""The rows that a model is fitted to: their features in the solver's coordinates, and what is asked of each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crossentropy._linear import Features, LinearLoss, SparseFeatures
from crossentropy.linear_model._standardisation import Standardisation
from crossentropy.linear_model._targets import ElementTargets, Targets

Floats = NDArray[np.float64]

#: What a pass over the rows found.
Outcome = tuple[NDArray[Any], ...]

#: Which rows of a block.
Positions = slice | NDArray[np.int64]


def evenly_spread(numbers: NDArray[np.int64]) -> Floats:
    """Numbers in [0, 1) for these rows: multiples of the golden ratio, which any stretch of rows spreads evenly."""
    chances: Floats = np.modf((numbers + 1) * (math.sqrt(5.0) - 1.0) / 2.0)[0]
    return chances


@dataclass(slots=True)
class Block:
    """Rows that are in memory at once: features, targets, and the loss of their logits."""

    features: Features | SparseFeatures
    targets: Targets | ElementTargets
    loss: LinearLoss

    @property
    def dense(self) -> Features:
        """The features, where they are dense."""
        if not isinstance(self.features, Features):
            raise TypeError("a matrix of sparse features is never made")
        return self.features

    def release(self) -> None:
        """Let go of the rows, whoever still holds the block."""
        del self.features, self.targets, self.loss


class Rows(Protocol):
    """Blocks of rows, the same each time they are gone through, each of which may be gone when the next is asked for.

    ``shape`` is (N, D) of all rows, ``weight`` the sum of their weights and ``masses`` (K,) that of their targets';
    ``first_passes`` is how many times they were read to know that. ``whole`` is the one block of all rows, if it stays
    in memory.
    """

    standardisation: Standardisation
    shape: tuple[int, int]
    is_dense: bool
    weight: float
    masses: Floats
    first_passes: float

    @property
    def whole(self) -> Block | None: ...

    def __iter__(self) -> Iterator[Block]: ...

    def keep(self, compute: Callable[[], Outcome], *arguments: Any) -> Outcome:
        """What a pass finds that depends on these arguments and all before: computed, or what was kept of it."""

    def clock(self) -> float:
        """Seconds of work, from any moment on."""


class Unkept:
    """Passes of which nothing is kept."""

    def keep(self, compute: Callable[[], Outcome], *arguments: Any) -> Outcome:
        """What a pass finds."""
        return compute()

    def clock(self) -> float:
        """Seconds from any moment on."""
        return time.perf_counter()

    def remove(self) -> None:
        """Nothing."""


class RowsInMemory(Unkept):
    """One block of rows X (N, D), dense or CSR."""

    first_passes = 0.0

    def __init__(self, X: Any, standardisation: Standardisation, targets: Targets | ElementTargets) -> None:
        features = standardisation.features(X)
        self.standardisation, self.shape, self.is_dense = standardisation, X.shape, isinstance(features, Features)
        self.weight, self.masses = float(targets.row_weight.sum()), targets.masses
        self.whole = Block(features, targets, LinearLoss(targets.problem, features))

    def __iter__(self) -> Iterator[Block]:
        return iter((self.whole,))
