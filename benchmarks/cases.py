"""What is measured, and what it should reach."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

Wants = Literal["value", "gradient into out=", "gradient in place", "gradient"]
TargetKind = Literal["index", "soft", "binary", "sign", "none"]
Option = Literal[
    "",
    "class_weight",
    "sample_weight",
    "label_smoothing",
    "ignore_index",
    "class_mask",
    "class_mask of rows",
    "temperature",
    "softcap",
    "z_loss",
    "focal_gamma",
    "filter_eps",
]

#: The drop-in for tensors, and the head, whose shapes are (rows, width, classes).
DROP_IN, HEAD = "functional.cross_entropy", "linear_softmax_cross_entropy"

#: Elements of a case under ``--quick``, and of one of its rows: it then runs in milliseconds, but still on all threads.
_QUICK_ELEMENTS, _QUICK_CLASSES = 200_000, 10_000


@dataclass(frozen=True)
class Aim:
    """What a case should reach; NaN where nothing is asked. The times are medians of one run."""

    floor: float = math.nan  # at most so many times the floor: memory's, or that of the bare matrix products
    plain: float = math.nan  # at most so many times the same call without its option
    microseconds: float = math.nan  # at most so long
    megabytes: float = math.nan  # at most so much memory beside inputs and results
    torch: float = math.nan  # PyTorch in eager mode takes at least so many times as long
    chunked: float = math.nan  # and so does its own head in chunks
    scipy: float = math.nan  # and so does SciPy
    scikit_learn: float = math.nan  # and scikit-learn


@dataclass(frozen=True)
class Case:
    """One operation on inputs of one shape. A gradient is always computed along with its value."""

    operation: str
    shape: tuple[int, ...]
    wants: Wants = "value"
    targets: TargetKind = "index"
    dtype: str = "float32"
    axis: int = -1
    option: Option = ""
    aim: Aim = field(default=Aim(), compare=False, repr=False)

    @property
    def loss(self) -> str:
        """The loss that the operation is, under the library's own name; an activation is itself."""
        return "softmax_cross_entropy" if self.on_tensors else self.operation

    @property
    def on_tensors(self) -> bool:
        """Whether the operation takes PyTorch's tensors, and its gradient is autograd's."""
        return self.operation in (DROP_IN, HEAD)

    @property
    def of_elements(self) -> bool:
        """Whether each element is a row of its own."""
        return self.targets in ("binary", "sign")

    @property
    def rows_shape(self) -> tuple[int, ...]:
        """One entry for each row of classes."""
        if self.of_elements:
            return self.shape
        if self.operation == HEAD:
            return self.shape[:1]
        return tuple(size for axis, size in enumerate(self.shape) if axis != self.axis % len(self.shape))

    @property
    def classes(self) -> int:
        """The length of a row."""
        return 1 if self.of_elements else self.shape[self.axis]

    @property
    def arguments(self) -> dict[str, int]:
        """The class axis as an argument, where it is not the last, which all operations take for granted."""
        return {} if self.of_elements or self.axis == -1 else {"axis": self.axis}

    @property
    def result_is_large(self) -> bool:
        """Whether it writes an array of the predictions' size."""
        return self.wants != "value" or self.operation in ("softmax", "log_softmax")

    def plain(self) -> Case:
        """What its inputs depend on: the same without its option, the value alone."""
        return replace(self, wants="value", option="", aim=Aim())

    def quick(self) -> Case:
        """The same with fewer rows, and fewer classes."""
        axis = self.axis % len(self.shape)
        shape = tuple(min(size, _QUICK_CLASSES) if i == axis and i else size for i, size in enumerate(self.shape))
        if self.operation == HEAD:
            shape = tuple(map(min, shape, (100, 32, 1000)))
        rows = max(1, _QUICK_ELEMENTS // math.prod(shape[1:]))
        return replace(self, shape=(min(shape[0], rows), *shape[1:]))

    def __str__(self) -> str:
        words = [self.operation]
        if self.targets != "none":
            words += [f"{self.targets} targets", "value" if self.wants == "value" else f"value and {self.wants}"]
        words += [self.option] if self.option else []
        return ", ".join([*words, str(self.shape), self.dtype])


_CE = "softmax_cross_entropy"
_VOCABULARIES = ((2048, 50257), (1024, 128256))
_IMAGES = ((32, 81, 8732), (8, 21, 512, 512))
_NARROW = (2_000_000, 10)
_MODEL = (2048, 768, 50257)
_OUT: Wants = "gradient into out="
_OPTIONS: tuple[Option, ...] = (
    "class_weight",
    "sample_weight",
    "label_smoothing",
    "ignore_index",
    "class_mask",
    "class_mask of rows",
    "temperature",
    "softcap",
    "z_loss",
    "focal_gamma",
)

CASES = (
    # large vocabularies
    *(Case(_CE, shape, aim=Aim(floor=1.6, torch=8)) for shape in _VOCABULARIES),
    *(Case(_CE, shape, _OUT, aim=Aim(floor=1.35, torch=13)) for shape in _VOCABULARIES),
    *(Case(_CE, shape, "gradient in place", aim=Aim(floor=1.35, torch=13)) for shape in _VOCABULARIES),
    *(Case(_CE, shape, "gradient", aim=Aim(floor=2, torch=6)) for shape in _VOCABULARIES),
    *(Case(_CE, (2048, 50257), _OUT, dtype=dtype, aim=Aim(floor=1.6, torch=8)) for dtype in ("bfloat16", "float16")),
    Case(_CE, (2048, 50257), _OUT, dtype="float64", aim=Aim(floor=1.6, torch=6)),
    # fewer classes
    Case(_CE, (32768, 1000), _OUT, aim=Aim(floor=1.5, torch=12)),
    Case(_CE, (65536, 128), _OUT),
    Case(_CE, _NARROW, aim=Aim(floor=2, torch=8)),
    Case(_CE, _NARROW, _OUT, aim=Aim(floor=2, torch=8)),
    Case(_CE, _NARROW, "gradient", aim=Aim(floor=2, torch=8)),
    Case("categorical_cross_entropy", _NARROW, aim=Aim(floor=2, scikit_learn=20)),
    # targets of the predictions' size
    Case(_CE, (4096, 1000), targets="soft"),
    Case(_CE, (4096, 1000), _OUT, targets="soft", aim=Aim(floor=1.5, torch=8)),
    Case("sigmoid_cross_entropy", (50_000_000,), _OUT, targets="binary", aim=Aim(floor=1.5, torch=6)),
    Case("soft_margin", (50_000_000,), _OUT, targets="sign", aim=Aim(floor=1.5, torch=6)),
    # classes in the middle
    *(Case(_CE, shape, axis=1, aim=Aim(floor=2, torch=3)) for shape in _IMAGES),
    *(Case(_CE, shape, _OUT, axis=1, aim=Aim(floor=2, torch=3)) for shape in _IMAGES),
    # activations
    *(
        Case(operation, shape, targets="none", aim=Aim(floor=1.6, torch=1.5, scipy=10))
        for operation in ("softmax", "log_softmax", "logsumexp")
        for shape in (_NARROW, (2048, 50257))
    ),
    # on tensors
    *(
        Case(DROP_IN, (2048, 50257), "gradient", dtype=d, aim=Aim(torch=4, megabytes=16))
        for d in ("float32", "bfloat16")
    ),
    Case(DROP_IN, (8, 10), "gradient", aim=Aim(torch=1)),
    # heads
    Case(HEAD, _MODEL, "gradient", aim=Aim(floor=1.05, torch=1.4, chunked=2, megabytes=128)),
    Case(HEAD, _MODEL, "gradient", dtype="bfloat16", aim=Aim(floor=1.3, torch=2.5, chunked=10, megabytes=160)),
    Case(HEAD, _MODEL, aim=Aim(floor=1.1)),
    Case(HEAD, (16384, 1024, 1000), "gradient", aim=Aim(floor=1.15)),
    Case(HEAD, (512, 4096, 151936), "gradient", dtype="bfloat16", aim=Aim(floor=1.3, megabytes=256)),
    Case(HEAD, _MODEL, "gradient", option="filter_eps", aim=Aim(floor=1)),
    # one small call
    Case(_CE, (8, 10), aim=Aim(microseconds=4, torch=2)),
    Case(_CE, (8, 10), "gradient", aim=Aim(microseconds=5, torch=2)),
    # options, beside the same call without
    *(Case(_CE, (4096, 8192), _OUT, option=option, aim=Aim(plain=1.15)) for option in _OPTIONS),
)
