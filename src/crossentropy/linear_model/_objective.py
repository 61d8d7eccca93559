"""What a linear model is judged by: the objective, its derivatives, and how far it can be from the optimum."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._penalty import ElasticNet, least_subgradient
from crossentropy.linear_model._rows import Block, Outcome, Positions, Rows, evenly_spread
from crossentropy.linear_model._separation import Margins, refusal

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

#: Logits in a block of rows whose curvatures are looked at together.
_BLOCK = 1 << 20

#: What a row's loss is at least where its label is not the likeliest; rounded down by more than float32 products err.
_LOG_2 = 0.6931

#: Coefficients that are looked at together: as many as stay in the second cache.
_CACHED = 1 << 16

#: Multiplications of a pass that takes long enough for anyone to notice.
_LARGE = 1 << 22


@dataclass(frozen=True)
class Evaluation:
    """The objective at one point, its smooth part's gradient there (K, D + 1), and how far below the minimum can be.

    ``gradient_norm`` is that of the least subgradient with respect to W and b; ``coef_gap`` the part of ``gap`` that
    better intercepts leave.
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
    """C·Σ of a cross-entropy of the logits W xᵢ + b, and a penalty on W, where features are centred and of one size.

    The penalty is that of an :class:`ElasticNet`; for C = ∞ there is none, and no factor C.

    A point is an array (K, D + 1): for features x' = (x − shift)·scale it holds W' = W/scale and b' = b + W·shift, so
    that W'x' + b' = W x + b. ``masses`` (K,) is what the targets of each logit weigh.
    """

    def __init__(
        self, rows: Rows, *, C: float, fit_intercept: bool, l1_ratio: float = 0.0, solver: str = "auto"
    ) -> None:
        #: By what the Hessian is to be approximated.
        self.solver = solver
        self.is_penalised = math.isfinite(C)
        self.C, self.fit_intercept, self.rows = C if self.is_penalised else 1.0, fit_intercept, rows
        self._net = ElasticNet(l1_ratio) if self.is_penalised else None
        self.standardisation = rows.standardisation
        self.width: int = rows.shape[1]
        self.classes = len(rows.masses)
        #: Whether float32 is worth beginning with.
        self.is_large = rows.shape[0] * self.width * self.classes > _LARGE
        scale = rows.standardisation.scale
        #: The second derivative of the penalty's smooth part (D + 1,), and the slope |W'| has at 0.
        self.penalty, self.threshold = np.zeros(self.width + 1), np.zeros(self.width + 1)
        if self._net is not None:
            self.penalty[:-1], self.threshold[:-1] = self._net.curvature * scale**2, self._net.l1_ratio * scale
        #: A loss below which no row is on the wrong side: then it has no minimum without a penalty.
        self._separated = 0.0 if self.is_penalised else _LOG_2 * self._least_weight()
        #: How many times the rows have been read.
        self.passes = rows.first_passes
        start = np.zeros((self.classes, self.width + 1))
        if fit_intercept:
            start[:, -1] = self._first_intercept()
        loss, slopes = self._run(start, single=self.is_large)
        #: Σ of each logit's targets' mass times x' (K, D). Float32 will do: in a gap it weighs what the masses are off
        self._moments = self._target_moments(slopes[:, :-1])
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
        """Coefficients (K, …) without the part that changes no loss, which ‖W‖² is least without."""

    @abstractmethod
    def intercept_curvature(self, point: Floats) -> Floats:
        """The Hessian (K, K) with respect to the intercepts alone."""

    @abstractmethod
    def margins(self, block: Block) -> Iterator[Margins]:
        """What separation asks of the rows of a block, for each model that they are fitted to by itself."""

    @abstractmethod
    def weighted_targets(self, targets: Any) -> tuple[Singles, Singles]:
        """What rows weigh, (N,) where classes exclude each other or else (N, K), and the targets (N, K)."""

    @abstractmethod
    def probabilities(self, logits: Singles | Floats) -> Singles | Floats:
        """Those of logits (R, K)."""

    @property
    @abstractmethod
    def logits_of_model(self) -> int:
        """How many logits each such model has."""

    @abstractmethod
    def _least_weight(self) -> float:
        """What a label's loss weighs at least; 0 if any target is not certain."""

    @abstractmethod
    def _first_intercept(self) -> Floats:
        """The best where W = 0."""

    @abstractmethod
    def _target_moments(self, slopes: Floats) -> Floats:
        """Σ of the targets' mass times x', from the gradient at the start with respect to W'."""

    @abstractmethod
    def _curvature(self, block: Block, rows: Positions, logits: Singles | Floats) -> Floats:
        """The second derivatives of the loss of some rows with respect to each logit (R, K)."""

    @abstractmethod
    def _hessian(self, block: Block, rows: Positions, logits: Singles | Floats) -> tuple[Floats, Floats]:
        """The h and g of some rows whose Hessians are diag(h) − ggᵀ (R, K)."""

    @abstractmethod
    def _dual(self, point: Floats, loss: float, slopes: Floats) -> tuple[Floats | None, float]:
        """Of a dual point q near the model's probabilities p, whose masses are the targets'.

        Σ a(q − p)x' (K, D), None where q is p, and Σ a KL(q‖p); ``slopes`` are the loss's gradient.
        """

    def evaluate(self, point: Floats, *, single: bool) -> Evaluation:
        """The value, gradient and gap at a point, in one pass; ``single``: in products of float32."""
        return self._evaluation(point, *self._run(point, single=single), single=single)

    def at(self, C: float, *evaluations: Evaluation) -> tuple[Self, list[Evaluation]]:
        """The objective at another C, both finite, which shares all that does not depend on it, and evaluations there.

        No pass: ``evaluations`` are those of this objective, and its loss's gradient is the same at any C.
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

    def kinks(self, point: Floats) -> float:
        """ρ‖W‖₁, what of the objective is not smooth."""
        return float(np.vdot(self.threshold, np.abs(point).sum(axis=0))) if self.threshold.any() else 0.0

    def curvatures(
        self, point: Floats, share: float = 1.0
    ) -> Iterator[tuple[Block, Iterator[tuple[Positions, Floats]]]]:
        """Of each block, some rows at a time and their losses' second derivatives with respect to each logit (R, K).

        ``share``: of the rows, spread evenly over all.
        """
        for block, parts in self._logits(point, share):
            yield block, ((rows, self._curvature(block, rows, logits)) for rows, logits in parts)

    def hessians(self, point: Floats) -> Iterator[tuple[Block, Positions, Floats, Floats]]:
        """Some rows of a block at a time, and h (R, K) and g (R, K): a row's Hessian of its logits is diag(h) − ggᵀ."""
        for block, parts in self._logits(point, single=False):
            for rows, logits in parts:
                yield block, rows, *self._hessian(block, rows, logits)

    def parameters(self, point: Floats) -> tuple[Floats, Floats]:
        """W (K, D) and b (K,) of a point."""
        coef = point[:, :-1] * self.standardisation.scale
        return coef, point[:, -1] - coef @ self.standardisation.shift

    def parameters_gradient(self, gradient: Floats) -> tuple[Floats, Floats]:
        """With respect to W (K, D) and b (K,), where it is known with respect to a point."""
        of_intercept = gradient[:, -1]
        of_coef = gradient[:, :-1] / self.standardisation.scale
        of_coef += np.multiply.outer(of_intercept, self.standardisation.shift)
        return of_coef, of_intercept

    def probabilities_at(self, point: Floats) -> Singles:
        """Those of all rows (N, K) at a point."""
        found = np.empty((self.rows.shape[0], self.classes), np.float32)
        before = 0
        for block, parts in self._logits(point):
            for rows, logits in parts:
                found[before : before + block.features.shape[0]][rows] = self.probabilities(logits)
            before += block.features.shape[0]
        return found

    def point(self, coef: Floats, intercept: Floats) -> Floats:
        """The point of W and b."""
        point = np.column_stack([coef / self.standardisation.scale, intercept + coef @ self.standardisation.shift])
        # ‖W‖₁ may be least with another offset, and zeros shall stay zeros
        free = slice(-1, None) if self.threshold.any() else slice(None)
        point[:, free] = self.without_offset(point[:, free])
        return point

    def _logits(
        self, point: Floats, share: float = 1.0, *, single: bool = True
    ) -> Iterator[tuple[Block, Iterator[tuple[Positions, Singles | Floats]]]]:
        """Of each block, some rows at a time and their logits (R, K), ``single`` ones in float32, in reused memory."""
        step = max(1, _BLOCK // self.classes)
        room = np.empty((min(step, self.rows.shape[0]), self.classes), np.float32 if single else np.float64)
        self.passes += share
        before = 0

        def positions(count: int, before: int) -> Iterator[Positions]:
            """So many of a block's rows at a time as there is room for."""
            if share == 1.0:
                yield from (slice(first, min(first + step, count)) for first in range(0, count, step))
                return
            stretch = int(step / share)
            for first in range(0, count, stretch):
                rows = np.arange(first, min(first + stretch, count))
                chosen = rows[evenly_spread(before + rows) < share]
                yield from (chosen[start : start + step] for start in range(0, len(chosen), step))

        def parts(block: Block, before: int) -> Iterator[tuple[Positions, Singles | Floats]]:
            for rows in positions(block.features.shape[0], before):
                features = block.features.block(rows)
                out = room[: features.shape[0]]
                features.logits(point[:, :-1], point[:, -1], out, single=single)
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

    def _evaluation(self, point: Floats, loss: float, slopes: Floats, *, single: bool) -> Evaluation:
        """What a loss and its gradient ``slopes``, which is overwritten, say of the objective.

        A point of the dual problem gives each row probabilities q, whose masses are the targets' where there is an
        intercept; its slopes are U = C·Σ a(q − t)x. The objective is above the dual's by C·Σ a KL(q‖p) and
        r(W) + r*(−U) + ⟨U, W⟩ of the penalty r, which bounds its distance to the minimum.
        """
        if loss < self._separated:
            raise refusal()
        moved, divergence = self._dual(point, loss, slopes) if self.fit_intercept and self._net else (None, 0.0)
        gradient = slopes
        gradient *= self.C
        if not self.fit_intercept:
            gradient[:, -1] = 0.0
        loss *= self.C
        coef_gap, gap = self._gaps(point, loss, gradient, moved)
        gradient += self.penalty * point
        return Evaluation(
            point=point,
            objective=loss + self._penalty_of(point),
            cross_entropy=loss / (self.C * self.weight),
            gradient=gradient,
            gradient_norm=self._gradient_norm(point, gradient),
            coef_gap=coef_gap,
            gap=gap + self.C * divergence,
            single=single,
        )

    def _penalty_of(self, point: Floats) -> float:
        scale = self.standardisation.scale
        return sum(self._net.value(point[some, :-1] * scale) for some in self._few_classes()) if self._net else 0.0

    def _gaps(self, point: Floats, loss: float, gradient: Floats, moved: Floats | None) -> tuple[float, float]:
        """What of the gap is the coefficients', and all of it but the divergence.

        Without a penalty the dual's points are those of slopes 0, of which none is known. What is known is that a
        convex function is above its tangents: no point within a distance R is lower by more than R·‖gradient‖. R is
        1 + ‖point‖.
        """
        if self._net is None:
            reach = 1.0 + float(np.linalg.norm(point))
            of_coef, whole = (reach * float(np.linalg.norm(part)) for part in (gradient[:, :-1], gradient))
            return of_coef, whole
        scale, gap = self.standardisation.scale, 0.0
        # a bound that takes the steepest of all slopes is not one of classes by themselves
        for some in [slice(None)] if self._net.l1_ratio else self._few_classes():
            slopes = gradient[some, :-1] if moved is None else gradient[some, :-1] + self.C * moved[some]
            gap += self._net.gap(point[some, :-1] * scale, slopes / scale, loss)
        return gap, gap

    def _few_classes(self) -> Iterator[slice]:
        """Some classes at a time, all of them in the end: what is computed of their coefficients stays in a cache."""
        step = max(1, _CACHED // (self.width + 1))
        return (slice(first, first + step) for first in range(0, self.classes, step))

    def _gradient_norm(self, point: Floats, gradient: Floats) -> float:
        """Of the least subgradient with respect to W and b."""
        square = 0.0
        for some in self._few_classes():
            of_coef, of_intercept = self.parameters_gradient(gradient[some])
            if self._net is not None and self._net.l1_ratio:
                of_coef = least_subgradient(point[some, :-1], of_coef, self._net.l1_ratio)
            square += float(np.vdot(of_coef, of_coef) + np.vdot(of_intercept, of_intercept))
        return math.sqrt(square)
