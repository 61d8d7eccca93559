"""PyTorch compiled by torch.compile (Inductor, C++) for the shapes of the case, before anything is timed."""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.contestants import torch_eager
from benchmarks.contestants._contestant import Contestant
from benchmarks.inputs import Inputs

NAME = "torch.compile"


def contestant(case: Case, inputs: Inputs) -> Contestant | None:
    """PyTorch's function, compiled; raises what the compiler raises."""
    if case.option:
        return None
    import torch
    import torch._inductor.config

    torch._inductor.config.compile_threads = 1  # no pool of processes beside the measurement
    torch.compiler.reset()  # otherwise the compiler gives up silently after some shapes
    found = torch_eager.build(NAME, case, inputs, lambda function: torch.compile(function, dynamic=False))
    if found is not None:
        found.call()
    return found
