"""Timing that is fair to all: everyone in one process, one after the other, many times over."""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: A measurement repeats its call until it lasts this long (seconds), so that the clock's own grain does not count.
_SHORTEST = 0.01
#: Rest before each measurement (seconds): the threads of the one before it are idle by then.
_REST = 0.003


def interleaved(calls: Sequence[Callable[[], Any]], rounds: int) -> NDArray[np.float64]:
    """Seconds of each call (columns) in each round (rows). Every round starts with another call."""
    repeats = [_repeats(call) for call in calls]
    seconds = np.empty((rounds, len(calls)))
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            for offset in range(len(calls)):
                which = (turn + offset) % len(calls)
                seconds[turn, which] = _measure(calls[which], repeats[which])
    finally:
        gc.enable()
    return seconds


def _repeats(call: Callable[[], Any]) -> int:
    call()  # the first call warms up
    return max(1, math.ceil(_SHORTEST / _measure(call, 1)))


def _measure(call: Callable[[], Any], repeats: int) -> float:
    time.sleep(_REST)
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats
