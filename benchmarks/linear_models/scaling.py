"""How the time of one pass over the rows, the value and gradient of the loss, grows with rows, features and classes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from statistics import median

import numpy as np

from benchmarks.documents._blocks import table
from benchmarks.linear_models import results

KEY = "scaling"
NAME = "scaling: one pass over 8192 × 128 and 128 classes, and 4 and 16 times as many of each"

_BASE = {"rows": 8192, "features": 128, "classes": 128}
_FACTORS = (1, 4, 16)
_ROUNDS = 15

#: How much longer than in proportion a pass may take, or shorter.
_AIM = 0.2


def measure(limit: float, rows: int | None) -> list[results.Row]:
    """Medians of the seconds of a pass, all sizes in turn, in products of float32 and of float64; few, so no limit."""
    base = {**_BASE, "rows": rows or _BASE["rows"]}
    # a size at a time, so that all of them are measured in every round
    seconds: defaultdict[tuple[str, int, bool], list[float]] = defaultdict(list)
    passes = {(axis, factor): _pass(**{**base, axis: base[axis] * factor}) for axis in base for factor in _FACTORS}
    for turn in range(_ROUNDS + 1):
        for (axis, factor), run in passes.items():
            for single in (True, False):
                began = time.perf_counter()
                run(single)
                if turn:  # the first is for the caches
                    seconds[axis, factor, single].append(time.perf_counter() - began)
    return [
        {"axis": axis, "factor": factor, "bits": 32 if single else 64, "seconds": median(found)}
        for (axis, factor, single), found in seconds.items()
    ]


def _pass(rows: int, features: int, classes: int) -> Callable[[bool], object]:
    from crossentropy._linear import Features, LinearLoss
    from crossentropy._problems import IndexTargets
    from crossentropy.linear_model._targets import row_problem

    random = np.random.default_rng(0)
    X = random.normal(size=(rows, features)).astype(np.float32)
    y = random.integers(classes, size=rows)
    coef = random.normal(size=(classes, features)) / np.sqrt(features)
    loss = LinearLoss(row_problem(IndexTargets(y), rows, classes), Features(X))
    return lambda single: loss.gradient(coef, np.zeros(classes), single=single)


def text(rows: list[results.Row]) -> str:
    """Milliseconds by size, and how far they are from growing in proportion."""
    cells, furthest = [], 0.0
    for axis, bits, seconds in _series(rows):
        off = seconds[max(_FACTORS)] / seconds[1] / max(_FACTORS)
        furthest = max(furthest, abs(off - 1.0))
        cells.append([f"{axis}, float{bits}", *(f"{1e3 * s:.3g}" for s in seconds.values()), f"{off:.2f}"])
    shown = table(["ms a pass", *(f"× {factor} " for factor in _FACTORS), "of proportional "], cells)
    return (
        f"{shown}\n\nA pass that takes less than in proportion has parts that do not grow: the loss of all logits "
        "takes the same however many features there are, the standardised rows however many classes. Aim: within "
        f"{_AIM:.0%} of proportional {results.mark(furthest <= _AIM)}."
    )


def _series(rows: list[results.Row]) -> Iterator[tuple[str, int, dict[int, float]]]:
    """For each axis and precision the seconds by factor."""
    for axis in _BASE:
        for bits in (32, 64):
            yield axis, bits, {int(r["factor"]): r["seconds"] for r in rows if (r["axis"], r["bits"]) == (axis, bits)}
