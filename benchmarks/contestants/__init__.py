"""Who computes a case: the library, its peers, and the floor that nobody gets below."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.cases import HEAD, Case
from benchmarks.contestants import floor, heads, jax, ours, scikit_learn, scipy, torch_compiled, torch_eager
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Inputs

__all__ = ["Contestant", "Outcome", "ours", "peers"]


def peers(case: Case, inputs: Inputs, *, compiled: bool, absent: Callable[[str], None]) -> list[Contestant]:
    """The peers that have this operation, the plain call of a case with an option, and the floor.

    Those that compile first, for seconds, only if wanted; ``absent`` is told of a compiler that fails.
    """
    if case.operation == HEAD:
        return heads.peers(case, inputs, eager=torch_eager.NAME, floor=floor.NAME)
    found = [ours.plain(case, inputs), torch_eager.contestant(case, inputs)]
    if compiled:
        for module in (torch_compiled, jax):
            try:
                found.append(module.contestant(case, inputs))
            except Exception as error:  # a compiler's, of whatever type
                absent(f"{module.NAME} is absent from {case}: {type(error).__name__}: {error}".splitlines()[0])
    found += [module.contestant(case, inputs) for module in (scipy, scikit_learn, floor)]
    return [contestant for contestant in found if contestant is not None]
