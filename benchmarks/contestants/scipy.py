"""scipy.special, for activations."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Inputs

NAME = "SciPy"


def contestant(case: Case, inputs: Inputs) -> Contestant | None:
    """The function of the same name."""
    from scipy import special

    if inputs.targets is not None:
        return None
    z, activation = inputs.predictions, getattr(special, case.operation)
    return Contestant(NAME, lambda: activation(z, axis=-1), lambda sample: Outcome(sample(activation(z, axis=-1))))
