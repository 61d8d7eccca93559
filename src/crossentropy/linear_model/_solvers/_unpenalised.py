"""Where there is no penalty: whether what a solver has come to is on its way to infinity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._separation import refusal, separates

Floats = NDArray[np.float64]

#: Numbers in the constraints of a linear program that takes no time to speak of.
_MOST_NUMBERS = 300_000

#: A row of this curvature, relative to its weight, is one whose label is all but certain.
_CERTAIN = 1e-3


def refuse_separated(objective: LinearObjective, point: Floats) -> None:
    """Raise ``ValueError`` where a linear function separates classes, if only up to ties, and a program can prove it.

    None is asked where every row is uncertain still, or where there are too many rows.
    """
    rows, size = objective.rows.shape[0], objective.width + 1
    if 2 * rows * objective.classes * size > _MOST_NUMBERS or not _has_certain_rows(objective, point):
        return
    for block in objective.rows:
        features = np.column_stack([block.features.standardised(), np.full(rows, float(objective.fit_intercept))])
        for classes, margins in objective.margins(block):
            if separates(features, margins, classes):
                raise refusal()


def _has_certain_rows(objective: LinearObjective, point: Floats) -> bool:
    return any(
        bool((curvature.min(axis=1) <= _CERTAIN * block.targets.row_weight[rows]).any())
        for block, rows, curvature in objective.curvatures(point)
    )
