"""The losses as textbooks write them, for complex numbers: nothing arranged for floating point, nothing shared.

Each takes predictions x (..., K), dense targets t and options, and gives the losses of rows or elements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]


def _softmax_cross_entropy(
    x: Numbers,
    t: Numbers,
    *,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    class_mask: Any = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
) -> Numbers:
    keep = np.broadcast_to(True if class_mask is None else class_mask, x.shape)
    capped = x if softcap is None else softcap * np.tanh(x / softcap)
    x = np.where(keep, capped, x) / temperature
    exponentials = np.where(keep, np.exp(x), 0.0)
    partition = exponentials.sum(axis=-1, keepdims=True)
    lse = np.log(partition)
    t = _smoothed(t, label_smoothing, keep)
    a = t if class_weight is None else t * class_weight
    cost = (1.0 - exponentials / partition) ** focal_gamma * (lse - x) + z_loss * lse**2
    return np.where(keep.any(axis=-1), (a * cost).sum(axis=-1), complex(np.nan, np.nan))


def _smoothed(t: Numbers, smoothing: float, keep: Numbers) -> Numbers:
    return (1.0 - smoothing) * t + smoothing * keep / np.maximum(keep.sum(axis=-1, keepdims=True), 1)


def _negative_log_likelihood(
    x: Numbers, t: Numbers, *, class_weight: Any = None, label_smoothing: float = 0.0
) -> Numbers:
    a = _smoothed(t, label_smoothing, np.ones(x.shape)) * (1.0 if class_weight is None else class_weight)
    return -(a * x).sum(axis=-1)


def _binary_cross_entropy(
    p: Numbers, t: Numbers, *, pos_weight: Any = None, class_weight: Any = None, label_smoothing: float = 0.0
) -> Numbers:
    t = (1.0 - label_smoothing) * t + label_smoothing / 2.0
    positive, column = (1.0 if w is None else w for w in (pos_weight, class_weight))
    return -column * (positive * t * np.log(p) + (1.0 - t) * np.log(1.0 - p))


def _sigmoid_cross_entropy(
    z: Numbers,
    t: Numbers,
    *,
    pos_weight: Any = None,
    class_weight: Any = None,
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
) -> Numbers:
    t = (1.0 - label_smoothing) * t + label_smoothing / 2.0
    positive, column = (1.0 if w is None else w for w in (pos_weight, class_weight))
    p, q = 1.0 / (1.0 + np.exp(-z)), 1.0 / (1.0 + np.exp(z))
    return -column * (positive * t * q**focal_gamma * np.log(p) + (1.0 - t) * p**focal_gamma * np.log(q))


FORMULAS: dict[str, Callable[..., Numbers]] = {
    "softmax_cross_entropy": _softmax_cross_entropy,
    "softmax_kl_divergence": _softmax_cross_entropy,  # up to what does not depend on the logits
    "categorical_cross_entropy": lambda p, t, **options: _negative_log_likelihood(np.log(p), t, **options),
    "negative_log_likelihood": _negative_log_likelihood,
    "sigmoid_cross_entropy": _sigmoid_cross_entropy,
    "binary_cross_entropy": _binary_cross_entropy,
    "soft_margin": lambda s, y: np.log(1.0 + np.exp(-y * s)),
    "multilabel_soft_margin": lambda z, t, **options: _sigmoid_cross_entropy(z, t, **options).mean(axis=-1),
    "mean_squared_error": lambda x, t: (x - t) ** 2,
}
