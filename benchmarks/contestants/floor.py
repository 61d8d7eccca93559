"""The floor: reading the predictions once, and writing as much as the case writes, without computing anything.

Reading is torch.sum, writing torch.Tensor.copy_ into memory in use or clone into fresh memory: on all threads.
"""

from __future__ import annotations

from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant
from benchmarks.contestants.torch_eager import tensor
from benchmarks.inputs import Inputs

NAME = "floor"


def contestant(case: Case, inputs: Inputs) -> Contestant:
    """One read of the predictions; a write where the result has their size."""
    import torch

    z = tensor(inputs.predictions)
    if inputs.buffer is not None:
        buffer = tensor(inputs.buffer)
        return Contestant(NAME, lambda: buffer.copy_(z), None)
    if case.wants == "gradient" or case.operation in ("softmax", "log_softmax"):
        return Contestant(NAME, z.clone, None)
    return Contestant(NAME, z.view(torch.float32).sum if case.dtype == "bfloat16" else z.sum, None)
