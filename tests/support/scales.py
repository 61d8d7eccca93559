"""The sizes of the terms that results are differences of (docs/conventions.md, 20), in float64, by family.

A sum of terms of one sign has no scale but itself. Where two terms have a part in common, as p_j Σb - b_j has p_j b_j,
what is left of them counts: p_j Σ_{c≠j} b_c and (1 - p_j) b_j. Second derivatives count in units of the row's largest
term.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy.reference import _losses_sigmoid, _losses_softmax
from crossentropy.reference._floating import times, total

Doubles = NDArray[np.float64]
#: Of value, gradient, hvp and hessian_diagonal of one row or element, without its sample weight; 0: its own size.
Scales = dict[str, Any]


def scales(family: str, x: Doubles, t: Doubles, v: Doubles, options: dict[str, Any]) -> Scales:
    """The scales of a loss of the reference at predictions x, dense targets t and direction v."""
    with np.errstate(all="ignore"):
        return _FAMILIES.get(family, _own_sizes)(x, t, v, options)


def _own_sizes(x: Doubles, t: Doubles, v: Doubles, options: dict[str, Any]) -> Scales:
    return {"value": 0.0, "gradient": 0.0, "hvp": 0.0, "hessian_diagonal": 0.0}


def _softmax(x: Doubles, t: Doubles, v: Doubles, options: dict[str, Any]) -> Scales:
    row = _losses_softmax.prepare(x, t, **options)
    p, q = row.softmax.probability, row.softmax.complement
    factor, change = row._focal()
    b, c = row.mass * factor, np.abs(row.mass * change)
    slope, everything = row.slope / row.temperature, total(b)
    log_sum = total(np.where(row.softmax.largest, row.softmax.surprisal, 0.0))
    lse = np.maximum(np.abs(row.softmax.logsumexp - log_sum), log_sum)
    push = 2.0 * row.z_loss * row.weight

    gradient = slope * (p * (everything - b) + q * b + times(push, p * lse))
    w = slope * v
    u = total(p[..., np.newaxis, :] * np.abs(w[..., :, np.newaxis] - w[..., np.newaxis, :]))[..., 0]
    u = u + np.where(slope == 1.0, 0.0, np.abs(w))  # options that scale the direction round it first
    bend = np.where(c == 0.0, 0.0, np.where(q == 0.0, 0.0, c * u / q))
    hvp = p * u * everything + p * total(bend) + bend + times(push, p * (total(p * np.abs(w)) + lse * u))
    pull = np.where((c == 0.0) | (q == 0.0), 0.0, c / q)
    diagonal = p * q * everything + c * q + p * p * total(pull) + times(push, p * (p + lse * q))
    curvature = 0.0 if row.curvature is None else np.abs(row.curvature) * (gradient / slope)
    return {
        "value": times(row.z_loss * row.weight, lse**2)[..., 0],
        "gradient": gradient,
        "hvp": _largest_of_row(slope * hvp + curvature * np.abs(v)),
        "hessian_diagonal": _largest_of_row(slope**2 * diagonal + curvature),
    }


def _softmax_kl(x: Doubles, t: Doubles, v: Doubles, options: dict[str, Any]) -> Scales:
    row = _losses_softmax.prepare(x, t, **options)
    value = total(times(row.mass, np.abs(np.log(row.targets)) + row.softmax.surprisal))[..., 0]
    found = _softmax(x, t, v, options)
    return found | {"value": value + found["value"]}


def _log_likelihood(x: Doubles, t: Doubles, v: Doubles, options: dict[str, Any]) -> Scales:
    # rounded log-probabilities may be a little above 0: terms of two signs
    return _own_sizes(x, t, v, options) | {"value": np.abs(x).max(axis=-1)}


def _sigmoid(z: Doubles, t: Doubles, v: Doubles, options: dict[str, Any]) -> Scales:
    element = _losses_sigmoid._prepare(z, t, **options)
    p, q, one, zero = element.p, element.q, element.one, element.zero
    (h_one, change_one), (h_zero, change_zero) = element.focal()
    second = p * q * (one * h_one + zero * h_zero) + one * np.abs(change_one) * q + zero * np.abs(change_zero) * p
    gradient = np.maximum(zero * h_zero * p, one * h_one * q)
    return {"value": 0.0, "gradient": gradient, "hvp": second * np.abs(v), "hessian_diagonal": second}


def _binary(p: Doubles, t: Doubles, v: Doubles, options: dict[str, Any]) -> Scales:
    one, zero = _losses_sigmoid.binary_mass(t, **options)
    terms = np.maximum(np.where(one == 0.0, 0.0, one / p), np.where(zero == 0.0, 0.0, zero / (1.0 - p)))
    return _own_sizes(p, t, v, options) | {"gradient": terms}


def _per_label(z: Doubles, t: Doubles, v: Doubles, options: dict[str, Any]) -> Scales:
    labels = max(z.shape[-1], 1)
    return {name: np.asarray(scale) / labels for name, scale in _sigmoid(z, t, v, options).items()}


def _largest_of_row(terms: Doubles) -> Doubles:
    return np.broadcast_to(np.nanmax(terms, axis=-1, keepdims=True, initial=0.0), terms.shape)


_FAMILIES: dict[str, Callable[..., Scales]] = {
    "softmax_cross_entropy": _softmax,
    "softmax_kl_divergence": _softmax_kl,
    "negative_log_likelihood": _log_likelihood,
    "categorical_cross_entropy": _log_likelihood,
    "sigmoid_cross_entropy": _sigmoid,
    "multilabel_soft_margin": _per_label,
    "binary_cross_entropy": _binary,
}
