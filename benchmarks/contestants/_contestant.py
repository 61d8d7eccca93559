"""What every contestant offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.inputs import Array, Sample


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came out, on a sample: the losses of its rows (or an activation's results), and the mean's gradient."""

    values: Array
    gradient: Array | None = None


@dataclass(frozen=True, eq=False)
class Contestant:
    """``call`` is timed, after ``before``; ``outcome`` says what it computes: nothing, for the floor."""

    name: str
    call: Callable[[], Any]
    outcome: Callable[[Sample], Outcome] | None = None
    before: Callable[[], None] | None = None
