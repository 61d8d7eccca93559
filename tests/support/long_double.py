"""Softmax cross-entropy of index targets in the C library's long double."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import crossentropy as ce
from crossentropy.testing import ulp_distance

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


def check_stated_error(z: NDArray[np.floating], labels: NDArray[np.int64]) -> None:
    """Losses and gradient are as near as the contract says."""
    losses = ce.softmax_cross_entropy(z, labels, reduction="none")
    _, gradient = ce.softmax_cross_entropy.value_and_grad(z, labels, reduction="sum")
    contract = ce.softmax_cross_entropy.contract
    exact_losses, exact_gradient = exact(z, labels)
    assert ulp_distance(losses, pair(exact_losses)).max() <= contract.value_ulp
    assert ulp_distance(gradient, pair(exact_gradient)).max() <= contract.gradient_ulp
