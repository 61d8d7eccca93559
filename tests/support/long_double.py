"""Softmax cross-entropy of index targets in the C library's long double."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Long = NDArray[np.longdouble]


def exact(z: NDArray[np.floating], labels: NDArray[np.int64]) -> tuple[Long, Long]:
    """Losses and the sum's gradient in the C library's long double; the likeliest class apart."""
    here, wide = np.arange(len(z)), z.astype(np.longdouble)
    top = wide.argmax(axis=1)
    powers = np.exp(wide - wide[here, top][:, None])
    others = powers.copy()
    others[here, top] = 0
    rest = others.sum(axis=1)
    losses = np.log1p(rest) + (wide[here, top] - wide[here, labels])
    gradient = powers / (1 + rest)[:, None]
    gradient[here, labels] -= 1
    hit = labels == top
    gradient[here[hit], labels[hit]] = -(rest / (1 + rest))[hit]
    return losses, gradient


def pair(x: Long) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    high = x.astype(np.float64)
    return high, (x - high).astype(np.float64)
