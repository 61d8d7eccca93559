"""The objective of logistic regression, of one output or several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from crossentropy import sigmoid
from crossentropy.linear_model._objective import LinearObjective, Singles
from crossentropy.linear_model._rows import Block, Positions, Rows
from crossentropy.linear_model._separation import Margins, of_output
from crossentropy.linear_model._targets import ElementTargets

Floats = NDArray[np.float64]


class SigmoidObjective(LinearObjective):
    """C·Σ aᵢ·BCE(W xᵢ + b, tᵢ) + ½‖W‖², BCE summed over the outputs m, where what is positive weighs p_m.

    So an element weighs u = a(1 + (p_m − 1)t), and its target is p_m a t/u. ``masses`` (M,) are Σ aᵢ p_m tᵢm.
    """

    def __init__(self, rows: Rows, *, pos_weight: Floats, **options: Any) -> None:
        self._pos_weight = pos_weight
        #: Σ u of each output.
        self._totals: Floats = rows.weight + (1.0 - 1.0 / pos_weight) * rows.masses
        super().__init__(rows, **options)

    @property
    def weight(self) -> float:
        """What all losses weigh."""
        return self.rows.weight * self.classes

    def first_curvature(self) -> Floats:
        """Σ of each output's second derivatives at the start (M, 1), without C."""
        share = self._first_share()
        curvature: Floats = (self._totals * share * (1.0 - share))[:, None]
        return curvature

    def without_offset(self, values: Floats) -> Floats:
        """The coefficients: each of them changes a loss."""
        return values

    def intercept_curvature(self, point: Floats) -> Floats:
        """The Hessian (M, M) with respect to the intercepts alone."""
        total = np.zeros(self.classes)
        for _, parts in self.curvatures(point):
            for _, curvature in parts:
                total += curvature.sum(axis=0)
        return np.diag(self.C * total)

    def weighted_targets(self, targets: ElementTargets) -> tuple[Singles, Singles]:
        """Each element's weight u (N, M), and the probability that its loss is least at."""
        positive = self._pos_weight * targets.values
        weight = positive + (1.0 - targets.values)
        shares = (positive / weight).astype(np.float32)
        weight *= targets.row_weight[:, None]
        return weight.astype(np.float32), shares

    def probabilities(self, logits: Singles | Floats) -> Singles | Floats:
        """sigmoid."""
        return np.asarray(sigmoid(logits))

    @property
    def logits_of_model(self) -> int:
        """1: outputs are models of their own."""
        return 1

    def margins(self, block: Block) -> Iterator[Margins]:
        """Of each output: its logit where it is positive, and the opposite; 0 where a target is neither."""
        for targets in np.asarray(cast(ElementTargets, block.targets).values).T:
            yield of_output(targets > 0.0, targets < 1.0)

    def _least_weight(self) -> float:
        least = np.inf
        for block in self.rows:
            targets, weight = cast(ElementTargets, block.targets).values, block.targets.row_weight
            if ((targets > 0.0) & (targets < 1.0)).any():
                return 0.0
            least = min(least, float(weight[weight > 0.0].min(initial=np.inf)))
        return least * min(1.0, float(self._pos_weight.min()))

    def _first_share(self) -> Floats:
        share: Floats = self.rows.masses / self._totals if self.fit_intercept else np.full(self.classes, 0.5)
        return share

    def _first_intercept(self) -> Floats:
        intercept: Floats = np.log(self.rows.masses) - np.log(self._totals - self.rows.masses)
        return intercept

    def _target_moments(self, slopes: Floats) -> Floats:
        # at the start all rows have the same probabilities: slopes = Σ (u·share − a p t) x'
        share, p = self._first_share()[:, None], self._pos_weight[:, None]
        moments: Floats = p * (share * self.standardisation.sum - slopes) / (p + share - share * p)
        return moments

    def _hessian(self, block: Block, rows: Positions, logits: Singles | Floats) -> tuple[Floats, Floats]:
        curvature = self._curvature(block, rows, logits)
        return curvature, np.zeros_like(curvature)

    def _curvature(self, block: Block, rows: Positions, logits: Singles | Floats) -> Floats:
        share = np.asarray(sigmoid(logits))
        targets = cast(ElementTargets, block.targets)
        positive = targets.values[rows]
        weight = targets.row_weight[rows, None] * (1.0 + (self._pos_weight - 1.0) * positive)
        curvature: Floats = weight * (share * (1.0 - share))
        return curvature

    def _dual(self, point: Floats, loss: float, slopes: Floats) -> tuple[Floats | None, float]:
        """Where an output is positive too often, its probabilities are shrunk by one factor; else the opposite's."""
        of_intercept, coef, intercept = slopes[:, -1], point[:, :-1], point[:, -1]
        above = of_intercept > 0.0
        positive = self.rows.masses + of_intercept
        mass = np.maximum(np.where(above, positive, self._totals - positive), np.finfo(np.float64).tiny)
        excess = np.abs(of_intercept) / mass
        # Σ u p x' of each output is the loss's gradient and the targets' part; Σ u x' what the targets add to Σ a x'
        part = slopes[:, :-1] + self._moments
        every = self.standardisation.sum + (1.0 - 1.0 / self._pos_weight)[:, None] * self._moments
        moved = excess[:, None] * np.where(above[:, None], -part, every - part)
        # Σ u·softplus(z), or of −z
        surprise = loss + float(np.einsum("kd,kd->", coef, self._moments)) + float(intercept @ self.rows.masses)
        surprise -= float(np.sum((np.einsum("kd,kd->k", coef, every) + intercept * self._totals)[~above]))
        shrunk = float(np.sum(mass * (1.0 - excess) * np.log1p(-excess)))
        return moved, float(excess @ mass) + shrunk + float(excess.max()) * surprise
