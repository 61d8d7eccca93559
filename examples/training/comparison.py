"""Trainings from one start, on the same batches in turn, that differ in their loss alone; and what the loss costs."""

from __future__ import annotations

import copy
import ctypes
import gc
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

import crossentropy as ce

Loss = Callable[..., Tensor]  # of a model, of what its body made of a batch, and of the targets


class Training:
    """A copy of a model, the loss it is trained with, and what the loss was and took (seconds) in each step."""

    def __init__(self, model: nn.Module, loss: Loss, rate: float, steps: int) -> None:
        self.model, self.loss = copy.deepcopy(model), loss
        self.optimizer = torch.optim.AdamW(self.model.parameters(), fused=True)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(self.optimizer, rate, total_steps=steps)
        self.values: list[float] = []
        self.seconds: list[float] = []

    def step(self, inputs: Tensor, targets: Tensor) -> None:
        """Forward, loss, backward, update. The graph is cut where the loss begins, which is timed by itself."""
        body = self.model(inputs)
        leaf = body.detach().requires_grad_()
        begin = time.perf_counter()
        value = self.loss(self.model, leaf, targets)
        value.backward()
        self.seconds.append(time.perf_counter() - begin)
        self.values.append(value.item())
        body.backward(leaf.grad)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()

    def run_loss(self, body: Tensor, targets: Tensor) -> None:
        """The loss alone, forward and backward."""
        self.loss(self.model, body.detach().requires_grad_(), targets).backward()
        self.optimizer.zero_grad()


def train(
    model: nn.Module, losses: dict[str, Loss], batches: Iterable[tuple[Tensor, Tensor]], rate: float, steps: int
) -> dict[str, Training]:
    """Train a copy of the model with each loss. Every batch goes to all of them, each time another one first."""
    trainings = {name: Training(model, loss, rate, steps) for name, loss in losses.items()}
    order = list(trainings.values())
    for number, (inputs, targets) in enumerate(batches, 1):
        for training in order:
            training.step(inputs, targets)
        order.append(order.pop(0))
        if number % max(1, steps // 20) == 0:
            print(f"step {number} of {steps}: {order[0].values[-1]:.4f} nats", file=sys.stderr)
    return trainings


def conditions(model: nn.Module, steps: int) -> str:
    """What was trained, and on what."""
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return (
        f"{parameters:,} parameters, {steps:,} steps. {os.cpu_count()} cores, {ce.show_config()['instruction_set']}, "
        f"{torch.get_num_threads()} threads; PyTorch {torch.__version__}."
    )


def curves(trainings: dict[str, Training], parts: int = 10) -> Iterator[str]:
    """A table of the mean losses of so many parts of the training, and how far they are from the first training's."""
    first, *others = trainings
    steps = len(trainings[first].values)
    ends = [steps * (part + 1) // parts for part in range(parts)]
    yield from heading(
        f"{first}, nats", *(title for name in others for title in (f"{name}, nats", "apart")), of="steps"
    )
    for begin, end in zip([0, *ends], ends, strict=False):
        means = [sum(training.values[begin:end]) / (end - begin) for training in trainings.values()]
        cells = [cell for mean in means[1:] for cell in (f"{mean:.6f}", f"{apart(means[0], mean):.2g}")]
        yield row(f"{begin + 1} to {end}", f"{means[0]:.6f}", *cells)
    starts = [training.values[0] for training in trainings.values()]
    away = " and ".join(f"{apart(starts[0], start):.2g}" for start in starts[1:])
    yield ""
    yield f'Means over the steps; "apart" is relative, from {first}. In the first step, of equal weights: {away}.'


def costs(trainings: dict[str, Training], *others: tuple[str, Sequence[float]]) -> Iterator[str]:
    """A table of the time of the loss in a step, and whatever else; the ratio is that of the first two trainings."""
    seconds = [training.seconds for training in trainings.values()]
    yield from heading(*trainings, "ratio", of="of the loss, forward and backward")
    ratio = median(theirs / ours for theirs, ours, *_ in zip(*seconds, strict=True))
    yield row("ms in a step, median", *(digits(1e3 * median(steps)) for steps in seconds), f"{ratio:.2f}")
    for name, numbers in others:
        yield row(name, *map(digits, numbers), f"{numbers[0] / numbers[1]:.2f}")


def milliseconds(trainings: dict[str, Training], body: Tensor, targets: Tensor, rounds: int = 15) -> list[float]:
    """Median time of each training's loss for the same input, in turn."""
    taken: list[list[float]] = [[] for _ in trainings]
    for _ in range(rounds):
        for training, times in zip(trainings.values(), taken, strict=True):
            begin = time.perf_counter()
            training.run_loss(body, targets)
            times.append(1e3 * (time.perf_counter() - begin))
    return [median(times) for times in taken]


def megabytes(trainings: dict[str, Training], body: Tensor, targets: Tensor) -> list[float]:
    """By how much (10⁶ bytes) the process grows at most during each training's loss, as Linux counts what it holds."""
    found = []
    for training in trainings.values():
        training.run_loss(body, targets)  # work space of the threads, and what is imported late
        ce.release_memory()
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)  # what is free, but kept, would not be counted when it is used again
        Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
        before = _peak()
        training.run_loss(body, targets)
        found.append((_peak() - before) / 1e6)
    return found


def _peak() -> int:
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def apart(a: float, b: float) -> float:
    """The difference of two numbers, relative to the first."""
    return abs(a - b) / abs(a)


def digits(number: float) -> str:
    """Three of them, without an exponent."""
    return f"{float(f'{number:.3g}'):,g}"


def heading(*columns: str, of: str) -> Iterator[str]:
    """The head of a Markdown table: what its rows are of, then columns of numbers."""
    yield row(of, *columns)
    yield row("---", *["---:"] * len(columns))


def row(*cells: str) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"
