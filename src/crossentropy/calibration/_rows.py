"""Logits with their targets and weights, a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy import softmax, softmax_cross_entropy
from crossentropy._problems import IndexTargets, SoftTargets
from crossentropy._validation import sentence

Floats = NDArray[np.float64]

#: Logits in a block: some blocks of float64 lie in a cache.
_BLOCK = 1 << 18


def blocks(shape: tuple[int, ...], *, at_least: int = 1) -> Iterator[slice]:
    """The rows of logits (N, K), in blocks of so many ``at_least``."""
    step = max(at_least, _BLOCK // shape[1])
    for first in range(0, shape[0], step):
        yield slice(first, min(first + step, shape[0]))


class Centred(NamedTuple):
    """Rows of logits less the mean of their possible classes, so that a common offset changes nothing.

    ``impossible`` marks what was -inf and is 0 here; None where nothing was.
    """

    logits: Floats
    impossible: NDArray[np.bool_] | None

    @classmethod
    def of(cls, logits: NDArray[Any]) -> Centred:
        """Of logits (R, K)."""
        with np.errstate(over="ignore", invalid="ignore"):  # a fit says what is too large
            return cls._of(logits.astype(np.float64, order="C"))

    @classmethod
    def _of(cls, wide: Floats) -> Centred:
        if wide.min(initial=0.0) > -np.inf:
            # of a large offset differences are left before anything is added up
            wide -= wide[:, :1].copy()
            wide -= wide.mean(axis=1, keepdims=True)
            return cls(wide, None)
        impossible = np.isneginf(wide)
        wide -= wide.max(axis=1, keepdims=True)
        wide[impossible] = 0.0
        wide -= wide.sum(axis=1, keepdims=True) / (~impossible).sum(axis=1, keepdims=True)
        wide[impossible] = 0.0
        return cls(wide, impossible)

    def marked(self, logits: Floats) -> Floats:
        """Logits whose impossible classes are that again, in place."""
        if self.impossible is not None:
            logits[self.impossible] = -np.inf
        return logits


class Block(NamedTuple):
    """Some of the rows to fit to."""

    rows: slice
    centred: Centred
    targets: NDArray[Any]
    weight: Floats

    def loss(self, logits: Floats) -> tuple[float, Floats]:
        """Σ sᵢ·CE of such logits (R, K), and its gradient with respect to them."""
        total, slopes = softmax_cross_entropy.value_and_grad(
            self.centred.marked(logits), self.targets, sample_weight=self.weight, reduction="sum"
        )
        return float(total), slopes

    def probabilities(self, logits: Floats) -> Floats:
        """Their softmax."""
        return np.asarray(softmax(self.centred.marked(logits)))

    def of_targets(self, values: Floats) -> Floats:
        """Σ_c t_c v_c of each row of values (R, K)."""
        if self.targets.ndim == 1:
            return np.take_along_axis(values, self.targets[:, None], axis=1)[:, 0]
        of_rows: Floats = np.einsum("rk,rk->r", self.targets, values)
        return of_rows


@dataclass(frozen=True)
class Rows:
    """Logits (N, K), their targets, and float64 weights (N,); a block has so many rows ``at_least``."""

    logits: NDArray[Any]
    targets: IndexTargets | SoftTargets
    weight: Floats
    at_least: int = 1

    def __iter__(self) -> Iterator[Block]:
        """All of them, in blocks."""
        targets = self.targets[0]
        for rows in blocks(self.logits.shape, at_least=self.at_least):
            yield Block(rows, Centred.of(self.logits[rows]), targets[rows], self.weight[rows])


def check_logits(logits: NDArray[Any], *, mixes_classes: bool) -> None:
    """Raise ``ValueError`` for the first NaN or +inf, and the first row of nothing but -inf.

    ``mixes_classes``: for the first -inf too.
    """
    for rows in blocks(logits.shape):
        block = logits[rows]
        if np.isfinite(block).all():
            continue
        wrong = ~np.isfinite(block) if mixes_classes else ~(block < np.inf)
        if wrong.any():
            row, column = (int(i) for i in np.argwhere(wrong)[0])
            value = float(block[row, column])
            raise ValueError(
                sentence(
                    f"logits, row {rows.start + row}, column {column} (counted from 0)",
                    expected="a finite number" + (", since a matrix mixes all classes" if value == -np.inf else ""),
                    received="NaN" if np.isnan(value) else f"{value:g}",
                    remedy=(
                        "use TemperatureScaling or VectorScaling, which keep -inf an impossible class"
                        if value == -np.inf
                        else "correct or remove that row"
                    ),
                )
            )
        impossible = np.isneginf(block).all(axis=1)
        if impossible.any():
            raise ValueError(
                sentence(
                    f"logits, row {rows.start + int(np.argmax(impossible))} (counted from 0)",
                    expected="at least one class that is possible",
                    received="-inf for all of them",
                    remedy="correct or remove that row",
                )
            )
