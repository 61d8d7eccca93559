"""The losses of probabilities, log-probabilities and plain numbers, with every derivative."""

from __future__ import annotations

from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from crossentropy.reference._floating import Array, as_float64, quiet, times, total
from crossentropy.reference._losses_sigmoid import BinaryOptions, binary_mass


class CategoricalOptions(TypedDict, total=False):
    """The options of the losses over K classes that start from (log-)probabilities; all default to doing nothing."""

    class_weight: ArrayLike | None  # w (K,)
    label_smoothing: float  # t ← (1 - ε) t + ε / K: here no class counts as dropped, not even at probability 0


@quiet
def categorical_cross_entropy(p: ArrayLike, t: ArrayLike, **options: Unpack[CategoricalOptions]) -> Array:
    """Σ_c w_c t_c (-log p_c) of each row (...)."""
    return total(times(_mass(t, **options), 0.0 - np.log(as_float64(p))))[..., 0]


def categorical_cross_entropy_weight(p: ArrayLike, t: ArrayLike, **options: Unpack[CategoricalOptions]) -> Array:
    """Σ_c w_c t_c of each row (...), t after smoothing."""
    return total(_mass(t, **options))[..., 0]


@quiet
def categorical_cross_entropy_gradient(p: ArrayLike, t: ArrayLike, **options: Unpack[CategoricalOptions]) -> Array:
    """-w_c t_c / p_c (..., K), with respect to p; 0 where the target has no mass, even at p = 0."""
    return 0.0 - _ratio(_mass(t, **options), as_float64(p))


@quiet
def categorical_cross_entropy_hvp(
    p: ArrayLike, t: ArrayLike, v: ArrayLike, **options: Unpack[CategoricalOptions]
) -> Array:
    """w_c t_c v_c / p_c² (..., K)."""
    return times(as_float64(v), categorical_cross_entropy_hessian_diagonal(p, t, **options))


@quiet
def categorical_cross_entropy_hessian_diagonal(
    p: ArrayLike, t: ArrayLike, **options: Unpack[CategoricalOptions]
) -> Array:
    """w_c t_c / p_c² (..., K)."""
    p = as_float64(p)
    return _ratio(_ratio(_mass(t, **options), p), p)


@quiet
def negative_log_likelihood(log_p: ArrayLike, t: ArrayLike, **options: Unpack[CategoricalOptions]) -> Array:
    """Σ_c w_c t_c (-log p_c) of each row (...), from log p."""
    return total(times(_mass(t, **options), 0.0 - as_float64(log_p)))[..., 0]


def negative_log_likelihood_weight(log_p: ArrayLike, t: ArrayLike, **options: Unpack[CategoricalOptions]) -> Array:
    """Σ_c w_c t_c of each row (...), t after smoothing."""
    return total(_mass(t, **options))[..., 0]


def negative_log_likelihood_gradient(log_p: ArrayLike, t: ArrayLike, **options: Unpack[CategoricalOptions]) -> Array:
    """-w_c t_c (..., K), with respect to log p."""
    return 0.0 - _mass(t, **options)


def negative_log_likelihood_hvp(
    log_p: ArrayLike, t: ArrayLike, v: ArrayLike, **options: Unpack[CategoricalOptions]
) -> Array:
    """0 (..., K): the loss is linear in log p."""
    return np.zeros_like(as_float64(v))


def negative_log_likelihood_hessian_diagonal(
    log_p: ArrayLike, t: ArrayLike, **options: Unpack[CategoricalOptions]
) -> Array:
    """0 (..., K)."""
    return np.zeros_like(as_float64(log_p))


@quiet
def binary_cross_entropy(p: ArrayLike, t: ArrayLike, **options: Unpack[BinaryOptions]) -> Array:
    """a₁ (-log p) + a₀ (-log(1 - p)), elementwise."""
    p = as_float64(p)
    one, zero = binary_mass(as_float64(t), **options)
    return times(one, 0.0 - np.log(p)) + times(zero, 0.0 - np.log1p(-p))


def binary_cross_entropy_weight(p: ArrayLike, t: ArrayLike, **options: Unpack[BinaryOptions]) -> Array:
    """a₁ + a₀, elementwise."""
    one, zero = binary_mass(as_float64(t), **options)
    return one + zero


@quiet
def binary_cross_entropy_gradient(p: ArrayLike, t: ArrayLike, **options: Unpack[BinaryOptions]) -> Array:
    """a₀ / (1 - p) - a₁ / p, elementwise, with respect to p."""
    p = as_float64(p)
    one, zero = binary_mass(as_float64(t), **options)
    return _ratio(zero, 1.0 - p) - _ratio(one, p)


@quiet
def binary_cross_entropy_hvp(p: ArrayLike, t: ArrayLike, v: ArrayLike, **options: Unpack[BinaryOptions]) -> Array:
    """The Hessian times v, elementwise."""
    return times(as_float64(v), binary_cross_entropy_hessian_diagonal(p, t, **options))


@quiet
def binary_cross_entropy_hessian_diagonal(p: ArrayLike, t: ArrayLike, **options: Unpack[BinaryOptions]) -> Array:
    """a₁ / p² + a₀ / (1 - p)², elementwise."""
    p = as_float64(p)
    one, zero = binary_mass(as_float64(t), **options)
    return _ratio(_ratio(one, p), p) + _ratio(_ratio(zero, 1.0 - p), 1.0 - p)


def mean_squared_error(x: ArrayLike, t: ArrayLike) -> Array:
    """(x - t)², elementwise."""
    return (as_float64(x) - as_float64(t)) ** 2


def mean_squared_error_weight(x: ArrayLike, t: ArrayLike) -> Array:
    """1 for every element."""
    return np.ones(np.broadcast(as_float64(x), as_float64(t)).shape)


def mean_squared_error_gradient(x: ArrayLike, t: ArrayLike) -> Array:
    """2 (x - t), elementwise."""
    return 2.0 * (as_float64(x) - as_float64(t))


def mean_squared_error_hvp(x: ArrayLike, t: ArrayLike, v: ArrayLike) -> Array:
    """2 v, elementwise."""
    return 2.0 * as_float64(v)


def mean_squared_error_hessian_diagonal(x: ArrayLike, t: ArrayLike) -> Array:
    """2 for every element."""
    return np.full(np.broadcast(as_float64(x), as_float64(t)).shape, 2.0)


def _mass(t: ArrayLike, class_weight: ArrayLike | None = None, label_smoothing: float = 0.0) -> Array:
    """w_c t_c (..., K), t after smoothing."""
    targets = as_float64(t)
    if label_smoothing:
        targets = (1.0 - label_smoothing) * targets + label_smoothing / targets.shape[-1]
    return targets if class_weight is None else as_float64(class_weight) * targets


def _ratio(mass: Array, p: Array) -> Array:
    """mass / p with 0 / 0 = 0."""
    return np.where(mass == 0.0, 0.0, mass / p)
