"""Where there is no penalty: whether what a solver has come to is on its way to infinity."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._objective import LinearObjective
from crossentropy.linear_model._separation import Margins, refusal, separates

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
    features: list[Floats] = []
    of_model: dict[int, list[list[NDArray[Any]]]] = {}
    before = 0
    for block in objective.rows:
        part, weight = block.features.standardised(), block.targets.row_weight
        features.append(np.column_stack([part, np.full(len(part), float(objective.fit_intercept))]))
        for model, margins in enumerate(objective.margins(block)):
            counts = weight[margins.rows] > 0.0
            shifted = margins._replace(rows=margins.rows + before)
            of_model.setdefault(model, []).append([values[counts] for values in shifted])
        before += len(part)
    for parts in of_model.values():
        margins = Margins(*(np.concatenate(values) for values in zip(*parts, strict=True)))
        if separates(np.concatenate(features), margins, objective.logits_of_model):
            raise refusal()


def _has_certain_rows(objective: LinearObjective, point: Floats) -> bool:
    return any(
        bool((curvature.min(axis=1) <= _CERTAIN * block.targets.row_weight[rows]).any())
        for block, parts in objective.curvatures(point)
        for rows, curvature in parts
    )
