"""How much memory a fit takes beside a file of features."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.documents._blocks import table
from benchmarks.linear_models import results
from benchmarks.linear_models.contestants import LBFGS

KEY = "memory"
NAME = "memory: 1000000 × 64 in float32 from a memory-mapped file, 1000 classes"

ROWS, FEATURES, CLASSES = 1_000_000, 64, 1_000

#: Iterations: enough for the library to make its metric anew once, which is when it takes most.
_ITERATIONS = {results.OURS: 12, LBFGS: 1}

#: The share of the rows that scikit-learn is given: with all of them the arrays of all logits would not fit here.
_SHARE = 10

#: Megabytes (10⁶ bytes) that the library should take at most.
_AIM = 500.0


def measure(limit: float, rows: int | None) -> list[results.Row]:
    """Megabytes before the fit and at most, and of how many rows. Time does not matter: there is no limit."""
    rows = rows or ROWS
    found: list[results.Row] = []
    # on a disk: the pages of a file in memory would count
    Path("build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir="build") as folder:
        _write(Path(folder), rows)
        for contestant, of in ((results.OURS, rows), (LBFGS, rows // _SHARE)):
            words = [folder, contestant, str(of), str(_ITERATIONS[contestant])]
            command = [sys.executable, "-m", "benchmarks.linear_models.resident", *words]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            before, most = (int(number) / 1e6 for number in done.stdout.split())
            found.append({"contestant": contestant, "rows": of, "before": before, "most": most})
    return found


def text(rows: list[results.Row]) -> str:
    """What both take, and the aim."""
    ours, theirs = rows
    shown = table(
        ["", "rows ", "MB before the fit ", "MB at most "],
        [[row["contestant"], f"{row['rows']:.0f}", f"{row['before']:.0f}", f"{row['most']:.0f}"] for row in rows],
    )
    of_all = (theirs["most"] - theirs["before"]) * ours["rows"] / theirs["rows"]
    ours_most = ours["most"]
    return (
        f"{shown}\n\n"
        f"Resident memory that no file is mapped to, the interpreter and its libraries included, looked at each "
        f"millisecond. crossentropy makes {_ITERATIONS[results.OURS]} iterations, scikit-learn's lbfgs "
        f"{_ITERATIONS[LBFGS]}; its arrays of the logits and their slopes grow with the rows, so that all of them "
        f"would take {of_all / 1e3:.1f} GB. "
        f"Aim: crossentropy takes {ours_most:.0f} ≤ {_AIM:g} MB {results.mark(ours_most <= _AIM)}."
    )


def _write(folder: Path, rows: int) -> None:
    """Features around a centre for each class, and the classes."""
    random = np.random.default_rng(0)
    centres = random.normal(size=(CLASSES, FEATURES)).astype(np.float32)
    labels = random.integers(CLASSES, size=rows)
    features = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, (rows, FEATURES))
    for first in range(0, rows, 1 << 16):
        block = slice(first, min(first + (1 << 16), rows))
        features[block] = centres[labels[block]] + random.normal(size=(block.stop - first, FEATURES))
    np.save(folder / "labels.npy", labels)
