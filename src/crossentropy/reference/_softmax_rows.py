"""The numbers behind every softmax: differences to the largest logit, so that no offset and no size loses a digit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crossentropy.reference._floating import Array, difference, quiet, quotient, total


@dataclass(frozen=True, eq=False)
class SoftmaxRows:
    """The softmax of rows of logits, each number in the form that keeps its digits.

    With k the first class of the largest logit m, d_j = x_j - m, E_j = exp(d_j), rest = Σ_{j≠k} E_j and S = 1 + rest:
    p_j = E_j / S; 1 - p_k = rest / S and 1 - p_j = (S - E_j) / S otherwise; -log p_j = log1p(rest) - d_j.
    """

    largest: NDArray[np.bool_]  # (..., K): True at k
    probability: Array  # (..., K): p
    complement: Array  # (..., K): 1 - p
    surprisal: Array  # (..., K): -log p
    logsumexp: Array  # (..., 1)
    undefined: NDArray[np.bool_]  # (..., 1): rows without a distribution (NaN, only -inf, two +inf)

    def centred(self, b: Array) -> Array:
        """p_j Σb - b_j: the gradient of Σ_c b_c (-log p_c) with constant b.

        Where class k holds most of b, both terms are nearly equal there, and Σ_{c≠k} b_c - (1 - p_k) Σb is the same
        number without the cancellation: a small loss has a gradient that is right to the last digits.
        """
        everything = total(b)
        others = total(np.where(self.largest, 0.0, b))
        plain = self.probability * everything - b
        mostly_here = self.largest & (np.abs(b) > np.abs(others))
        return np.where(mostly_here, others - self.complement * everything, plain)

    def deviation(self, v: Array) -> Array:
        """v_j - Σ_i p_i v_i = Σ_i p_i (v_j - v_i), free of what all v have in common."""
        p = self.probability
        rough = v - total(p * v)
        return rough - total(p * rough)  # takes out the rounding error of the first mean


@quiet
def softmax_rows(x: Array, temperature: float = 1.0) -> SoftmaxRows:
    """The softmax of x / temperature along the last axis; a class of logit -inf has probability exactly 0."""
    if x.shape[-1] == 0:
        nothing = np.full((*x.shape[:-1], 1), -np.inf)
        return SoftmaxRows(x == x, x, x, x, nothing, np.ones(nothing.shape, dtype=np.bool_))
    k = np.argmax(x, axis=-1, keepdims=True)
    largest = np.arange(x.shape[-1]) == k
    m = np.take_along_axis(x, k, axis=-1)
    # The difference comes before the division, and both keep their rounding error, since exp magnifies it by |d|.
    d, error = quotient(*difference(x, m), temperature)
    d = np.where(largest, np.where(np.isnan(m) | (m == -np.inf), np.nan, 0.0), d)
    e = np.exp(d) * (1.0 + error)
    rest = total(np.where(largest, d, e))  # d_k is 0, or NaN where there is no distribution
    s = 1.0 + rest
    return SoftmaxRows(
        largest=largest,
        probability=e / s,
        complement=np.where(largest, rest, s - e) / s,
        surprisal=(np.log1p(rest) - error) - d,
        logsumexp=np.where(np.isinf(m), m, m / temperature + np.log1p(rest)),
        undefined=np.isnan(rest),
    )
