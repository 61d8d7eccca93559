"""Which implementation runs: the native core, or the readable reference where it is forced (promise 25)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal

from crossentropy._native_engine import NativeElements, NativeRows
from crossentropy._problems import Engine, Problem, RowProblem
from crossentropy._validation import as_choice

Implementation = Literal["native", "reference"]
IMPLEMENTATIONS: tuple[Implementation, ...] = ("native", "reference")

#: The same for the losses on tensors, which PyTorch's operations can compute as well: crossentropy.torch.
TENSOR_IMPLEMENTATIONS = ("automatic", "native", "composite")

of_tensors: ContextVar[str] = ContextVar("of_tensors", default="automatic")

_implementation: ContextVar[str] = ContextVar("implementation", default="native")


def implementation() -> str:
    """The implementation that losses and activations use now."""
    return _implementation.get()


@contextmanager
def use_implementation(name: Implementation) -> Iterator[None]:
    """Force an implementation of losses and activations inside a ``with`` block, in this thread or task.

    ``"native"`` is the compiled core and the default; ``"reference"`` the formulas in float64 NumPy.

    Raises:
        ValueError: for any other name.

    Example:
        >>> import crossentropy as ce
        >>> with ce.use_implementation("reference"):
        ...     print(ce.softmax_cross_entropy([[2.0, -1.0, 0.5]], [0]))
        0.24131...
    """
    token = _implementation.set(as_choice("name", name, IMPLEMENTATIONS))
    try:
        yield
    finally:
        _implementation.reset(token)


def engine(problem: Problem) -> Engine:
    """The implementation in use, set on a problem."""
    if _implementation.get() == "reference":
        from crossentropy._reference_engine import ReferenceElements, ReferenceRows

        return ReferenceRows(problem) if isinstance(problem, RowProblem) else ReferenceElements(problem)
    return NativeRows(problem) if isinstance(problem, RowProblem) else NativeElements(problem)
