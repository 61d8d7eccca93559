"""The memory of one fit to a file of features, measured in a process that does nothing else.

``python -m benchmarks.linear_models.resident FOLDER CONTESTANT ROWS ITERATIONS`` prints two numbers of bytes, of which
no page of the file is a part: before the fit, and the most while it runs.
"""

from __future__ import annotations

import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def main(folder: str, contestant: str, rows: str, iterations: str) -> None:
    X = np.load(Path(folder, "features.npy"), mmap_mode="r")[: int(rows)]
    y = np.load(Path(folder, "labels.npy"))[: int(rows)]
    model = _model(contestant, int(iterations))
    _fit(model, np.array(X[:100]), np.arange(100) % 2)  # threads, and what is imported late
    before = most = _bytes()
    fit = threading.Thread(target=_fit, args=(model, X, y))
    fit.start()
    while fit.is_alive():
        most = max(most, _bytes())
        time.sleep(1e-3)
    print(before, most)


def _model(contestant: str, iterations: int) -> Any:
    if contestant == "crossentropy":
        from crossentropy.linear_model import SoftmaxRegression

        return SoftmaxRegression(max_iter=iterations)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=iterations)


def _fit(model: Any, X: Any, y: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)


def _bytes() -> int:
    """Of this process, in memory, but in no file's pages."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(("RssAnon", "RssShmem")))


if __name__ == "__main__":
    main(*sys.argv[1:])
