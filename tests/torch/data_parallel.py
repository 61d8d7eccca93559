"""One step of a model on two processes, each with half of a batch."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from crossentropy.torch import nn

Tensor = torch.Tensor
PROCESSES, ROWS = 2, 8


def batch() -> tuple[torch.nn.Module, Tensor, Tensor]:
    """A model, and what it is trained on."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3, dtype=torch.float64)
    return model, torch.randn(ROWS, 4, dtype=torch.float64), torch.randint(0, 3, (ROWS,))


def step(model: torch.nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The loss of a batch; its gradient is left in the model."""
    loss: Tensor = nn.CrossEntropyLoss(label_smoothing=0.1)(model(x), y)
    loss.backward()
    return loss.detach()


def work(rank: int, folder: str) -> None:
    """What one of the processes does: its loss and gradients, into a file."""
    distributed.init_process_group("gloo", f"file://{folder}/store", rank=rank, world_size=PROCESSES)
    model, x, y = batch()
    wrapped = DistributedDataParallel(model)
    part = slice(rank * ROWS // PROCESSES, (rank + 1) * ROWS // PROCESSES)
    loss = step(wrapped, x[part], y[part])
    torch.save([loss, *(p.grad for p in model.parameters())], Path(folder) / f"{rank}.pt")
    distributed.barrier()
    # The group's destructor may wait, with the interpreter's lock, for a thread that waits for this lock.
    os._exit(0)
