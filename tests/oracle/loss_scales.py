"""The sizes of the terms that a derivative is a sum of: the error of a difference counts in units of its larger term.

Where a term can be written in two ways, as in p_j B - b_j = Σ_{c≠j} b_c - (1 - p_j) B, the smaller way counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mpmath import mp, mpf

from tests.oracle._exact import Results, Vector
from tests.oracle.loss_cases import LossCase


def own_scales(exact: Mapping[str, Any], scales: Mapping[str, Any] | None) -> Results:
    """Each result with the larger of itself and its terms."""
    return {name: (value, _larger(value, (scales or {}).get(name, 0))) for name, value in exact.items()}


def _larger(value: Any, scale: Any) -> Any:
    if isinstance(value, list):
        scales = scale if isinstance(scale, list) else [scale] * len(value)
        return [_larger(x, s) for x, s in zip(value, scales, strict=True)]
    return max(abs(value), abs(scale))


def softmax_scales(
    case: LossCase, *, z: Vector, x: Vector, dropped: list[bool], t: Vector, a: Vector
) -> Mapping[str, Any]:
    o = case.options
    gamma, z_loss = mpf(o.get("focal_gamma", 0.0)), mpf(o.get("z_loss", 0.0))
    temperature, cap = mpf(o.get("temperature", 1.0)), o.get("softcap")
    classes = range(len(z))
    kept = [c for c in classes if not dropped[c]]
    if not kept:
        return {}
    m = max(x[c] for c in kept)
    e = [mpf(0) if dropped[c] else mp.exp(x[c] - m) for c in classes]
    s = mp.fsum(e)
    p = [e_c / s for e_c in e]
    q = [mp.fsum(e[:c] + e[c + 1 :]) / s for c in classes]
    surprisal = [mp.log(s) - (x[c] - m) if e[c] else mpf(0) for c in classes]
    weight, lse = mp.fsum(a), m + mp.log(s)
    lse_terms = max(abs(m), mp.log(s))

    pairs = [_focal_terms(p[c], q[c], surprisal[c], gamma) for c in classes]
    b = [a[c] * pairs[c][0] for c in classes]
    change = [a[c] * pairs[c][1] for c in classes]  # a κ q, finite at q = 0
    slope = [(1 if cap is None or dropped[c] else mp.sech(z[c] / cap) ** 2) / temperature for c in classes]
    curvature = [
        0 if cap is None or dropped[c] else 2 / mpf(cap) * abs(mp.tanh(z[c] / cap)) * slope[c] for c in classes
    ]
    v = [mpf(case.v[c]) * slope[c] for c in classes]
    u = [deviation_scale(p, v, c) for c in classes]
    db = [change[c] * u[c] / q[c] if q[c] else mpf(0) for c in classes]
    along = mp.fsum(p[c] * abs(v[c]) for c in classes)
    everything = mp.fsum(b)
    pull = [change[c] / q[c] if q[c] else mpf(0) for c in classes]

    in_x = [max(centred_scale(p, q, b, j), 2 * z_loss * weight * p[j] * lse_terms) for j in classes]
    hvp = [
        max(
            p[j] * u[j] * everything,
            centred_scale(p, q, db, j),
            2 * z_loss * weight * p[j] * max(along, lse_terms * u[j]),
        )
        for j in classes
    ]
    diagonal = [
        max(
            p[j] * q[j] * everything,
            change[j] * q[j],
            p[j] ** 2 * (mp.fsum(pull) - pull[j]),
            2 * z_loss * weight * p[j] * max(p[j], lse_terms * q[j]),
        )
        for j in classes
    ]
    value = [z_loss * weight * abs(lse) * lse_terms]
    if case.loss == "softmax_kl_divergence":
        value += [
            mp.fsum(abs(a[c] * mp.log(t[c])) for c in classes if a[c]),
            mp.fsum(a[c] * surprisal[c] for c in classes),
        ]
    return {
        "value": max(value),
        "gradient": [slope[j] * in_x[j] for j in classes],
        "hvp": [max(slope[j] * hvp[j], curvature[j] * in_x[j] * abs(mpf(case.v[j]))) for j in classes],
        "hessian_diagonal": [max(slope[j] ** 2 * diagonal[j], curvature[j] * in_x[j]) for j in classes],
    }


def sigmoid_scales(z: Vector, v: list[float], one: Vector, zero: Vector, gamma: Any) -> Mapping[str, Any]:
    gradient, second = [], []
    for z_i, a_one, a_zero in zip(z, one, zero, strict=True):
        p, q = 1 / (1 + mp.exp(-z_i)), 1 / (1 + mp.exp(z_i))
        h_one, change_one = _focal_terms(p, q, -mp.log(p), gamma)
        h_zero, change_zero = _focal_terms(q, p, -mp.log(q), gamma)
        gradient.append(max(a_one * h_one * q, a_zero * h_zero * p))
        second.append(
            max(p * q * max(a_one * h_one, a_zero * h_zero), a_one * change_one * q, a_zero * change_zero * p)
        )
    return {
        "gradient": gradient,
        "hessian_diagonal": second,
        "hvp": [s * abs(v_i) for s, v_i in zip(second, v, strict=True)],
    }


def binary_scales(p: Vector, one: Vector, zero: Vector) -> Mapping[str, Any]:
    return {"gradient": [max(a / p_i, b / (1 - p_i)) for p_i, a, b in zip(p, one, zero, strict=True)]}


def deviation_scale(p: Vector, v: Any, j: int) -> Any:
    """The terms of v_j - Σ_i p_i v_i = Σ_i p_i (v_j - v_i)."""
    return mp.fsum(p_i * abs(v[j] - v_i) for p_i, v_i in zip(p, v, strict=True))


def _focal_terms(p: Any, q: Any, surprisal: Any, gamma: Any) -> tuple[Any, Any]:
    """h = q^γ + γ p q^(γ-1) (-log p), and the terms of q ∂h/∂log p."""
    if gamma == 0:
        return mpf(1), mpf(0)
    if q == 0:
        return mpf(0), mpf(0)
    h = q**gamma + gamma * p * q ** (gamma - 1) * surprisal
    return h, gamma * p * q ** (gamma - 1) * (2 * q + q * surprisal + abs(gamma - 1) * p * surprisal)


def centred_scale(p: Vector, q: Vector, b: Vector, j: int) -> Any:
    """The larger term of p_j Σb - b_j, written the better way."""
    everything = mp.fsum(b)
    others = mp.fsum(b[:j] + b[j + 1 :])
    return min(max(p[j] * everything, b[j]), max(others, q[j] * everything))
