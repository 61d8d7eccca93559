"""A linear layer under softmax cross-entropy, unfused: logits = X Wᵀ + b, the loss of them, the chain rule back.

Features X (..., D), weight W (K, D), bias b (K,) or None, targets t (..., K). Row losses are weighted by s (...): the
functions below are the value Σ s · loss and its derivatives, in float64. The public head is held against these.

>>> X, W, t = [[1.0, 2.0]], [[0.5, 0.0], [-1.0, 1.0]], [[1.0, 0.0]]
>>> print(float(linear_softmax_cross_entropy(X, W, t).round(6)))
0.974077
>>> for part in linear_softmax_cross_entropy_gradient(X, W, t):
...     print(part.round(4).tolist())
[[-0.9337, 0.6225]]
[[-0.6225, -1.2449], [0.6225, 1.2449]]
[-0.6225, 0.6225]
"""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from crossentropy.reference._floating import Array, as_float64
from crossentropy.reference._losses_softmax import (
    SoftmaxOptions,
    softmax_cross_entropy,
    softmax_cross_entropy_gradient,
    softmax_cross_entropy_hvp,
)
from crossentropy.reference._softmax_statistics import (
    softmax_statistics,
    softmax_statistics_gradient,
    softmax_statistics_hvp,
)

__all__ = [
    "linear_logits",
    "linear_softmax_cross_entropy",
    "linear_softmax_cross_entropy_gradient",
    "linear_softmax_cross_entropy_hvp",
    "softmax_statistics",
    "softmax_statistics_gradient",
    "softmax_statistics_hvp",
]

Triple = tuple[Array, Array, Array]


def linear_logits(features: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None) -> Array:
    """X Wᵀ + b (..., K)."""
    logits = as_float64(features) @ as_float64(weight).T
    return logits if bias is None else logits + as_float64(bias)


def linear_softmax_cross_entropy(
    features: ArrayLike,
    weight: ArrayLike,
    t: ArrayLike,
    bias: ArrayLike | None = None,
    s: ArrayLike = 1.0,
    **options: Unpack[SoftmaxOptions],
) -> Array:
    """Σ s · softmax_cross_entropy(X Wᵀ + b, t)."""
    losses = softmax_cross_entropy(linear_logits(features, weight, bias), t, **options)
    return as_float64(np.sum(as_float64(s) * losses))


def linear_softmax_cross_entropy_gradient(
    features: ArrayLike,
    weight: ArrayLike,
    t: ArrayLike,
    bias: ArrayLike | None = None,
    s: ArrayLike = 1.0,
    **options: Unpack[SoftmaxOptions],
) -> Triple:
    """With G the gradient of the rows' losses with respect to logits: G W, Gᵀ X, Σ G."""
    slopes = softmax_cross_entropy_gradient(linear_logits(features, weight, bias), t, **options)
    return _back(as_float64(s)[..., np.newaxis] * slopes, features, weight)


def linear_softmax_cross_entropy_hvp(
    features: ArrayLike,
    weight: ArrayLike,
    t: ArrayLike,
    v: tuple[ArrayLike, ArrayLike, ArrayLike | None],
    bias: ArrayLike | None = None,
    s: ArrayLike = 1.0,
    **options: Unpack[SoftmaxOptions],
) -> Triple:
    """Its Hessian times v = (v_X, v_W, v_b), V = v_X Wᵀ + X v_Wᵀ + v_b: H V W + G v_W, (H V)ᵀ X + Gᵀ v_X, Σ H V."""
    z, scale = linear_logits(features, weight, bias), as_float64(s)[..., np.newaxis]
    slopes = scale * softmax_cross_entropy_gradient(z, t, **options)
    along = linear_logits(v[0], weight, v[2]) + linear_logits(features, v[1])
    bent = scale * softmax_cross_entropy_hvp(z, t, along, **options)
    of_features, of_weight, of_bias = _back(bent, features, weight)
    more_features, more_weight, _ = _back(slopes, v[0], v[1])
    return of_features + more_features, of_weight + more_weight, of_bias


def _back(slopes: Array, features: ArrayLike, weight: ArrayLike) -> Triple:
    x = as_float64(features)
    flat = slopes.reshape(-1, slopes.shape[-1])
    return slopes @ as_float64(weight), flat.T @ x.reshape(-1, x.shape[-1]), flat.sum(axis=0)
