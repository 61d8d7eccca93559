"""Rows that lie in a file stay there: what a fit takes beside them does not grow with their number."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

ROWS, FEATURES, CLASSES = 400_000, 32, 200

PROGRAM = """
import sys, threading, time, warnings
import numpy as np
from crossentropy.io import NpyBlocks
from crossentropy.linear_model import SoftmaxRegression

warnings.simplefilter("ignore")  # it stops short


def anonymous():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon"))


def watch():
    while not ended.wait(0.002):
        seen.append(anonymous())


X, y = np.load("X.npy", mmap_mode="r"), np.load("y.npy", mmap_mode="r")
model = SoftmaxRegression(max_iter=1)
model.fit(X[:5000], y[:5000])
seen, ended = [anonymous()], threading.Event()
thread = threading.Thread(target=watch)
thread.start()
{call}
ended.set()
thread.join()
print((max(seen) - seen[0]) / 2**20)
"""


@pytest.mark.parametrize(
    ("call", "most"),
    [
        # labels, weights of rows and what finds the classes are some bytes a row
        ("model.fit(X, y)", 40.0),
        ("model.fit_blocks(NpyBlocks('X.npy', 'y.npy', block_rows=10_000))", 16.0),
        ("kept = X + 1; model.fit(X[:5000], y[:5000])", None),
    ],
)
def test_rows_of_a_file_are_not_copied(call, most, tmp_path):
    X = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (ROWS, FEATURES))
    X[...] = np.random.default_rng(0).normal(size=(1000, FEATURES)).astype(np.float32).repeat(ROWS // 1000, axis=0)
    np.save(tmp_path / "y.npy", np.arange(ROWS) % CLASSES)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(call=call)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    taken = float(done.stdout)
    if most is None:
        assert taken > X.nbytes / 2**20  # the measurement would notice
    else:
        assert taken < most
