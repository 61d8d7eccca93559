"""The objective of softmax regression: its value, derivatives, and how far from the optimum a point can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossentropy import softmax
from crossentropy._linear import Features, LinearLoss, gram
from crossentropy.linear_model._standardisation import Standardisation
from crossentropy.linear_model._targets import Targets

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: Probabilities in a block of rows.
_BLOCK = 1 << 20

#: Multiplications of a pass that takes long enough for anyone to notice.
_LARGE = 1 << 22


@dataclass(frozen=True)
class Evaluation:
    """The objective at one point, its gradient there (K, D + 1), and what the minimum lies below it at most.

    ``gradient_norm`` is that with respect to W and b; ``coef_gap`` the part of ``gap`` that better intercepts leave.
    """

    point: Floats
    objective: float
    cross_entropy: float
    gradient: Floats
    gradient_norm: float
    coef_gap: float
    gap: float
    single: bool


class SoftmaxObjective:
    """C·Σ aᵢ·CE(W xᵢ + b, tᵢ) + ½‖W‖², in coordinates where features are centred and of one size.

    A point is an array (K, D + 1): for features x' = (x − shift)·scale it holds W' = W/scale and b' = b + W·shift, so
    that W'x' + b' = W x + b. Row i weighs aᵢ = sᵢ·Σ_c w_c tᵢc; ``masses`` (K,) are Σ sᵢ w_c tᵢc.
    """

    def __init__(self, standardisation: Standardisation, targets: Targets, *, C: float, fit_intercept: bool) -> None:
        self.C, self.fit_intercept, self.targets = C, fit_intercept, targets
        self.features = standardisation.features()
        self.standardisation = standardisation
        self.rows: int = self.features.shape[0]
        self.width: int = self.features.shape[1]
        self.classes = len(targets.masses)
        self.weight = float(targets.masses.sum())
        #: Whether float32 is worth beginning with.
        self.is_large = self.rows * self.width * self.classes > _LARGE
        self.penalty = np.append(standardisation.scale**2, 0.0)
        #: How many times the rows have been read.
        self.passes = 0.0
        self._loss = LinearLoss(targets.problem, self.features)
        start = np.zeros((self.classes, self.width + 1))
        share = np.full(self.classes, 1.0 / self.classes)
        if fit_intercept:
            share = targets.masses / self.weight
            start[:, -1] = np.log(share) - np.log(share).mean()
        loss, slopes = self._run(start, single=self.is_large)
        # Σ aᵢ tᵢ xᵢ' of each class: at the start all rows have the same probabilities. Float32 will do: in a gap it
        # weighs no more than the masses are off
        self._moments = np.outer(share, standardisation.sum) - slopes[:, :-1]
        squared = np.einsum("kd,kd,d->k", self._moments, self._moments, 1.0 / self.penalty[:-1])
        self._moment_norms = np.sqrt(squared)
        #: The optimum among the points of W = 0.
        self.first = self._evaluation(start, loss, slopes, single=self.is_large)

    def evaluate(self, point: Floats, *, single: bool) -> Evaluation:
        """The value, gradient and gap at a point, in one pass; ``single``: in products of float32."""
        return self._evaluation(point, *self._run(point, single=single), single=single)

    def probabilities(self, point: Floats) -> Iterator[tuple[slice, Singles]]:
        """The rows, a block at a time, and their classes' probabilities (R, K) in float32, in memory that is reused."""
        step = max(1, _BLOCK // self.classes)
        room = np.empty((min(step, self.rows), self.classes), np.float32)
        self.passes += 1.0
        for first in range(0, self.rows, step):
            block = slice(first, min(first + step, self.rows))
            room = room[: block.stop - first]
            self.features.block(block).logits(point[:, :-1], point[:, -1], room, single=True)
            yield block, np.asarray(softmax(room))

    def intercept_curvature(self, point: Floats) -> Floats:
        """The Hessian (K, K) with respect to the intercepts alone, C·Σ aᵢ(diag(pᵢ) − pᵢpᵢᵀ)."""
        mass, pairs = np.zeros(self.classes), np.zeros((self.classes, self.classes))
        for block, share in self.probabilities(point):
            weight = self.targets.row_weight[block]
            mass += weight @ share
            pairs += gram(Features(share), weight)
        curvature: Floats = self.C * (np.diag(mass) - pairs)
        return curvature

    def parameters(self, point: Floats) -> tuple[Floats, Floats]:
        """W (K, D) and b (K,) of a point; b has mean 0, since its common offset changes nothing."""
        coef = point[:, :-1] * self.standardisation.scale
        intercept = point[:, -1] - coef @ self.standardisation.shift
        return coef, intercept - intercept.mean()

    def point(self, coef: Floats, intercept: Floats) -> Floats:
        """The point of W and b, moved to where classes' coefficients add up to 0: the loss is the same there."""
        point = np.column_stack([coef / self.standardisation.scale, intercept + coef @ self.standardisation.shift])
        centred: Floats = point - point.mean(axis=0)
        return centred

    def _run(self, point: Floats, *, single: bool) -> tuple[float, Floats]:
        self.passes += 1.0
        total, gradient = self._loss.gradient(point[:, :-1], point[:, -1], single=single)
        return total, np.column_stack(gradient)

    def _evaluation(self, point: Floats, loss: float, slopes: Floats, *, single: bool) -> Evaluation:
        """What a loss and its gradient ``slopes``, which is overwritten, say of the objective."""
        coef, penalty = point[:, :-1], self.penalty[:-1]
        of_intercept = slopes[:, -1].copy()
        excess = self._excess(of_intercept)
        moved = excess @ slopes[:, :-1] + excess @ self._moments
        gradient = slopes
        gradient *= self.C
        gradient += self.penalty * point
        if not self.fit_intercept:
            gradient[:, -1] = 0.0
        # squared, of each class: W itself, and the gradient with respect to W; d/dW is d/dW' divided by the scale
        size = np.einsum("kd,kd,d->k", coef, coef, penalty)
        slope = np.einsum("kd,kd,d->k", gradient[:, :-1], gradient[:, :-1], 1.0 / penalty)
        objective = self.C * loss + 0.5 * float(size.sum())
        of_coef = 0.5 * self._residual(size, slope, excess, of_intercept, moved) ** 2
        gap = of_coef + self._divergence(coef, point[:, -1], loss, excess, of_intercept)
        norm = self._gradient_norm(gradient, float(slope.sum()))
        return Evaluation(point, objective, loss / self.weight, gradient, norm, of_coef, gap, single)

    def _gradient_norm(self, gradient: Floats, squared: float) -> float:
        """Of the gradient with respect to W and b, of which ``squared`` is the part that the shift leaves alone."""
        of_intercept, ratio = gradient[:, -1], self.standardisation.shift / self.standardisation.scale
        crossed = 2.0 * float(of_intercept @ (gradient[:, :-1] @ ratio))
        shift = 1.0 + float(np.sum(self.standardisation.shift**2))
        return float(np.sqrt(max(squared + crossed + shift * float(np.sum(of_intercept**2)), 0.0)))

    # A point of the dual problem gives each row a distribution q, of class masses Σ aᵢ qᵢ = `masses` where there is an
    # intercept. The objective is above the dual's by ½‖W + C·Σ aᵢ(qᵢ − tᵢ)xᵢ‖² + C·Σ aᵢ KL(qᵢ‖pᵢ), which bounds its
    # distance to the minimum. Without an intercept q = p, and the first term is ½‖gradient‖². Else a class whose mass
    # is too large is shrunk by one factor, and what a row thereby loses goes to the classes whose mass is too small, in
    # one proportion for all rows: then both terms are bounded by what the gradient's sums say.

    def _excess(self, of_intercept: Floats) -> Floats:
        """The share of each class's mass that is too much; ``of_intercept`` is by how much it is."""
        if not self.fit_intercept:
            return np.zeros(self.classes)
        mass = np.maximum(self.targets.masses + of_intercept, np.finfo(np.float64).tiny)
        return np.maximum(of_intercept, 0.0) / mass

    def _residual(self, size: Floats, slope: Floats, excess: Floats, of_intercept: Floats, moved: Floats) -> float:
        """A bound of ‖W + C·Σ aᵢ(qᵢ − tᵢ)xᵢ‖: the gradient's norm, and what moving from p to q adds at most."""
        norm = float(np.sqrt(slope.sum()))
        if not excess.any():
            return norm
        # of Σ aᵢ pᵢ xᵢ' of each class, which is the loss's gradient and the targets' part
        classes = (np.sqrt(slope) + np.sqrt(size)) / self.C + self._moment_norms
        taken = float(np.sqrt(np.sum((excess * classes) ** 2)))
        given = float(np.linalg.norm(self._missing(of_intercept))) * float(
            np.sqrt(np.sum(moved**2 / self.penalty[:-1]))
        )
        return norm + self.C * (taken + given)

    def _divergence(self, coef: Floats, intercept: Floats, loss: float, excess: Floats, of_intercept: Floats) -> float:
        """A bound of C·Σ aᵢ KL(qᵢ‖pᵢ)."""
        if not excess.any():
            return 0.0
        mass = self.targets.masses + of_intercept
        logits = coef @ self.standardisation.sum + self.weight * intercept
        lse = loss + float(np.einsum("kd,kd->", coef, self._moments)) + float(intercept @ self.targets.masses)
        freed = float(excess @ mass)
        shrunk = float(np.sum(mass * (1.0 - excess) * np.log1p(-excess)))
        surprise = lse - float(self._missing(of_intercept) @ logits)
        return self.C * (freed + shrunk + float(excess.max()) * surprise)

    def _missing(self, of_intercept: Floats) -> Floats:
        """The proportion in which classes whose mass is too small are given what others lose."""
        missing = np.maximum(-of_intercept, 0.0)
        total = missing.sum()
        share: Floats = missing / total if total > 0.0 else missing
        return share
