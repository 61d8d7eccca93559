"""Cross-entropy and KL divergence of softmax(logits) against a target distribution, with every derivative."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from crossentropy.reference._floating import Array, as_float64, quiet, times, total
from crossentropy.reference._focal import focal_derivatives
from crossentropy.reference._softmax_rows import SoftmaxRows, softmax_rows


class SoftmaxKLOptions(TypedDict, total=False):
    """The options of ``softmax_kl_divergence``; every one defaults to doing nothing."""

    class_weight: ArrayLike | None  # w (K,)
    label_smoothing: float  # t ← (1 - ε) t + ε u, with u uniform over the classes that are not dropped
    class_mask: ArrayLike | None  # (K,) or (..., K): True for the classes to keep
    temperature: float  # x ← x / T
    softcap: float | None  # z ← c tanh(z / c), before the temperature
    z_loss: float  # λ: adds λ lse² per unit of weight


class SoftmaxOptions(SoftmaxKLOptions, total=False):
    """The options of ``softmax_cross_entropy``."""

    focal_gamma: float  # γ: each class's cost is multiplied by (1 - p)^γ


@quiet
def softmax_cross_entropy(z: ArrayLike, t: ArrayLike, **options: Unpack[SoftmaxOptions]) -> Array:
    """Σ_c w_c t_c [(1 - p_c)^γ (-log p_c) + λ lse²] of each row (...), with p = softmax of the transformed logits."""
    row = prepare(z, t, **options)
    cost = row.softmax.complement**row.focal_gamma * row.softmax.surprisal
    return row.value(total(times(row.mass, cost)))


@quiet
def softmax_kl_divergence(z: ArrayLike, t: ArrayLike, **options: Unpack[SoftmaxKLOptions]) -> Array:
    """Σ_c w_c t_c [log t_c - log p_c + λ lse²] of each row (...): cross-entropy less the targets' own entropy."""
    row = prepare(z, t, **options)
    return row.value(total(times(row.mass, np.log(row.targets) + row.softmax.surprisal)))


def softmax_cross_entropy_weight(z: ArrayLike, t: ArrayLike, **options: Unpack[SoftmaxOptions]) -> Array:
    """Σ_c w_c t_c of each row (...), t after smoothing: what a row counts in a mean."""
    return prepare(z, t, **options).weight[..., 0]


@quiet
def softmax_cross_entropy_gradient(z: ArrayLike, t: ArrayLike, **options: Unpack[SoftmaxOptions]) -> Array:
    """p_j Σ_c b_c - b_j (..., K), with b_c = w_c t_c h_c and h the focal factor (1 without it); plus 2λ W lse p_j."""
    row = prepare(z, t, **options)
    return row.slope * row.gradient() / row.temperature


@quiet
def softmax_cross_entropy_hvp(z: ArrayLike, t: ArrayLike, v: ArrayLike, **options: Unpack[SoftmaxOptions]) -> Array:
    """The Hessian times v (..., K): p_j u_j Σ_c b_c + p_j Σ_c db_c - db_j; u = v - p·v, db_c = u_c ∂b_c/∂log p_c."""
    row = prepare(z, t, **options)
    v = as_float64(v)
    product = row.slope * row.hessian_times(row.slope * v / row.temperature) / row.temperature
    if row.curvature is None:
        return product
    return product + row.curvature * row.gradient() * v


@quiet
def softmax_cross_entropy_hessian_diagonal(z: ArrayLike, t: ArrayLike, **options: Unpack[SoftmaxOptions]) -> Array:
    """The Hessian's diagonal (..., K): p_j (1 - p_j) Σ_c t_c w_c without further options."""
    row = prepare(z, t, **options)
    diagonal = row.slope * (row.slope * row.hessian_diagonal() / row.temperature) / row.temperature
    if row.curvature is None:
        return diagonal
    return diagonal + row.curvature * row.gradient()


def softmax_kl_divergence_weight(z: ArrayLike, t: ArrayLike, **options: Unpack[SoftmaxKLOptions]) -> Array:
    """The weight of ``softmax_cross_entropy``."""
    return softmax_cross_entropy_weight(z, t, **options)


def softmax_kl_divergence_gradient(z: ArrayLike, t: ArrayLike, **options: Unpack[SoftmaxKLOptions]) -> Array:
    """The gradient of ``softmax_cross_entropy``: the targets' own entropy does not depend on the logits."""
    return softmax_cross_entropy_gradient(z, t, **options)


def softmax_kl_divergence_hvp(z: ArrayLike, t: ArrayLike, v: ArrayLike, **options: Unpack[SoftmaxKLOptions]) -> Array:
    """The Hessian-vector product of ``softmax_cross_entropy``."""
    return softmax_cross_entropy_hvp(z, t, v, **options)


def softmax_kl_divergence_hessian_diagonal(z: ArrayLike, t: ArrayLike, **options: Unpack[SoftmaxKLOptions]) -> Array:
    """The Hessian's diagonal of ``softmax_cross_entropy``."""
    return softmax_cross_entropy_hessian_diagonal(z, t, **options)


@dataclass(frozen=True, eq=False)
class _Rows:
    """Rows with their options applied; derivatives in here are with respect to the transformed logits x = x(z)."""

    softmax: SoftmaxRows
    targets: Array  # t after smoothing
    mass: Array  # a_c = w_c t_c
    focal_gamma: float
    z_loss: float
    temperature: float
    slope: Array  # T ∂x/∂z
    curvature: Array | None  # ∂²x/∂z²; None without softcap

    @property
    def weight(self) -> Array:
        return total(self.mass)

    def value(self, cost: Array) -> Array:
        """The rows' cost with z_loss added, NaN where there is no distribution (whatever the targets' weights)."""
        if self.z_loss:
            cost = cost + times(self.z_loss * self.weight, self.softmax.logsumexp**2)
        return np.where(self.softmax.undefined, np.nan, cost)[..., 0]

    def gradient(self) -> Array:
        factor, _ = self._focal()
        gradient = self.softmax.centred(self.mass * factor)
        if self.z_loss:
            lse = self.softmax.logsumexp
            gradient = gradient + times(2.0 * self.z_loss * self.weight, times(self.softmax.probability, lse))
        return gradient

    def hessian_times(self, v: Array) -> Array:
        softmax, p = self.softmax, self.softmax.probability
        factor, change = self._focal()
        u = softmax.deviation(v)
        # u is of the size of 1 - p as p → 1, so their ratio stays finite where the change per unit does not.
        db = self.mass * change * np.where(softmax.complement == 0.0, 0.0, u / softmax.complement)
        product = p * u * total(self.mass * factor) + softmax.centred(db)
        if self.z_loss:
            along = total(p * v)
            spread = p * along + times(p * u, softmax.logsumexp)
            product = product + times(2.0 * self.z_loss * self.weight, spread)
        return product

    def hessian_diagonal(self) -> Array:
        softmax, p, q = self.softmax, self.softmax.probability, self.softmax.complement
        factor, change = self._focal()
        change = self.mass * change
        # p_j² Σ_{c≠j} (change_c / q_c) with the largest class k apart: q_k may vanish, but p_j / q_k stays bounded.
        others = np.where(softmax.largest, 0.0, change / q)
        pull_of_others = p * (total(others) - others)
        at_largest = total(np.where(softmax.largest, change, 0.0))
        rest = total(np.where(softmax.largest, q, 0.0))
        pull_of_largest = np.where(softmax.largest | (rest == 0.0), 0.0, p / rest * at_largest)
        diagonal = p * q * total(self.mass * factor)
        diagonal = diagonal - change * q - p * (pull_of_others + pull_of_largest)
        if self.z_loss:
            spread = p * p + times(p * q, softmax.logsumexp)
            diagonal = diagonal + times(2.0 * self.z_loss * self.weight, spread)
        return diagonal

    def _focal(self) -> tuple[Array, Array]:
        return focal_derivatives(
            self.softmax.probability, self.softmax.complement, self.softmax.surprisal, self.focal_gamma
        )


@quiet
def prepare(
    z: ArrayLike,
    t: ArrayLike,
    *,
    class_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    class_mask: ArrayLike | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
) -> _Rows:
    z, targets = as_float64(z), as_float64(t)
    # A logit of -inf means a dropped class, just like the mask: neither passes through the softcap.
    dropped = z == -np.inf
    if class_mask is not None:
        dropped = dropped | ~np.asarray(class_mask, dtype=np.bool_)
    x, slope, curvature = z, np.ones_like(z), None
    if softcap is not None:
        x = softcap * np.tanh(z / softcap)
        e = np.exp(-2.0 * np.abs(z / softcap))
        slope = np.where(dropped, 1.0, 4.0 * e / (1.0 + e) ** 2)  # 1 - tanh², without its cancellation
        curvature = np.where(dropped, 0.0, -2.0 / softcap * np.tanh(z / softcap) * slope / temperature)
    if label_smoothing:
        kept = ~dropped
        count = kept.sum(axis=-1, keepdims=True)
        smooth = (1.0 - label_smoothing) * targets + label_smoothing * kept / np.maximum(count, 1)
        targets = np.where(count > 0, smooth, targets)  # a row without classes is NaN, but its weight is not
    return _Rows(
        softmax=softmax_rows(np.where(dropped, -np.inf, x), temperature),
        targets=targets,
        mass=targets if class_weight is None else as_float64(class_weight) * targets,
        focal_gamma=focal_gamma,
        z_loss=z_loss,
        temperature=temperature,
        slope=slope,
        curvature=curvature,
    )
