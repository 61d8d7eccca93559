"""The focal factor (1 - p)^γ of Lin et al. (2017) and what it does to derivatives, for both families."""

from __future__ import annotations

import numpy as np

from crossentropy.reference._floating import Array, quiet


@quiet
def focal_derivatives(p: Array, q: Array, surprisal: Array, gamma: float) -> tuple[Array, Array]:
    """The derivatives of a class's cost f = q^γ (-log p), q = 1 - p: h = -∂f/∂log p, and q ∂h/∂log p.

    h = q^γ (1 + γ r) and q ∂h/∂log p = -γ q^γ (2p - r (1 - γp)), with r = p (-log p) / q.
    The ratio r tends to 0 as p → 0 and to 1 as p → 1, so that both stay finite for every γ; γ = 0 gives 1 and 0.
    """
    ratio = np.where(p == 0.0, 0.0, np.where(q == 0.0, 1.0, p * surprisal / q))
    power = q**gamma
    return power * (1.0 + gamma * ratio), -gamma * power * (2.0 * p - ratio * (1.0 - gamma * p))
