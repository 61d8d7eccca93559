"""The library itself, called as a user calls it."""

from __future__ import annotations

from typing import Any

import crossentropy as ce
from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Inputs, Sample

NAME = "crossentropy"


def contestant(case: Case, inputs: Inputs) -> Contestant:
    """The public function of the case."""
    operation, z, y, where = getattr(ce, case.operation), inputs.predictions, inputs.targets, case.arguments
    if y is None:
        return Contestant(NAME, lambda: operation(z), lambda sample: Outcome(sample(operation(z))))

    def losses(sample: Sample) -> Outcome:
        return Outcome(sample(operation(z, y, **where, reduction="none")))

    if case.wants == "value":
        return Contestant(NAME, lambda: operation(z, y, **where), losses)

    def call() -> Any:
        return operation.value_and_grad(z, y, **where, out=inputs.buffer)

    return Contestant(NAME, call, lambda sample: Outcome(losses(sample).values, sample(call()[1])))
