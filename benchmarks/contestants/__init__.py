"""Who computes a case: the library, its peers, and the floor that nobody gets below."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.contestants import floor, ours, scikit_learn, scipy, torch_eager
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Inputs

__all__ = ["Contestant", "Outcome", "ours", "peers"]


def peers(case: Case, inputs: Inputs) -> list[Contestant]:
    """The peers that have this operation, and the floor."""
    found = (module.contestant(case, inputs) for module in (torch_eager, scipy, scikit_learn, floor))
    return [contestant for contestant in found if contestant is not None]
