"""Where a search for the best scaling ends."""

from __future__ import annotations

from typing import NamedTuple

from crossentropy.calibration._rows import Floats


class Solution(NamedTuple):
    """What was found, the objective there, what the minimum lies below it at most, and after how many steps."""

    coef: Floats
    intercept: Floats
    objective: float
    gap: float
    steps: int
