"""Cross-entropy of sigmoid(logits), binary and multi-label, and the losses of signs, with every derivative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from crossentropy.reference._floating import Array, as_float64, quiet, times
from crossentropy.reference._focal import focal_derivatives
from crossentropy.reference.activations import sigmoid, sigmoid_derivative, softplus


class BinaryOptions(TypedDict, total=False):
    """The options of every loss over the two classes 1 and 0; every one defaults to doing nothing."""

    pos_weight: ArrayLike | None  # weight of class 1 relative to class 0, broadcast along the last axis
    class_weight: ArrayLike | None  # weight of each column (of both its classes), broadcast along the last axis
    label_smoothing: float  # t ← (1 - ε) t + ε / 2


class SigmoidOptions(BinaryOptions, total=False):
    """The options of ``sigmoid_cross_entropy``."""

    focal_gamma: float  # γ: each class's cost is multiplied by (1 - its probability)^γ


def binary_mass(
    t: Array,
    pos_weight: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, Array]:
    """The weighted targets of classes 1 and 0: a₁ = w · pos_weight · t and a₀ = w (1 - t), t after smoothing."""
    column = 1.0 if class_weight is None else as_float64(class_weight)
    positive = column if pos_weight is None else column * as_float64(pos_weight)
    half = label_smoothing / 2.0
    one = positive * ((1.0 - label_smoothing) * t + half)
    zero = column * ((1.0 - label_smoothing) * (1.0 - t) + half)
    return one, zero


@quiet
def sigmoid_cross_entropy(z: ArrayLike, t: ArrayLike, **options: Unpack[SigmoidOptions]) -> Array:
    """a₁ (1 - σ)^γ softplus(-z) + a₀ σ^γ softplus(z), elementwise, with σ = sigmoid(z)."""
    element = _prepare(z, t, **options)
    gamma = element.focal_gamma
    one = times(element.one, element.q**gamma * element.surprisal_of_one)
    zero = times(element.zero, element.p**gamma * element.surprisal_of_zero)
    return np.where(np.isnan(element.p), np.nan, one + zero)


def sigmoid_cross_entropy_weight(z: ArrayLike, t: ArrayLike, **options: Unpack[SigmoidOptions]) -> Array:
    """a₁ + a₀, elementwise: what an element counts in a mean."""
    element = _prepare(z, t, **options)
    return element.one + element.zero


@quiet
def sigmoid_cross_entropy_gradient(z: ArrayLike, t: ArrayLike, **options: Unpack[SigmoidOptions]) -> Array:
    """a₀ h₀ σ - a₁ h₁ (1 - σ), elementwise, with h the focal factors (1 without them: σ - t)."""
    element = _prepare(z, t, **options)
    (h_one, _), (h_zero, _) = element.focal()
    return element.zero * h_zero * element.p - element.one * h_one * element.q


def sigmoid_cross_entropy_hvp(z: ArrayLike, t: ArrayLike, v: ArrayLike, **options: Unpack[SigmoidOptions]) -> Array:
    """The Hessian times v, elementwise: each element depends on its own logit only."""
    return sigmoid_cross_entropy_hessian_diagonal(z, t, **options) * as_float64(v)


@quiet
def sigmoid_cross_entropy_hessian_diagonal(z: ArrayLike, t: ArrayLike, **options: Unpack[SigmoidOptions]) -> Array:
    """The second derivative, elementwise: σ (1 - σ) (a₁ + a₀) without focal factors."""
    element = _prepare(z, t, **options)
    p, q = element.p, element.q
    (h_one, change_one), (h_zero, change_zero) = element.focal()
    return p * q * (element.one * h_one + element.zero * h_zero) - (
        element.one * change_one * q + element.zero * change_zero * p
    )


def multilabel_soft_margin(z: ArrayLike, t: ArrayLike, *, class_weight: ArrayLike | None = None) -> Array:
    """The mean over a row's labels (last axis) of their sigmoid cross-entropy (...)."""
    return as_float64(sigmoid_cross_entropy(z, t, class_weight=class_weight).mean(axis=-1))


def multilabel_soft_margin_weight(z: ArrayLike, t: ArrayLike, *, class_weight: ArrayLike | None = None) -> Array:
    """The mean over a row's labels of their weight (...)."""
    return as_float64(sigmoid_cross_entropy_weight(z, t, class_weight=class_weight).mean(axis=-1))


def multilabel_soft_margin_gradient(z: ArrayLike, t: ArrayLike, *, class_weight: ArrayLike | None = None) -> Array:
    """w (σ - t) / K (..., K)."""
    gradient = sigmoid_cross_entropy_gradient(z, t, class_weight=class_weight)
    return as_float64(gradient / gradient.shape[-1])


def multilabel_soft_margin_hvp(
    z: ArrayLike, t: ArrayLike, v: ArrayLike, *, class_weight: ArrayLike | None = None
) -> Array:
    """w σ (1 - σ) v / K (..., K)."""
    return multilabel_soft_margin_hessian_diagonal(z, t, class_weight=class_weight) * as_float64(v)


def multilabel_soft_margin_hessian_diagonal(
    z: ArrayLike, t: ArrayLike, *, class_weight: ArrayLike | None = None
) -> Array:
    """w σ (1 - σ) / K (..., K)."""
    diagonal = sigmoid_cross_entropy_hessian_diagonal(z, t, class_weight=class_weight)
    return as_float64(diagonal / diagonal.shape[-1])


def soft_margin(s: ArrayLike, y: ArrayLike) -> Array:
    """log(1 + e^(-y s)), elementwise, for signs y of -1 and +1."""
    return softplus(-as_float64(y) * as_float64(s))


def soft_margin_weight(s: ArrayLike, y: ArrayLike) -> Array:
    """1 for every element."""
    return np.ones(np.broadcast(as_float64(s), as_float64(y)).shape)


def soft_margin_gradient(s: ArrayLike, y: ArrayLike) -> Array:
    """-y σ(-y s), elementwise."""
    y = as_float64(y)
    return -y * sigmoid(-y * as_float64(s))


def soft_margin_hvp(s: ArrayLike, y: ArrayLike, v: ArrayLike) -> Array:
    """σ(s) σ(-s) v, elementwise."""
    return soft_margin_hessian_diagonal(s, y) * as_float64(v)


def soft_margin_hessian_diagonal(s: ArrayLike, y: ArrayLike) -> Array:
    """y² σ(s) σ(-s), elementwise."""
    return as_float64(y) ** 2 * sigmoid_derivative(s)


@dataclass(frozen=True, eq=False)
class _Elements:
    """Logits with their options applied."""

    p: Array  # σ(z)
    q: Array  # 1 - σ(z)
    surprisal_of_one: Array  # -log p
    surprisal_of_zero: Array  # -log q
    one: Array  # a₁
    zero: Array  # a₀
    focal_gamma: float

    def focal(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """(h, q ∂h/∂log p) of class 1 and of class 0."""
        return (
            focal_derivatives(self.p, self.q, self.surprisal_of_one, self.focal_gamma),
            focal_derivatives(self.q, self.p, self.surprisal_of_zero, self.focal_gamma),
        )


def _prepare(
    z: ArrayLike,
    t: ArrayLike,
    *,
    pos_weight: ArrayLike | None = None,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> _Elements:
    z = as_float64(z)
    one, zero = binary_mass(as_float64(t), pos_weight, class_weight, label_smoothing)
    return _Elements(
        p=sigmoid(z),
        q=sigmoid(-z),
        surprisal_of_one=softplus(-z),
        surprisal_of_zero=softplus(z),
        one=one,
        zero=zero,
        focal_gamma=focal_gamma,
    )
