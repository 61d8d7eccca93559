"""Matrix scaling as a linear model: features are the logits, and coefficients what of W is away from the identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from crossentropy._linear import LinearLoss, moments
from crossentropy._problems import IndexTargets, SoftTargets
from crossentropy.calibration._rows import Block, Floats, Rows
from crossentropy.calibration._solution import Solution
from crossentropy.calibration._temperature import first_factor
from crossentropy.linear_model import _solvers as solvers
from crossentropy.linear_model._objective import Singles
from crossentropy.linear_model._rows import Block as LinearBlock
from crossentropy.linear_model._rows import Positions, Unkept
from crossentropy.linear_model._softmax_objective import SoftmaxObjective
from crossentropy.linear_model._standardisation import Standardisation, Sums
from crossentropy.linear_model._targets import Targets, row_problem

#: The mean square of logits that are smaller is taken for this: float32 holds its inverse.
_SMALLEST = 1e-36


class LogitsAsFeatures(Unkept):
    """Rows of features (N, K): centred logits, reflected and brought to one size; the last is 1, for offsets."""

    is_dense = True
    first_passes = 1.0
    whole = None

    def __init__(self, rows: Rows) -> None:
        self.shape, self.weight = rows.logits.shape, float(rows.weight.sum())
        classes = self.shape[1]
        # as many rows as there are sums for each logit: fewer take no less memory
        self._rows = replace(rows, at_least=classes)
        self.masses, total, square = np.zeros(classes), np.zeros(classes), np.zeros(classes)
        for block in self._rows:
            labels = block.targets
            if labels.ndim == 1:
                self.masses += np.bincount(labels, block.weight, classes)
            else:
                self.masses += block.weight @ labels
            found = moments(_features(block), block.weight, np.zeros(classes))
            total += found.sum
            square += found.square
        # their distance from 0 is the same in any direction
        square[:-1] = max(float(square[:-1].mean()), _SMALLEST * self.weight)
        sums = Sums(self.weight, np.zeros(classes), total, square)
        self.standardisation = Standardisation.of_sums(sums, centre=False)

    def __iter__(self) -> Iterator[LinearBlock]:
        for block in self._rows:
            given = IndexTargets(block.targets) if block.targets.ndim == 1 else SoftTargets(block.targets)
            problem = row_problem(given, len(block.weight), len(self.masses))._replace(sample_weight=block.weight)
            features = self.standardisation.features(_features(block))
            yield LinearBlock(features, Targets(problem, block.weight, self.masses), LinearLoss(problem, features))


class FromIdentity(SoftmaxObjective):
    """C·Σ sᵢ·CE(W zᵢ + b, tᵢ) + ½‖W − I‖² + ½‖b‖², in the coefficients (K, K) of what is away from the identity."""

    def __init__(self, rows: LogitsAsFeatures, *, C: float) -> None:
        classes = rows.shape[1]
        self._identity = packed(np.eye(classes), np.zeros(classes)) / rows.standardisation.scale
        # a matrix for each class would take more memory than a block of rows
        super().__init__(rows, C=C, fit_intercept=False, solver="rotation")

    def _sums(self, point: Floats, *, single: bool) -> tuple[Floats, Floats]:
        return super()._sums(self._from_zero(point), single=single)

    def _logits(
        self, point: Floats, share: float = 1.0, *, single: bool = True
    ) -> Iterator[tuple[LinearBlock, Iterator[tuple[Positions, Singles | Floats]]]]:
        return super()._logits(self._from_zero(point), share, single=single)

    def _from_zero(self, point: Floats) -> Floats:
        """The point of W and b themselves."""
        found = point.copy()
        found[:, :-1] += self._identity
        return found


def minimise(rows: Rows, *, C: float, tol: float, max_iter: int) -> Solution:
    """From the best common temperature, about, where the penalty allows it; else from the identity."""
    classes = rows.logits.shape[1]
    factor = first_factor(rows, C=C, size=classes - 1.0)
    objective = FromIdentity(LogitsAsFeatures(rows), C=C)
    none = np.zeros(classes)
    start = objective.point(packed((factor - 1.0) * np.eye(classes), none), none)
    found = solvers.minimise(objective, start, tol=tol, max_iter=max_iter)
    if found.interrupt is not None:
        raise found.interrupt
    last = found.evaluation
    # steps in float32 leave some of what all classes have in common
    away, intercept = unpacked(objective.without_offset(objective.parameters(last.point)[0]))
    return Solution(np.eye(classes) + away, intercept, last.objective, found.gap, found.history[-1].iteration)


def packed(matrix: Floats, intercept: Floats) -> Floats:
    """A matrix (…, K) whose rows all add up to one number, without that, and offsets in its place."""
    coef = _reflected(matrix)
    coef[:, -1] = intercept
    return coef


def unpacked(coef: Floats) -> tuple[Floats, Floats]:
    """The matrix, its rows adding up to 0, and the offsets."""
    intercept, matrix = coef[:, -1].copy(), coef.copy()
    matrix[:, -1] = 0.0
    return _reflected(matrix), intercept


def _features(block: Block) -> Floats:
    return packed(block.centred.logits, np.ones(len(block.weight)))


def _reflected(values: Floats) -> Floats:
    """Values (…, K) reflected so that (1, …, 1) comes to lie on the last axis, and back."""
    classes = values.shape[1]
    normal = np.full(classes, classes**-0.5)
    normal[-1] -= 1.0
    normal /= np.linalg.norm(normal)
    return values - 2.0 * np.outer(values @ normal, normal)
