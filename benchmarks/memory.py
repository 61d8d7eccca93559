"""How much memory a call takes beside its inputs and results: measured in a process of its own.

``python -m benchmarks.memory CONTESTANT OPERATION SHAPE …`` prints the bytes.
"""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import crossentropy as ce
from benchmarks import results
from benchmarks.cases import HEAD, Case
from benchmarks.contestants import Contestant, heads, ours, peers, torch_eager
from benchmarks.inputs import Inputs, draw


def beside(case: Case, name: str) -> float:
    """Megabytes (10⁶ bytes) of the call that a contestant makes; NaN for whom the question is not asked."""
    if not case.on_tensors or name not in (ours.NAME, torch_eager.NAME, heads.CHUNKED):
        return math.nan
    command = [sys.executable, "-m", "benchmarks.memory", name, *results.written(case)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout) / 1e6


def _main(name: str, *words: str) -> None:
    case = results.read(*words)
    _contestant(case.quick(), name, draw(case.quick())).call()  # threads, and what is imported late
    ce.release_memory()
    inputs = draw(case)
    contestant = _contestant(case, name, inputs)
    Path("/proc/self/clear_refs").write_text("5")  # the peak from now on
    before = _peak()
    contestant.call()
    print(_peak() - before - _results(case, inputs))


def _contestant(case: Case, name: str, inputs: Inputs) -> Contestant:
    own = ours.contestant(case, inputs)
    return next(one for one in (own, *peers(case, inputs, compiled=False, absent=print)) if one.name == name)


def _results(case: Case, inputs: Inputs) -> int:
    if case.wants == "value":
        return 0
    return int(inputs.predictions.nbytes + (inputs.options["weight"].nbytes if case.operation == HEAD else 0))


def _peak() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    _main(*sys.argv[1:])
