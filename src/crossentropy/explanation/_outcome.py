"""Where a row of predictions ends: its loss, its squared error and the gradients of both at the logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crossentropy.explanation._inputs import Row
from crossentropy.reference import activations, losses


@dataclass(frozen=True)
class Outcome:
    """One row's numbers, the loss in units of the chosen base."""

    probabilities: Row
    difference: Row  # p − t
    loss: float
    gradient: Row
    squared_error: float
    squared_error_at_p: Row  # the squared error's gradient with respect to the probabilities
    squared_error_gradient: Row


def logarithms(p: Row) -> Row:
    """log p of each entry, of 0 too: -inf is its value."""
    with np.errstate(divide="ignore"):
        return np.log(p)


def softmax_of_logits(logits: Row, target: Row, nats: float) -> Outcome:
    """Softmax cross-entropy of one row of logits; ``nats`` per unit of the loss."""
    return _softmax(
        p=activations.softmax(logits),
        logits=logits,
        difference=losses.softmax_cross_entropy_gradient(logits, target),
        loss=losses.softmax_cross_entropy(logits, target),
        nats=nats,
    )


def softmax_of_probabilities(probabilities: Row, target: Row, nats: float) -> Outcome:
    """The same of one row of probabilities, each used as it is; their logits are their logarithms."""
    return _softmax(
        p=probabilities,
        logits=logarithms(probabilities),
        difference=probabilities - target,
        loss=losses.categorical_cross_entropy(probabilities, target),
        nats=nats,
    )


def _softmax(*, p: Row, logits: Row, difference: Row, loss: Row, nats: float) -> Outcome:
    at_p = 2.0 * difference / p.size
    return Outcome(
        probabilities=p,
        difference=difference,
        loss=float(loss) / nats,
        gradient=difference / nats,
        squared_error=float(np.mean(difference**2)),
        squared_error_at_p=at_p,
        squared_error_gradient=activations.softmax_vjp(logits, at_p),
    )


def sigmoid_of_logits(logits: Row, target: Row, nats: float) -> Outcome:
    """Sigmoid cross-entropy, the mean over one row of logits; ``nats`` per unit of the loss."""
    return _sigmoid(
        p=activations.sigmoid(logits),
        slope=activations.sigmoid_derivative(logits),
        difference=losses.sigmoid_cross_entropy_gradient(logits, target),
        terms=losses.sigmoid_cross_entropy(logits, target),
        nats=nats,
    )


def sigmoid_of_probabilities(probabilities: Row, target: Row, nats: float) -> Outcome:
    """The same of one row of probabilities, each used as it is."""
    return _sigmoid(
        p=probabilities,
        slope=probabilities * (1.0 - probabilities),
        difference=probabilities - target,
        terms=losses.binary_cross_entropy(probabilities, target),
        nats=nats,
    )


def _sigmoid(*, p: Row, slope: Row, difference: Row, terms: Row, nats: float) -> Outcome:
    at_p = 2.0 * difference / p.size
    return Outcome(
        probabilities=p,
        difference=difference,
        loss=float(np.mean(terms)) / nats,
        gradient=difference / p.size / nats,
        squared_error=float(np.mean(difference**2)),
        squared_error_at_p=at_p,
        squared_error_gradient=at_p * slope,
    )
