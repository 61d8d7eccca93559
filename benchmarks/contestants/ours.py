"""The library itself, called as a user calls it."""

from __future__ import annotations

from typing import Any

import numpy as np

import crossentropy as ce
from benchmarks.cases import DROP_IN, HEAD, Case
from benchmarks.contestants import heads, torch_eager
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import IGNORED, Inputs, Sample

NAME, PLAIN = "crossentropy", "without the option"


def contestant(case: Case, inputs: Inputs) -> Contestant:
    """The public function of the case."""
    if case.operation == HEAD:
        return heads.ours(NAME, case, inputs)
    if case.operation == DROP_IN:
        from crossentropy.torch import functional

        return torch_eager.of_loss(NAME, case, inputs, functional.cross_entropy)
    operation, z, y, buffer = getattr(ce, case.operation), inputs.predictions, inputs.targets, inputs.buffer
    options = {**case.arguments, **inputs.options}
    if y is None:
        return Contestant(NAME, lambda: operation(z), lambda sample: Outcome(sample(operation(z))))

    def losses(sample: Sample) -> Outcome:
        return Outcome(sample(operation(z, y, **options, reduction="none")))

    if case.wants == "value":
        return Contestant(NAME, lambda: operation(z, y, **options), losses)
    in_place = case.wants == "gradient in place"
    logits = buffer if in_place else z

    def call() -> Any:
        return operation.value_and_grad(logits, y, **options, out=buffer)

    def restore() -> None:
        if buffer is not None:
            np.copyto(buffer, z)

    def outcome(sample: Sample) -> Outcome:
        if in_place:
            restore()
        return Outcome(losses(sample).values, sample(call()[1]))

    return Contestant(NAME, call, outcome, restore if in_place else None)


def plain(case: Case, inputs: Inputs) -> Contestant | None:
    """For a case with an option: the same call without it, on the same logits and in the same buffer."""
    if not case.option or case.on_tensors:
        return None
    operation, z, y, buffer = getattr(ce, case.operation), inputs.predictions, inputs.targets, inputs.buffer
    y = np.where(y == IGNORED, 0, y)
    return Contestant(PLAIN, lambda: operation.value_and_grad(z, y, **case.arguments, out=buffer))
