"""The correctness gate: no case is timed unless the library's results are within their stated error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

import crossentropy as ce
from benchmarks.cases import Case
from benchmarks.contestants import Contestant, ours
from benchmarks.exact import Expected, expected_activation, expected_loss, sampled_targets
from benchmarks.inputs import Array, Inputs, Sample
from crossentropy._activations import ACTIVATION_ULP
from crossentropy._loss import LOSSES
from crossentropy.reference import activations
from crossentropy.testing import ulp_distance


@dataclass(frozen=True)
class Errors:
    """The greatest error of losses (or an activation's results) and of gradients, in ULP; NaN where there is none."""

    value: float
    gradient: float = math.nan


class GateError(Exception):
    """A result beyond its stated error."""


def check(case: Case, inputs: Inputs) -> Errors:
    """The library's errors, if they are as promised."""
    found = errors_of(ours.contestant(case, inputs), case, inputs)
    contract = LOSSES[case.operation].contract if case.operation in LOSSES else None
    limits = Errors(contract.value_ulp, contract.gradient_ulp) if contract else Errors(ACTIVATION_ULP)
    if not found.value <= limits.value or found.gradient > limits.gradient:
        raise GateError(f"{case}: {found} beyond {limits}")
    if contract:
        _check_mean(case, inputs)
    return found


def _check_mean(case: Case, inputs: Inputs) -> None:
    """The mean is that of the losses of the rows, which the sample speaks for."""
    loss = getattr(ce, case.operation)
    mean = loss(inputs.predictions, inputs.targets, **case.arguments)
    of_rows = loss(inputs.predictions, inputs.targets, **case.arguments, reduction="none").astype(np.float64).mean()
    if not ulp_distance(mean, of_rows) <= LOSSES[case.operation].contract.value_ulp:
        raise GateError(f"{case}: mean {mean}, where its rows' losses have {of_rows}")


def errors_of(contestant: Contestant, case: Case, inputs: Inputs) -> Errors:
    """How far a contestant is from the exact results, on a sample of rows.

    Counted in ULP of the result's dtype, float32 for losses of bfloat16. The gradient for soft targets, p - t, is a
    difference of two terms, and counted in ULP of the larger; so is a log-sum-exp, of itself and the largest logit.
    """
    if contestant.outcome is None:
        return Errors(math.nan)
    sample = Sample(case)
    outcome = contestant.outcome(sample)
    z = sample(inputs.predictions).astype(np.float64)
    if inputs.targets is None:
        expected = expected_activation(case, z)
        scale = np.maximum(np.abs(z.max(axis=-1)), np.abs(expected)) if case.operation == "logsumexp" else None
        return Errors(_greatest(outcome.values, expected, scale))
    losses, slopes = expected_loss(case, inputs, sample)
    values = outcome.values.astype(np.float32) if case.dtype == "bfloat16" else outcome.values
    value = _greatest(values, losses, None)
    if outcome.gradient is None:
        return Errors(value)
    scale = None
    if case.targets == "soft":
        larger = np.maximum(activations.softmax(z), sampled_targets(case, inputs, sample))
        scale = larger / math.prod(case.rows_shape)
    return Errors(value, _greatest(outcome.gradient, slopes, scale))


def _greatest(actual: Array, expected: Expected, scale: Array | None) -> float:
    return float(ulp_distance(actual, expected, scale=scale).max())
