"""
The compiled core of crossentropy. Use the functions of the package, not these.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy
from numpy.typing import NDArray


def version() -> str: ...

def compiler() -> str: ...

def available_instruction_sets() -> list[str]: ...

def instruction_set() -> str: ...

def use_instruction_set(name: str) -> bool: ...

def threads() -> int: ...

def set_threads(count: int) -> None: ...

class Block:
    """Memory of a large result, reused when it is gone."""

    def __init__(self, bytes: int) -> None: ...

smallest_block: int = 4194304

def memory_use() -> tuple[int, int]:
    """Bytes of the blocks in use, and of those that wait."""

def release_memory() -> None: ...

class Plain:
    """Plain calls of a loss, in one step."""

    def __init__(self, rows: bool, family: int, tolerances: Sequence[float]) -> None: ...

    def __call__(self, predictions: object | None, targets: object | None, reduction: object | None, out: object | None, ignore_index: object | None, normalizer: object | None) -> object: ...

class Rows:
    """Losses of rows of classes."""

    def __init__(self, family: int, predictions: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, prediction_tolerance: float, kind: int, targets: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, probabilities: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, sum_tolerance: float, uniform_tail: bool, ignore: int | None, class_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, sample_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, mask: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, smoothing: float, temperature: float, softcap: float, z_loss: float, focal_gamma: float) -> None: ...

    def weigh(self) -> tuple: ...

    def run(self, order: int, divisor: float, losses: tuple[Annotated[NDArray, dict(device='cpu')], int] | None, derivative: tuple[Annotated[NDArray, dict(device='cpu')], int] | None, direction: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None) -> tuple: ...

class Elements:
    """Losses of single elements."""

    def __init__(self, family: int, predictions: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, targets: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, class_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, positive_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, row_weight: Annotated[NDArray[numpy.float64], dict(order='C', device='cpu', writable=False)] | None, element_weight: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, smoothing: float, focal_gamma: float) -> None: ...

    def weigh(self) -> tuple: ...

    def run(self, order: int, divisor: float, losses: tuple[Annotated[NDArray, dict(device='cpu')], int] | None, derivative: tuple[Annotated[NDArray, dict(device='cpu')], int] | None, direction: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None) -> tuple: ...

def activate(kind: int, input: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, cotangent: tuple[Annotated[NDArray, dict(device='cpu', writable=False)], int] | None, output: tuple[Annotated[NDArray, dict(device='cpu')], int] | None) -> None: ...
