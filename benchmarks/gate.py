"""The correctness gate: no case is timed unless the library's results are within their stated error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

import crossentropy as ce
from benchmarks.cases import Case
from benchmarks.contestants import Contestant, ours
from benchmarks.exact import Expected, truth_of
from benchmarks.inputs import Array, Inputs
from crossentropy._activations import ACTIVATION_ULP
from crossentropy._loss import LOSSES
from crossentropy.testing import ulp_distance


@dataclass(frozen=True)
class Errors:
    """The greatest error of losses (or an activation's results) and of gradients, in ULP; NaN where there is none."""

    value: float = math.nan
    gradient: float = math.nan


class GateError(Exception):
    """A result beyond its stated error."""


class Gate:
    """Holds contestants against the exact results of a case, on a sample of rows."""

    def __init__(self, case: Case, inputs: Inputs) -> None:
        self._case, self._inputs = case, inputs
        self._truth = truth_of(case, inputs)

    def check(self) -> Errors:
        """The library's errors, if they are as promised."""
        case = self._case
        found = self.errors_of(ours.contestant(case, self._inputs))
        contract = LOSSES[case.loss].contract if case.loss in LOSSES else None
        limits = Errors(contract.value_ulp, contract.gradient_ulp) if contract else Errors(ACTIVATION_ULP)
        if not found.value <= limits.value or found.gradient > limits.gradient:
            raise GateError(f"{case}: {found} beyond {limits}")
        if contract and not case.on_tensors:
            self._check_mean(contract.value_ulp)
        return found

    def _check_mean(self, limit: float) -> None:
        """The mean is that of the losses of the rows, which the sample speaks for."""
        case, inputs = self._case, self._inputs
        loss, options = getattr(ce, case.operation), {**case.arguments, **inputs.options}
        mean, weight = loss(inputs.predictions, inputs.targets, **options, return_weight=True)
        rows = loss(inputs.predictions, inputs.targets, **options, reduction="none").astype(np.float64)
        if not ulp_distance(mean, rows.sum() / weight) <= limit:
            raise GateError(f"{case}: mean {mean}, where its rows' losses have {rows.sum() / weight}")

    def errors_of(self, contestant: Contestant) -> Errors:
        """Counted in ULP of the result's dtype, but of float32 for losses of bfloat16 and float16 arrays."""
        if contestant.outcome is None:
            return Errors()
        exact, outcome = self._truth, contestant.outcome(self._truth.sample)
        narrow = self._case.dtype in ("bfloat16", "float16") and not self._case.on_tensors
        values = outcome.values.astype(np.float32) if narrow else outcome.values
        value = _greatest(values, exact.values, exact.value_scale)
        if outcome.gradient is None or exact.gradient is None:
            return Errors(value)
        return Errors(value, _greatest(outcome.gradient, exact.gradient, exact.gradient_scale))


def _greatest(actual: Array, expected: Expected, scale: Array | None) -> float:
    return float(ulp_distance(actual, expected, scale=scale).max())
