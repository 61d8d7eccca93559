"""What a linear model is judged by: the objective, its derivatives, and how far it can be from the optimum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._rows import Block, Outcome, Positions, Rows, evenly_spread

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: Logits in a block of rows whose curvatures are looked at together.
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


class LinearObjective(ABC):
    """C·Σ of a cross-entropy of the logits W xᵢ + b + ½‖W‖², in coordinates where features are centred and of one size.

    A point is an array (K, D + 1): for features x' = (x − shift)·scale it holds W' = W/scale and b' = b + W·shift, so
    that W'x' + b' = W x + b. ``masses`` (K,) is what the targets of each logit weigh.
    """

    def __init__(self, rows: Rows, *, C: float, fit_intercept: bool) -> None:
        self.C, self.fit_intercept, self.rows = C, fit_intercept, rows
        self.standardisation = rows.standardisation
        self.width: int = rows.shape[1]
        self.classes = len(rows.masses)
        #: Whether float32 is worth beginning with.
        self.is_large = rows.shape[0] * self.width * self.classes > _LARGE
        self.penalty = np.append(rows.standardisation.scale**2, 0.0)
        #: How many times the rows have been read.
        self.passes = rows.first_passes
        start = np.zeros((self.classes, self.width + 1))
        if fit_intercept:
            start[:, -1] = self._first_intercept()
        loss, slopes = self._run(start, single=self.is_large)
        #: Σ of each logit's targets' mass times x' (K, D). Float32 will do: in a gap it weighs what the masses are off
        self._moments = self._target_moments(slopes[:, :-1])
        self._moment_norms = self._squares(self._moments)
        #: The optimum among the points of W = 0.
        self.first = self._evaluation(start, loss, slopes, single=self.is_large)

    @property
    @abstractmethod
    def weight(self) -> float:
        """What all losses weigh."""

    @abstractmethod
    def first_curvature(self) -> Floats:
        """Σ of each logit's second derivatives at the start (K, 1), without C."""

    @abstractmethod
    def without_offset(self, values: Floats) -> Floats:
        """Coefficients (K, …) without the part that changes no loss."""

    @abstractmethod
    def intercept_curvature(self, point: Floats) -> Floats:
        """The Hessian (K, K) with respect to the intercepts alone."""

    @abstractmethod
    def _first_intercept(self) -> Floats:
        """The best where W = 0."""

    @abstractmethod
    def _target_moments(self, slopes: Floats) -> Floats:
        """Σ of the targets' mass times x', from the gradient at the start with respect to W'."""

    @abstractmethod
    def _curvature(self, block: Block, rows: Positions, logits: Singles) -> Floats:
        """The second derivatives of the loss of some rows with respect to each logit (R, K)."""

    @abstractmethod
    def _dual(self, point: Floats, loss: float, slopes: Floats) -> tuple[float, float]:
        """Of a dual point near the model's probabilities p, whose masses are the targets'.

        How far it is from p, ‖Σ a(q − p)x‖, and Σ a KL(q‖p); ``slopes`` are the loss's gradient.
        """

    def evaluate(self, point: Floats, *, single: bool) -> Evaluation:
        """The value, gradient and gap at a point, in one pass; ``single``: in products of float32."""
        return self._evaluation(point, *self._run(point, single=single), single=single)

    def at(self, C: float, *evaluations: Evaluation) -> tuple[Self, list[Evaluation]]:
        """The objective at another C, which shares all that does not depend on it, and evaluations there: no pass.

        ``evaluations`` are those of this objective: its loss's gradient is the same at any C.
        """
        other = copy(self)
        other.C, other.passes = C, 0.0
        other.first, *found = (
            other._evaluation(*self._loss_of(old), single=old.single) for old in (self.first, *evaluations)
        )
        return other, found

    def _loss_of(self, evaluation: Evaluation) -> tuple[Floats, float, Floats]:
        """The point, the loss and its gradient, which an evaluation was made of."""
        slopes = (evaluation.gradient - self.penalty * evaluation.point) / self.C
        return evaluation.point, evaluation.cross_entropy * self.weight, slopes

    def curvatures(
        self, point: Floats, share: float = 1.0
    ) -> Iterator[tuple[Block, Iterator[tuple[Positions, Floats]]]]:
        """Of each block, some rows at a time and their losses' second derivatives with respect to each logit (R, K).

        ``share``: of the rows, spread evenly over all.
        """
        for block, parts in self._logits(point, share):
            yield block, ((rows, self._curvature(block, rows, logits)) for rows, logits in parts)

    def parameters(self, point: Floats) -> tuple[Floats, Floats]:
        """W (K, D) and b (K,) of a point."""
        coef = point[:, :-1] * self.standardisation.scale
        return coef, point[:, -1] - coef @ self.standardisation.shift

    def point(self, coef: Floats, intercept: Floats) -> Floats:
        """The point of W and b."""
        point = np.column_stack([coef / self.standardisation.scale, intercept + coef @ self.standardisation.shift])
        return self.without_offset(point)

    def _logits(self, point: Floats, share: float = 1.0) -> Iterator[tuple[Block, Iterator[tuple[Positions, Singles]]]]:
        """Of each block, some rows at a time and their logits (R, K) in float32, in memory that is reused."""
        step = max(1, _BLOCK // self.classes)
        room = np.empty((min(step, self.rows.shape[0]), self.classes), np.float32)
        self.passes += share
        before = 0

        def parts(block: Block, before: int) -> Iterator[tuple[Positions, Singles]]:
            count = block.features.shape[0]
            for first in range(0, count, step):
                rows: Positions = slice(first, min(first + step, count))
                if share < 1.0:
                    some = np.r_[rows]
                    rows = some[evenly_spread(before + some) < share]
                out = room[: len(np.r_[rows])]
                block.features.block(rows).logits(point[:, :-1], point[:, -1], out, single=True)
                yield rows, out

        for block in self.rows:
            yield block, parts(block, before)
            before += block.features.shape[0]

    def kept(self, compute: Callable[[], Outcome], *arguments: Any) -> Outcome:
        """What some passes find, which the rows may have kept: of these arguments and all that was asked before."""

        def counted() -> Outcome:
            found = compute()
            return np.array(self.passes), *found

        passes, *found = self.rows.keep(counted, *arguments)
        self.passes = float(passes)
        return tuple(found)

    def _run(self, point: Floats, *, single: bool) -> tuple[float, Floats]:
        loss, slopes = self.kept(lambda: self._sums(point, single=single), point, single)
        return float(loss), slopes

    def _sums(self, point: Floats, *, single: bool) -> tuple[Floats, Floats]:
        self.passes += 1.0
        total, slopes = 0.0, np.zeros(point.shape)
        for block in self.rows:
            loss, gradient = block.loss.gradient(point[:, :-1], point[:, -1], single=single)
            total += loss
            slopes[:, :-1] += gradient.coef
            slopes[:, -1] += gradient.intercept
        return np.array(total), slopes

    def _squares(self, values: Floats) -> Floats:
        """Each row's squared norm (K,) of a derivative (K, D) with respect to W: d/dW is d/dW' divided by the scale."""
        return np.asarray(np.einsum("kd,kd,d->k", values, values, 1.0 / self.penalty[:-1]))

    def _evaluation(self, point: Floats, loss: float, slopes: Floats, *, single: bool) -> Evaluation:
        """What a loss and its gradient ``slopes``, which is overwritten, say of the objective.

        A point of the dual problem gives each row probabilities q, whose masses are the targets' where there is an
        intercept. The objective is above the dual's by ½‖W + C·Σ a(q − t)x‖² + C·Σ a KL(q‖p), which bounds its
        distance to the minimum. Where q = p, the first term is ½‖gradient‖².
        """
        moved, divergence = self._dual(point, loss, slopes) if self.fit_intercept else (0.0, 0.0)
        gradient = slopes
        gradient *= self.C
        gradient += self.penalty * point
        if not self.fit_intercept:
            gradient[:, -1] = 0.0
        size = float(np.einsum("kd,kd,d->", point[:, :-1], point[:, :-1], self.penalty[:-1]))
        slope = float(self._squares(gradient[:, :-1]).sum())
        of_coef = 0.5 * (np.sqrt(slope) + self.C * moved) ** 2
        return Evaluation(
            point=point,
            objective=self.C * loss + 0.5 * size,
            cross_entropy=loss / self.weight,
            gradient=gradient,
            gradient_norm=self._gradient_norm(gradient, slope),
            coef_gap=of_coef,
            gap=of_coef + self.C * divergence,
            single=single,
        )

    def _gradient_norm(self, gradient: Floats, squared: float) -> float:
        """Of the gradient with respect to W and b, of which ``squared`` is the part that the shift leaves alone."""
        of_intercept, ratio = gradient[:, -1], self.standardisation.shift / self.standardisation.scale
        crossed = 2.0 * float(of_intercept @ (gradient[:, :-1] @ ratio))
        shift = 1.0 + float(np.sum(self.standardisation.shift**2))
        return float(np.sqrt(max(squared + crossed + shift * float(np.sum(of_intercept**2)), 0.0)))
