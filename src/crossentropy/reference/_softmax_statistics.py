"""Log-sum-exp and entropy of softmax(logits) beside the loss, and their derivatives."""

from __future__ import annotations

from typing import Unpack

import numpy as np
from numpy.typing import ArrayLike

from crossentropy.reference._floating import Array, as_float64, quiet, times, total
from crossentropy.reference._losses_softmax import SoftmaxOptions, prepare
from crossentropy.reference._softmax_rows import SoftmaxRows


@quiet
def softmax_statistics(z: ArrayLike, **options: Unpack[SoftmaxOptions]) -> tuple[Array, Array, Array]:
    """lse, entropy Σ_c p_c (-log p_c) and likeliest class of each row (...); -1 where there is no distribution."""
    rows = prepare(z, np.zeros_like(as_float64(z)), **options).softmax
    entropy = total(times(rows.probability, rows.surprisal))
    likeliest = np.where(rows.undefined[..., 0], -1, np.argmax(rows.largest, axis=-1))
    return rows.logsumexp[..., 0], np.where(rows.undefined, np.nan, entropy)[..., 0], likeliest


@quiet
def softmax_statistics_gradient(
    z: ArrayLike, of_lse: ArrayLike, of_entropy: ArrayLike, **options: Unpack[SoftmaxOptions]
) -> Array:
    """The gradient (..., K) of of_lse · lse + of_entropy · H, both (...): a p_j - b p_j (log p_j + H)."""
    row = prepare(z, np.zeros_like(as_float64(z)), **options)
    return row.slope * _gradient(row.softmax, _column(of_lse), _column(of_entropy)) / row.temperature


@quiet
def softmax_statistics_hvp(
    z: ArrayLike, of_lse: ArrayLike, of_entropy: ArrayLike, v: ArrayLike, **options: Unpack[SoftmaxOptions]
) -> Array:
    """The Hessian of the same times v (..., K)."""
    row = prepare(z, np.zeros_like(as_float64(z)), **options)
    a, b, v = _column(of_lse), _column(of_entropy), as_float64(v)
    rows = row.softmax
    u = rows.deviation(row.slope * v / row.temperature)
    entropy = total(times(rows.probability, rows.surprisal))
    along = total(times(rows.probability * u, rows.surprisal))
    product = times(rows.probability, a * u - b * (u * (entropy - rows.surprisal) + u + along))
    product = row.slope * product / row.temperature
    return product if row.curvature is None else product + row.curvature * _gradient(rows, a, b) * v


def _gradient(rows: SoftmaxRows, a: Array, b: Array) -> Array:
    entropy = total(times(rows.probability, rows.surprisal))
    return times(rows.probability, a - b * (entropy - rows.surprisal))


def _column(x: ArrayLike) -> Array:
    return as_float64(x)[..., np.newaxis]
