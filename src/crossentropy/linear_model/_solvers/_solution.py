"""What every solver returns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossentropy.linear_model._history import Iteration


@dataclass(frozen=True)
class Solution:
    """The coefficients (K, D) and intercepts (K,) where a solver stopped, and how it came there.

    ``converged`` says whether the gradient's norm reached the tolerance; if not, ``exhausted`` says whether the
    iterations ran out (or else the objective no longer decreased in float64).
    """

    coef: NDArray[np.float64]
    intercept: NDArray[np.float64]
    history: tuple[Iteration, ...]
    converged: bool
    exhausted: bool
