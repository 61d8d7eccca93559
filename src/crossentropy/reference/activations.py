"""The activations between scores and probabilities, and their derivatives, as float64 formulas.

Everything that works on classes has them on the last axis. ``*_vjp(z, cotangent)`` is the cotangent times the Jacobian:
the gradient with respect to z of Σ cotangent · activation(z). The public functions ``crossentropy.sigmoid``,
``crossentropy.softmax``, … are held against these.

Limits are exact: a logit of -inf is a class of probability 0, one of +inf has probability 1. A row with NaN, two +inf
or nothing but -inf has no distribution and is NaN (its logsumexp is NaN, +inf and -inf).

>>> print(softmax([2.0, -1.0, 0.5]).round(6))
[0.785597 0.039113 0.17529 ]
>>> print(logsumexp([1000.0, 1000.0]).round(6))
1000.693147
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from crossentropy.reference._floating import Array, as_float64, quiet
from crossentropy.reference._softmax_rows import softmax_rows

#: The greatest error of any function here, in ULP of the result, or of the larger term where it is a difference of two
#: (docs/conventions.md, promise 20); against mpmath, on logits of every size, rows of up to 1000 classes.
ACTIVATION_ULP = 4


def sigmoid(z: ArrayLike) -> Array:
    """σ(z) = 1 / (1 + e^-z): the probability of class 1, elementwise."""
    z = as_float64(z)
    e = np.exp(-np.abs(z))  # never above 1, so nothing overflows
    return np.where(z >= 0.0, 1.0, e) / (1.0 + e)


def sigmoid_derivative(z: ArrayLike) -> Array:
    """σ'(z) = σ(z) σ(-z), elementwise."""
    return sigmoid(z) * sigmoid(-as_float64(z))


def sigmoid_vjp(z: ArrayLike, cotangent: ArrayLike) -> Array:
    """cotangent · σ'(z), elementwise."""
    return as_float64(cotangent) * sigmoid_derivative(z)


def softplus(z: ArrayLike) -> Array:
    """log(1 + e^z) = max(z, 0) + log1p(e^-|z|), elementwise."""
    z = as_float64(z)
    return np.maximum(z, 0.0) + np.log1p(np.exp(-np.abs(z)))


def softplus_vjp(z: ArrayLike, cotangent: ArrayLike) -> Array:
    """cotangent · σ(z), elementwise."""
    return as_float64(cotangent) * sigmoid(z)


def log_sigmoid(z: ArrayLike) -> Array:
    """log σ(z) = -softplus(-z), elementwise."""
    return 0.0 - softplus(-as_float64(z))


def log_sigmoid_vjp(z: ArrayLike, cotangent: ArrayLike) -> Array:
    """cotangent · σ(-z), elementwise."""
    return as_float64(cotangent) * sigmoid(-as_float64(z))


def logsumexp(z: ArrayLike) -> Array:
    """log Σ_j e^{z_j} (...): the smooth maximum of a row (..., K)."""
    return softmax_rows(as_float64(z)).logsumexp[..., 0]


def logsumexp_vjp(z: ArrayLike, cotangent: ArrayLike) -> Array:
    """cotangent (...) · softmax(z) (..., K)."""
    return as_float64(cotangent)[..., np.newaxis] * softmax(z)


def softmax(z: ArrayLike) -> Array:
    """p_j = e^{z_j} / Σ_i e^{z_i} (..., K): logits to probabilities."""
    return softmax_rows(as_float64(z)).probability


@quiet
def softmax_vjp(z: ArrayLike, cotangent: ArrayLike) -> Array:
    """p_j (g_j - Σ_i p_i g_i) for a cotangent g (..., K)."""
    rows = softmax_rows(as_float64(z))
    return rows.probability * rows.deviation(as_float64(cotangent))


def softmax_jacobian(z: ArrayLike) -> Array:
    """∂p_i/∂z_j = p_i (δ_ij - p_j) (..., K, K)."""
    rows = softmax_rows(as_float64(z))
    p = rows.probability
    same_class = np.eye(p.shape[-1], dtype=bool)
    diagonal = p * rows.complement
    return np.where(same_class, diagonal[..., np.newaxis], -p[..., :, np.newaxis] * p[..., np.newaxis, :])


def log_softmax(z: ArrayLike) -> Array:
    """log p_j = z_j - logsumexp(z) (..., K)."""
    return 0.0 - softmax_rows(as_float64(z)).surprisal


@quiet
def log_softmax_vjp(z: ArrayLike, cotangent: ArrayLike) -> Array:
    """g_j - p_j Σ_i g_i for a cotangent g (..., K)."""
    return -softmax_rows(as_float64(z)).centred(as_float64(cotangent))
