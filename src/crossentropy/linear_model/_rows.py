"""The rows that a model is fitted to: their features in the solver's coordinates, and what is asked of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from crossentropy._linear import Features, LinearLoss, SparseFeatures
from crossentropy.linear_model._standardisation import Standardisation
from crossentropy.linear_model._targets import ElementTargets, Targets

Floats = NDArray[np.float64]

#: Which rows of a block.
Positions = slice | NDArray[np.int64]


def evenly_spread(numbers: NDArray[np.int64]) -> Floats:
    """Numbers in [0, 1) for these rows: multiples of the golden ratio, which any stretch of rows spreads evenly."""
    chances: Floats = np.modf((numbers + 1) * (math.sqrt(5.0) - 1.0) / 2.0)[0]
    return chances


class Block(NamedTuple):
    """Rows that are in memory at once: features, targets, and the loss of their logits."""

    features: Features | SparseFeatures
    targets: Targets | ElementTargets
    loss: LinearLoss


class Rows(Protocol):
    """Blocks of rows, the same each time they are gone through.

    ``shape`` is (N, D) of all rows, ``weight`` the sum of their weights and ``masses`` (K,) that of their targets'.
    """

    standardisation: Standardisation
    shape: tuple[int, int]
    is_dense: bool
    weight: float
    masses: Floats

    def __iter__(self) -> Iterator[Block]: ...


class RowsInMemory:
    """One block of rows X (N, D), dense or CSR."""

    def __init__(self, X: Any, standardisation: Standardisation, targets: Targets | ElementTargets) -> None:
        features = standardisation.features(X)
        self.standardisation, self.shape, self.is_dense = standardisation, X.shape, isinstance(features, Features)
        self.weight, self.masses = float(targets.row_weight.sum()), targets.masses
        self._block = Block(features, targets, LinearLoss(targets.problem, features))

    def __iter__(self) -> Iterator[Block]:
        return iter((self._block,))
