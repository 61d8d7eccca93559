"""The door: one row of predictions and its target in, the derivation of its loss out."""

from __future__ import annotations

from typing import Any

from crossentropy._validation import as_base, as_choice, sentence
from crossentropy.explanation import _sigmoid, _softmax
from crossentropy.explanation._derivation import Derivation, Kind

_FROM_LOGITS = {"softmax": _softmax.from_logits, "sigmoid": _sigmoid.from_logits}
_FROM_PROBABILITIES = {"softmax": _softmax.from_probabilities, "sigmoid": _sigmoid.from_probabilities}


def explain(
    *,
    logits: Any = None,
    probabilities: Any = None,
    target: Any,
    base: float | None = None,
    kind: Kind = "softmax",
) -> Derivation:
    """Every step from one row of predictions to its cross-entropy and gradient, beside the squared error.

    ``kind="softmax"``: one of K classes. ``ℓ = −Σ_c t_c log p_c`` with ``p = softmax(z)``, and ``∂ℓ/∂z = p − t``;
    the squared error is ``E = Σ_c (p_c − t_c)² / K``, and its gradient at the logits ``p·(g − Σ p·g)`` with
    ``g = 2(p − t)/K``.

    ``kind="sigmoid"``: yes or no for each of K labels (K = 1: binary). ``ℓ = Σ_k [t_k softplus(−z_k) +
    (1 − t_k) softplus(z_k)] / K``, and ``∂ℓ/∂z = (p − t)/K``; ``E = Σ_k (p_k − t_k)² / K``, and its gradient at the
    logits ``2(p − t)·p·(1 − p)/K``.

    Give one row, of shape (K,), as ``logits`` or as ``probabilities``: the chain then starts there, and they are used
    as they are. ``target`` is a class index or K probabilities that sum to 1 for softmax, one number from 0 to 1 per
    label for sigmoid; a binary row and its target may be plain numbers. The loss is in nats, or in the unit of ``base``
    (2 for bits), and the gradient in the same unit.

    A target with mass on a probability of 0 costs +inf: no epsilon is added. Loss and gradient are those of
    ``crossentropy.reference``.

    Raises ``ValueError``, ``TypeError`` or ``IndexError`` (a class index out of range) where the row, the target or the
    base is not as above.

    >>> derivation = explain(probabilities=[0.1, 0.5, 0.1, 0.1, 0.2], target=0)
    >>> print(f"{derivation.loss:.6f} {derivation.unit}")
    2.302585 nats
    >>> [step.name for step in derivation.sections[0].steps]
    ['target', 'probabilities', 'logarithm', 'pick', 'loss']

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs" (1990), for the softmax
    and its difference; Solla, Levin and Fleisher, "Accelerated learning in layered neural networks" (1988), for the
    comparison with the squared error.
    """
    as_choice("kind", kind, ("softmax", "sigmoid"))
    nats = as_base(base)
    if (logits is None) == (probabilities is None):
        raise ValueError(
            sentence(
                "logits, probabilities",
                expected="one of the two",
                received="neither" if logits is None else "both",
                remedy="pass the row that the model gave",
            )
        )
    build, row = (_FROM_PROBABILITIES[kind], probabilities) if logits is None else (_FROM_LOGITS[kind], logits)
    return build(row, target, None if base is None else float(base), nats)
