"""A quadratic model of the objective's smooth part: blocks of the Hessian, and what steps have said of it since."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._solvers._blocks import Blocks, FreeBlocks

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: Pairs of steps and changes of the gradient.
_MEMORY = 10


class QuadraticModel:
    """Blocks, corrected by pairs of a step and its change of the gradient, so that it maps these to those (BFGS)."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        #: Steps, the blocks' products with them, and changes of the gradient.
        self._pairs: deque[tuple[Floats, Floats, Floats]] = deque(maxlen=_MEMORY)
        self._sides, self._middle = np.zeros((0, blocks.diagonal.size)), np.zeros((0, 0))

    def __len__(self) -> int:
        return len(self._pairs)

    def renewed(self, blocks: Blocks) -> QuadraticModel:
        """The same pairs with other blocks."""
        model = QuadraticModel(blocks)
        for step, _, change in self._pairs:
            model.add(step.reshape(blocks.diagonal.shape), change.reshape(blocks.diagonal.shape))
        return model

    def add(self, step: Floats, change: Floats) -> None:
        """One more pair, unless the gradient did not grow along the step."""
        if not float(np.vdot(step, change)) > 1e-14 * float(np.linalg.norm(step) * np.linalg.norm(change)):
            return
        self._pairs.append((step.ravel(), self.blocks.times(step).ravel(), change.ravel()))
        steps, images, changes = (np.array(part) for part in zip(*self._pairs, strict=True))
        crossed = steps @ changes.T
        lower = np.tril(crossed, -1)
        self._sides = np.concatenate([images, changes])
        middle = np.block([[steps @ images.T, lower], [lower.T, -np.diag(np.diag(crossed))]])
        size = 1.0 / np.sqrt(np.abs(np.diag(middle)))
        scaled = np.linalg.pinv(middle * np.outer(size, size), rcond=1e-13, hermitian=True)
        self._middle = scaled * np.outer(size, size)

    def times(self, values: Floats) -> Floats:
        """The model's second derivatives times (K, D + 1)."""
        found = self.blocks.times(values)
        if len(self._sides):
            found -= ((self._middle @ (self._sides @ values.ravel())) @ self._sides).reshape(values.shape)
        return found

    def of(self, free: Mask) -> FreeModel:
        """The model where only some coefficients (K, D + 1) are free."""
        return FreeModel(self.blocks.of(free), self._sides[:, free.ravel()], self._middle)


class FreeModel:
    """The model in vectors of the free coefficients alone."""

    def __init__(self, blocks: FreeBlocks, sides: Floats, middle: Floats) -> None:
        self._blocks, self._sides, self._middle = blocks, sides, middle

    def solve(self, right: Floats, accuracy: float, most: int) -> Floats:
        """Where the model's gradient is ``right``: by conjugate gradients in the metric of the blocks.

        They end when what is left has come down to ``accuracy``, or after so many products.
        """
        solved = self._blocks.solve(right)
        if not len(self._sides):
            return solved
        found, rest, along = np.zeros_like(right), right.copy(), solved
        product = float(rest @ solved)
        enough = accuracy**2 * product
        for _ in range(most):
            image = self._blocks.times(along) - (self._middle @ (self._sides @ along)) @ self._sides
            curvature = float(along @ image)
            if not curvature > 0.0:
                break
            length = product / curvature
            found += length * along
            rest -= length * image
            solved = self._blocks.solve(rest)
            before, product = product, float(rest @ solved)
            if product <= enough:
                break
            along = solved + (product / before) * along
        return found
