"""The penalty of a linear model's coefficients, and what it says of the distance to the optimum."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class ElasticNet:
    """r(W) = (1 − ρ)/2 ‖W‖² + ρ ‖W‖₁ of coefficients W, whatever their shape; ρ is ``l1_ratio``."""

    def __init__(self, l1_ratio: float) -> None:
        self.l1_ratio = l1_ratio
        #: Of the smooth part.
        self.curvature = 1.0 - l1_ratio

    def value(self, coef: Floats) -> float:
        """r(W)."""
        smooth = 0.5 * self.curvature * float(np.vdot(coef, coef))
        return smooth + self.l1_ratio * float(np.abs(coef).sum()) if self.l1_ratio else smooth

    def gap(self, coef: Floats, slopes: Floats, loss: float) -> float:
        """What of a duality gap is the penalty's, for a loss whose dual point has the slopes U with respect to W.

        That is r(W) + r*(−U) + ⟨U, W⟩. With q the dual point and t the targets, t + s(q − t) is one as well, for each s
        in [0, 1]: its slopes are s·U, and since an entropy is concave and at least 0, the dual objective loses at most
        the share 1 − s of the loss. Where ρ = 1 the conjugate r* is finite only for slopes up to 1; where ρ < 1 the
        smaller of two bounds is taken.
        """
        bounds = [self._young(coef, slopes)] if self.curvature > 0.0 else []
        if self.l1_ratio:
            steepest = float(np.abs(slopes).max(initial=0.0))
            share = min(1.0, self.l1_ratio / steepest) if steepest > 0.0 else 1.0
            bounds.append(self._young(coef, share * slopes) + (1.0 - share) * loss)
        return min(bounds)

    def _young(self, coef: Floats, slopes: Floats) -> float:
        """r(W) + r*(−U) + ⟨U, W⟩ as a sum of terms of which none is negative."""
        if not self.l1_ratio:
            away = coef + slopes
            return 0.5 * float(np.vdot(away, away))
        within = np.clip(-slopes, -self.l1_ratio, self.l1_ratio)
        kinks = self.l1_ratio * float(np.abs(coef).sum()) - float(np.vdot(within, coef))
        if self.curvature == 0.0:
            return max(kinks, 0.0)
        away = coef + (slopes + within) / self.curvature
        return max(kinks, 0.0) + 0.5 * self.curvature * float(np.vdot(away, away))


def least_subgradient(values: Floats, gradient: Floats, threshold: Floats | float) -> Floats:
    """That of f + Σ threshold·|values| which is nearest to 0, for the gradient of a smooth f."""
    at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - threshold, 0.0)
    return np.where(values == 0.0, at_zero, gradient + threshold * np.sign(values))
