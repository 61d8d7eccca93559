"""The objective of softmax regression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
from numpy.typing import NDArray

from crossentropy import softmax
from crossentropy._linear import Features, gram
from crossentropy._problems import IndexTargets, SoftTargets
from crossentropy.linear_model._objective import LinearObjective, Singles
from crossentropy.linear_model._rows import Block, Positions
from crossentropy.linear_model._separation import Margins, of_classes
from crossentropy.linear_model._targets import Targets

Floats = NDArray[np.float64]


class SoftmaxObjective(LinearObjective):
    """C·Σ aᵢ·CE(W xᵢ + b, tᵢ) + ½‖W‖². Row i weighs aᵢ = sᵢ·Σ_c w_c tᵢc; ``masses`` (K,) are Σ sᵢ w_c tᵢc."""

    @property
    def weight(self) -> float:
        """What all losses weigh."""
        return self.rows.weight

    def first_curvature(self) -> Floats:
        """Σ of each logit's second derivatives at the start (K, 1), without C."""
        share = self.rows.masses[:, None] / self.weight
        curvature: Floats = self.weight * share * (1.0 - share)
        return curvature

    def without_offset(self, values: Floats) -> Floats:
        """Coefficients (K, …) without their mean over classes: it changes no loss."""
        centred: Floats = values - values.mean(axis=0)
        return centred

    def intercept_curvature(self, point: Floats) -> Floats:
        """The Hessian (K, K) with respect to the intercepts alone, C·Σ aᵢ(diag(pᵢ) − pᵢpᵢᵀ)."""
        mass, pairs = np.zeros(self.classes), np.zeros((self.classes, self.classes))
        for block, parts in self._logits(point):
            for rows, logits in parts:
                share, weight = np.asarray(softmax(logits)), block.targets.row_weight[rows]
                mass += weight @ share
                pairs += gram(Features(share), weight)
        curvature: Floats = self.C * (np.diag(mass) - pairs)
        return curvature

    def weighted_targets(self, targets: Targets) -> tuple[Singles, Singles]:
        """Each row's weight (N,), and the distribution (N, K) that its loss is least at."""
        problem, shape = targets.problem, (len(targets.row_weight), self.classes)
        of_class = np.ones(self.classes) if problem.class_weight is None else np.asarray(problem.class_weight)
        if isinstance(problem.targets, IndexTargets):
            shares = np.zeros(shape, np.float32)
            shares[np.arange(len(shares)), problem.targets.labels] = 1.0
        else:
            shares = cast(SoftTargets, problem.targets).values.astype(np.float32)
        shares *= 1.0 - problem.label_smoothing
        shares += problem.label_smoothing / self.classes
        shares *= of_class.astype(np.float32)
        shares /= shares.sum(axis=1, keepdims=True)
        return targets.row_weight.astype(np.float32), shares

    def probabilities(self, logits: Singles | Floats) -> Singles | Floats:
        """softmax."""
        return np.asarray(softmax(logits))

    @property
    def logits_of_model(self) -> int:
        """All K."""
        return self.classes

    def margins(self, block: Block) -> Iterator[Margins]:
        """Of the one model: a label's logit against each other; classes that targets share are tied."""
        problem = cast(Targets, block.targets).problem
        possible = np.zeros((len(block.targets.row_weight), self.classes), np.bool_)
        if isinstance(problem.targets, IndexTargets):
            possible[np.arange(len(possible)), problem.targets.labels] = True
        else:
            possible = cast(SoftTargets, problem.targets).values > 0.0
        yield of_classes(possible | (problem.label_smoothing > 0.0))

    def parameters(self, point: Floats) -> tuple[Floats, Floats]:
        """W (K, D) and b (K,) of a point; b has mean 0, since its common offset changes nothing."""
        coef, intercept = super().parameters(point)
        return coef, intercept - intercept.mean()

    def _least_weight(self) -> float:
        least = np.inf
        for block in self.rows:
            problem, weight = cast(Targets, block.targets).problem, block.targets.row_weight
            if not isinstance(problem.targets, IndexTargets) or problem.label_smoothing > 0.0:
                return 0.0
            least = min(least, float(weight[weight > 0.0].min(initial=np.inf)))
        return least

    def _first_intercept(self) -> Floats:
        return self.without_offset(np.log(self.rows.masses))

    def _target_moments(self, slopes: Floats) -> Floats:
        # at the start all rows have the same probabilities
        share = self.rows.masses / self.weight if self.fit_intercept else np.full(self.classes, 1.0 / self.classes)
        moments: Floats = np.outer(share, self.standardisation.sum) - slopes
        return moments

    def _hessian(self, block: Block, rows: Positions, logits: Singles | Floats) -> tuple[Floats, Floats]:
        share, weight = np.asarray(softmax(logits)), block.targets.row_weight[rows, None]
        return weight * share, np.sqrt(weight) * share

    def _curvature(self, block: Block, rows: Positions, logits: Singles | Floats) -> Floats:
        share = np.asarray(softmax(logits))
        curvature: Floats = block.targets.row_weight[rows, None] * (share * (1.0 - share))
        return curvature

    def _dual(self, point: Floats, loss: float, slopes: Floats) -> tuple[Floats | None, float]:
        """A class whose mass is too large is shrunk by one factor; those whose mass is too small get what is freed.

        In one proportion for all rows: then sums that the gradient has anyway say, or bound, what this does.
        """
        of_intercept, of_coef = slopes[:, -1], slopes[:, :-1]
        mass = np.maximum(self.rows.masses + of_intercept, np.finfo(np.float64).tiny)
        excess = np.maximum(of_intercept, 0.0) / mass
        if not excess.any():
            return None, 0.0
        missing = np.maximum(-of_intercept, 0.0)
        share = missing / total if (total := missing.sum()) > 0.0 else missing
        # Σ aᵢ pᵢ xᵢ' of each class is the loss's gradient and the targets' part
        taken = excess[:, None] * (of_coef + self._moments)
        moved = np.outer(share, taken.sum(axis=0)) - taken
        coef, intercept = point[:, :-1], point[:, -1]
        lse = loss + float(np.einsum("kd,kd->", coef, self._moments)) + float(intercept @ self.rows.masses)
        surprise = lse - float(share @ (coef @ self.standardisation.sum + self.weight * intercept))
        shrunk = float(np.sum(mass * (1.0 - excess) * np.log1p(-excess)))
        return moved, float(excess @ mass) + shrunk + float(excess.max()) * surprise
