"""The objective of softmax regression: its value, derivatives, and how far from the optimum a point can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossentropy import softmax
from crossentropy._linear import Features, LinearLoss, gram, linear_logits
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
    """The objective at one point, its gradient there (K, D + 1), and what the optimum lies below it at most."""

    point: Floats
    objective: float
    cross_entropy: float
    gradient: Floats
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
        self.features = Features(standardisation.rows, standardisation.shift, standardisation.scale)
        self.standardisation = standardisation
        self.rows, self.width = standardisation.rows.shape
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
        loss, slopes = self._run(start, single=False)
        # Σ aᵢ tᵢ xᵢ' of each class: at the start all rows have the same probabilities
        self._moments = np.outer(share, standardisation.sum) - slopes[:, :-1]
        #: The optimum among the points of W = 0.
        self.first = self._evaluation(start, loss, slopes, single=False)

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
            features = self.features._replace(rows=self.features.rows[block])
            logits = linear_logits(features, point[:, :-1], point[:, -1], room[: block.stop - first], single=True)
            yield block, np.asarray(softmax(logits))

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

    def gradient_norm(self, evaluation: Evaluation) -> float:
        """The Euclidean norm of the gradient with respect to W and b."""
        of_intercept = evaluation.gradient[:, -1]
        of_coef = evaluation.gradient[:, :-1] / self.standardisation.scale + np.outer(
            of_intercept, self.standardisation.shift
        )
        return float(np.sqrt(np.sum(of_coef**2) + np.sum(of_intercept**2)))

    def _run(self, point: Floats, *, single: bool) -> tuple[float, Floats]:
        self.passes += 1.0
        found = self._loss.gradient(point[:, :-1], point[:, -1], single=single)
        return found.total, np.column_stack([found.coef, found.intercept])

    def _evaluation(self, point: Floats, loss: float, slopes: Floats, *, single: bool) -> Evaluation:
        objective = self.C * loss + 0.5 * float(np.sum(self.penalty * point**2))
        gradient = self.C * slopes + self.penalty * point
        if not self.fit_intercept:
            gradient[:, -1] = 0.0
        return Evaluation(point, objective, loss / self.weight, gradient, *self._gap(point, loss, slopes), single)

    def _gap(self, point: Floats, loss: float, slopes: Floats) -> tuple[float, float]:
        """The objective minus that of a point of the dual problem: an upper bound of the distance to the optimum.

        Its part that the coefficients have, and the whole.

        A dual point gives each row a distribution q, of class masses Σ aᵢ qᵢ = ``masses`` where there is an intercept;
        the gap is ½‖W + C·Σ aᵢ(qᵢ − tᵢ)xᵢ‖² + C·Σ aᵢ KL(qᵢ‖pᵢ). Without an intercept q = p. Else a class whose mass is
        too large is shrunk by one factor, and what a row thereby loses goes to the classes whose mass is too small, in
        one proportion for all rows: then both terms (the second by a bound) need nothing but the gradient's sums.
        """
        coef = point[:, :-1]
        residual = self.C * slopes[:, :-1] + self.penalty[:-1] * coef
        divergence = 0.0
        if self.fit_intercept:
            target = self.targets.masses
            mass = target + slopes[:, -1]
            kept = np.minimum(1.0, target / np.maximum(mass, np.finfo(np.float64).tiny))
            missing = np.maximum(target - mass, 0.0)
            if missing.any():
                share = missing / missing.sum()
                features = slopes[:, :-1] + self._moments
                moved = (1.0 - kept)[:, None] * features
                residual += self.C * (np.outer(share, moved.sum(axis=0)) - moved)
                logits = coef @ self.standardisation.sum + self.weight * point[:, -1]
                lse = loss + float(np.sum(coef * self._moments)) + float(point[:, -1] @ target)
                freed = float(np.sum((1.0 - kept) * mass))
                shrunk = float(np.sum(mass * kept * np.log(kept)))
                divergence = self.C * (freed + shrunk + float(np.max(1.0 - kept)) * (lse - float(share @ logits)))
        of_coef = 0.5 * float(np.sum(residual**2 / self.penalty[:-1]))
        return of_coef, of_coef + divergence
