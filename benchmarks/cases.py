"""What is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

Wants = Literal["value", "gradient", "gradient into out="]
TargetKind = Literal["index", "soft", "binary", "none"]

#: Elements of a case under ``--quick``: it then runs in milliseconds, but still on all threads.
_QUICK_ELEMENTS = 200_000


@dataclass(frozen=True)
class Case:
    """One operation on inputs of one shape. A gradient is always computed along with its value."""

    operation: str
    shape: tuple[int, ...]
    wants: Wants = "value"
    targets: TargetKind = "index"
    dtype: str = "float32"
    axis: int = -1

    @property
    def rows_shape(self) -> tuple[int, ...]:
        """One entry for each row of classes; for binary targets each element is a row."""
        if self.targets == "binary":
            return self.shape
        return tuple(size for axis, size in enumerate(self.shape) if axis != self.axis % len(self.shape))

    @property
    def classes(self) -> int:
        """The length of a row."""
        return 1 if self.targets == "binary" else self.shape[self.axis]

    @property
    def arguments(self) -> dict[str, int]:
        """The class axis as an argument, for the operations that have one."""
        return {} if self.targets == "binary" else {"axis": self.axis}

    def quick(self) -> Case:
        """The same with fewer rows."""
        rows = max(1, _QUICK_ELEMENTS // math.prod(self.shape[1:]))
        return replace(self, shape=(min(self.shape[0], rows), *self.shape[1:]))

    def __str__(self) -> str:
        words = [self.operation]
        if self.targets != "none":
            words += [f"{self.targets} targets", "value" if self.wants == "value" else f"value and {self.wants}"]
        return ", ".join([*words, str(self.shape), self.dtype])


_SHAPES = ((2048, 50257), (32768, 1000), (65536, 128), (2_000_000, 10), (8, 10))
_ALL: tuple[Wants, ...] = ("value", "gradient into out=", "gradient")

CASES = (
    *(Case("softmax_cross_entropy", shape, wants) for shape in _SHAPES for wants in _ALL),
    *(Case("softmax_cross_entropy", (4096, 1000), wants, targets="soft") for wants in _ALL),
    *(Case("softmax_cross_entropy", (8, 21, 512, 512), wants, axis=1) for wants in _ALL),
    *(
        Case("softmax_cross_entropy", (2048, 8192), wants, dtype=dtype)
        for dtype in ("bfloat16", "float64")
        for wants in _ALL[:2]
    ),
    *(Case("sigmoid_cross_entropy", (50_000_000,), wants, targets="binary") for wants in _ALL),
    Case("categorical_cross_entropy", (2_000_000, 10)),
    *(
        Case(operation, shape, targets="none")
        for operation in ("softmax", "log_softmax", "logsumexp")
        for shape in ((2048, 50257), (2_000_000, 10))
    ),
)
