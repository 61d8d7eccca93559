"""A probe of what a model of sentences knows: 16 fits of one problem, C from a thousandth to a thousand."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.documents._blocks import table
from benchmarks.linear_models import results
from benchmarks.linear_models.contestants import LBFGS, Labels, scikit_learn

KEY = "probe"
NAME = "a probe: 100000 sentences × 384, 1000 classes, 16 fits, C from 0.001 to 1000"

#: What `make build/sentences.npz` writes.
FILE = Path("build/sentences.npz")

COSTS = np.geomspace(1e-3, 1e3, 16)

#: Those of them that scikit-learn is run for, one of each third: all would take hours.
_THEIRS = slice(3, None, 5)

#: How many times as long scikit-learn should take, and when it is cut off.
_AIM, _CUT_OFF = 20.0, 25.0


def measure(limit: float, rows: int | None) -> list[results.Row]:
    """Each fit's seconds, its objective Σ CE + ½‖W‖²/C, and how far above the minimum that is, relative to it.

    The library's are as certified. scikit-learn's are as found by the library's, up to which, within a fifth of a
    millionth, it may take ``limit`` seconds, or 25 times as long as the library if that is more.
    """
    with np.load(FILE) as file:
        X, y = file["vectors"][:rows], np.unique(file["labels"][:rows], return_inverse=True)[1]
    found = list(sweep(X, y))
    for ours in found[_THEIRS]:
        goal = ours["objective"] * (1.0 + results.TARGET / 5.0)
        curve = scikit_learn("lbfgs", ours["C"])(X, y, max(limit, _CUT_OFF * ours["seconds"]), goal)
        seconds = curve.reaches(ours["objective"] * (1.0 + results.TARGET))
        lowest = min(curve.objective)
        found.append(
            {
                "contestant": LBFGS,
                "C": ours["C"],
                "seconds": min(seconds, curve.seconds[-1]),
                "objective": lowest,
                "above": max(lowest / ours["objective"] - 1.0, 0.0),
            }
        )
    return found


def sweep(X: NDArray[Any], y: Labels) -> Iterator[results.Row]:
    """The library's fits, in one path."""
    from crossentropy.linear_model import SoftmaxRegressionPath
    from crossentropy.linear_model._path import fit_path

    at = [time.perf_counter()]
    path = SoftmaxRegressionPath(Cs=COSTS)
    fit_path(path, X, y, on_stage=lambda fold, stage: at.append(time.perf_counter()))
    for place, C in enumerate(COSTS.tolist()):
        objective = path.curve_.objectives[0, place]
        yield {
            "contestant": results.OURS,
            "C": C,
            "seconds": at[place + 1] - at[place],
            "objective": objective / C,
            "above": path.curve_.gaps[0, place] / objective,
        }


def text(rows: list[results.Row]) -> str:
    """All fits in a table, and the aim."""
    by_C = {name: {row["C"]: row for row in rows if row["contestant"] == name} for name in (results.OURS, LBFGS)}
    theirs = by_C[LBFGS]
    cells = [
        [f"{C:.3g}", f"{ours['seconds']:.3g}", f"{ours['above']:.1e}", *_beside(theirs.get(C))]
        for C, ours in by_C[results.OURS].items()
    ]
    total = math.fsum(row["seconds"] for row in by_C[results.OURS].values())
    part = math.fsum(row["seconds"] for row in theirs.values())
    times = part / math.fsum(by_C[results.OURS][C]["seconds"] for C in theirs)
    bound = "more than " if any(row["above"] > results.TARGET for row in theirs.values()) else ""
    shown = table(["C", "crossentropy, s ", "certified within ", "scikit-learn lbfgs, s ", "came within "], cells)
    return (
        f"{shown}\n\n"
        f"crossentropy's {len(by_C[results.OURS])} fits took {total:.0f} s together. scikit-learn's lbfgs was run for "
        f"{len(theirs)} of them, each until it was within a millionth of the objective here, or was cut off. "
        f"It took {bound}{part:.0f} s. Aim: that is {times:.3g} ≥ {_AIM:g} "
        f"{results.mark(times >= _AIM)} times as long as the library for the same."
    )


def _beside(row: results.Row | None) -> list[str]:
    if row is None:
        return ["", ""]
    reached = row["above"] <= results.TARGET
    return [f"{row['seconds']:.3g}" if reached else f"more than {row['seconds']:.0f}", f"{row['above']:.1e}"]
