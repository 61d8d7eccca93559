"""Promise 21: the same bits whatever the number of threads and whatever ran before; forks and Python threads work."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import crossentropy as ce

CASE = """
import hashlib, numpy as np, crossentropy as ce
rng = np.random.default_rng(7)
z, y = rng.standard_normal((3000, 157), dtype=np.float32), rng.integers(0, 157, 3000)
value, gradient = ce.softmax_cross_entropy.value_and_grad(z, y, label_smoothing=0.1)
flat, more = ce.sigmoid_cross_entropy.value_and_grad(z, z > 0)
print(ce.show_config()["threads"], hashlib.sha256(value.tobytes() + gradient.tobytes() + flat.tobytes() + more.tobytes()
      + ce.softmax(z).tobytes() + ce.softplus(z).tobytes()).hexdigest())
"""


def run(code: str, **environment: str) -> list[str]:
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return process.stdout.split()


@pytest.mark.parametrize("isa", ce.show_config()["instruction_sets"])
def test_same_bits_for_any_number_of_threads_promise_21(isa: str) -> None:
    results = {n: run(CASE, OMP_NUM_THREADS=str(n), CROSSENTROPY_ISA=isa) for n in (1, 2, 3, 16)}
    assert [int(threads) for threads, _ in results.values()] == list(results)
    assert len({digest for _, digest in results.values()}) == 1


def digest() -> str:
    rng = np.random.default_rng(3)
    z, y = rng.standard_normal((2000, 64)), rng.integers(0, 64, 2000)
    value, gradient = ce.softmax_cross_entropy.value_and_grad(z, y)
    return hashlib.sha256(value.tobytes() + gradient.tobytes()).hexdigest()


def test_a_forked_process_works_after_threads_ran_in_its_parent() -> None:
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "from multiprocessing import get_context\n"
        "from tests.package.test_threads import digest\n"
        "if __name__ == '__main__':\n"
        "    mine = digest()\n"
        "    with get_context('fork').Pool(2) as pool:\n"
        "        print(pool.apply_async(digest).get(timeout=60) == mine)\n"
    )
    assert run(code) == ["True"]


def test_calls_from_several_python_threads_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: digest(), range(12)))) == 1


def test_an_unknown_instruction_set_is_refused() -> None:
    command = [sys.executable, "-c", "import crossentropy"]
    process = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CROSSENTROPY_ISA": "v9"})
    available = ", ".join(ce.show_config()["instruction_sets"])
    assert process.returncode == 1
    assert process.stderr.strip().endswith(
        f"ImportError: CROSSENTROPY_ISA: expected one of {available}, got 'v9'; "
        "unset it, or name a set that this machine has"
    )
