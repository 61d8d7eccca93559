"""The floor: moving the bytes that the case must move, without computing anything, on all threads.

It reads the predictions, and targets of their size; where the case writes a result of that size, it writes as much into
memory in use. Every array counts as 64-bit integers: their sum runs at the speed of memory, where a sum of float16 or
of int32 does not. Measured beside others: sums of float32 and float64 take as long, max and dot longer; copy_ is as
fast as any copy, a memcpy on one thread or two slower.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant
from benchmarks.inputs import Inputs

NAME = "floor"


def contestant(case: Case, inputs: Inputs) -> Contestant:
    """One read, or two; and a write where the case writes."""
    import torch

    if case.wants == "gradient in place":
        memory = _words(inputs.buffer)
        return Contestant(NAME, lambda: memory.add_(0))
    z = _words(inputs.predictions)
    t = _words(inputs.targets) if case.of_elements or case.targets == "soft" else None
    if not case.result_is_large:
        return Contestant(NAME, z.sum if t is None else lambda: (z.sum(), t.sum()))
    memory = _words(np.zeros_like(inputs.predictions) if inputs.buffer is None else inputs.buffer)
    if t is None:
        return Contestant(NAME, lambda: memory.copy_(z))
    return Contestant(NAME, lambda: torch.add(z, t, out=memory))


def _words(array: Any) -> Any:
    """The array's memory as 64-bit integers, less what is left over at its end."""
    import torch

    data = array.reshape(-1).view(np.uint8)
    return torch.from_numpy(data[: data.size // 8 * 8].view(np.int64))
