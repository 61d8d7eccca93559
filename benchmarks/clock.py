"""Timing that is fair to all: everyone in one process, one after the other, many times over."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: A measurement repeats its call until it lasts this long (seconds), so that the clock's own grain does not count.
_SHORTEST = 0.01
#: Rest before each measurement (seconds). PyTorch's OpenMP threads spin for about 4 ms after a
#: call and take the cores from whoever comes next; by then they are idle. (OpenBLAS spins longer: nobody calls it.)
_REST = 0.01
#: Whoever takes longer than this (seconds) runs in every third round only.
_LONG = 0.4


class Timed(Protocol):
    """What is timed: ``call``, each time after ``before``, which is not."""

    @property
    def call(self) -> Callable[[], Any]: ...

    @property
    def before(self) -> Callable[[], None] | None: ...


def interleaved(contestants: Sequence[Timed], rounds: int) -> NDArray[np.float64]:
    """Seconds of each contestant (columns) in each round (rows), NaN where it did not run.

    Every round starts with another contestant.
    """
    first = [_first(contestant) for contestant in contestants]
    seconds = np.full((rounds, len(contestants)), np.nan)
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            for offset in range(len(contestants)):
                which = (turn + offset) % len(contestants)
                if first[which] < _LONG or turn % 3 == 0:
                    repeats = max(1, math.ceil(_SHORTEST / first[which]))
                    seconds[turn, which] = _measure(contestants[which], repeats)
    finally:
        gc.enable()
    return seconds


def _first(contestant: Timed) -> float:
    """About how long a call takes: the least of a few, lest one unlucky call set the number of repeats."""
    contestant.call()  # warms up
    took = _timed(contestant, 1)
    return took if took > _LONG else min(took, *(_timed(contestant, 1) for _ in range(3)))


def _measure(contestant: Timed, repeats: int) -> float:
    if contestant.before is not None:
        contestant.before()
    time.sleep(_REST)
    if repeats > 1:
        contestant.call()  # wakes its threads and the processor, which a short call would pay for
    return _timed(contestant, repeats)


def _timed(contestant: Timed, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        contestant.call()
    return (time.perf_counter() - start) / repeats
