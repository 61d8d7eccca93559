"""Promise 21: the same bits whatever the number of threads and whatever ran before; forks and Python threads work.

Whose word on the number of threads counts, and the choice of an instruction set, which are both of the whole process.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

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


def run(code: str, *arguments: str, **environment: str) -> list[str]:
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
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


FORKS = """
import os, sys, threading; sys.path.insert(0, '.')
import crossentropy as ce
from tests.package.test_threads import digest

mine, over = digest(), threading.Event()
def call_on(): [digest() for _ in iter(over.is_set, True)]
callers = [threading.Thread(target=call_on) for _ in range(int(sys.argv[1]))]
for caller in callers: caller.start()
for _ in range(5):
    if (child := os.fork()) == 0:
        same = digest() == mine
        os._exit(0 if same and len(os.listdir('/proc/self/task')) == ce.get_num_threads() else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
over.set()
"""


@pytest.mark.parametrize("callers", [0, 1, 2])
def test_a_forked_process_computes_on_threads_of_its_own(callers: int) -> None:
    """After its parent has, and while other threads of its parent do."""
    assert run(FORKS, str(callers), OMP_NUM_THREADS="3") == ["0"] * 5


def test_a_process_ends_with_its_workers_asleep_or_about_to_be() -> None:
    code = (
        "import sys, threading; sys.path.insert(0, '.')\n"
        "from tests.package.test_threads import digest\n"
        "callers = [threading.Thread(target=digest) for _ in range(3)]\n"
        "for caller in callers: caller.start()\n"
        "print(digest() == digest())\n"
    )
    assert run(code, OMP_NUM_THREADS="4") == ["True"]


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


@pytest.fixture
def threads() -> Iterator[int]:
    before = ce.get_num_threads()
    yield before
    ce.set_num_threads(before)


def seen_by_a_new_thread() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ce.get_num_threads).result()


def test_the_latest_word_on_the_number_of_threads_counts(threads: int) -> None:
    ce.set_num_threads(5)
    assert ce.get_num_threads() == ce.show_config()["threads"] == seen_by_a_new_thread() == 5
    with threadpool_limits(2):
        assert ce.get_num_threads() == 2
        assert seen_by_a_new_thread() == 5
        with threadpool_limits(1):
            assert ce.get_num_threads() == 1
        ce.set_num_threads(np.int64(7))
        assert ce.get_num_threads() == seen_by_a_new_thread() == 7
    assert ce.get_num_threads() == 5, "threadpoolctl puts back what it found"
    ce.set_num_threads(16)
    assert digest() == digest()


def test_another_thread_keeps_its_limit(threads: int) -> None:
    def limited() -> tuple[int, int]:
        with threadpool_limits(1):
            inside = ce.get_num_threads()
        return inside, ce.get_num_threads()

    ce.set_num_threads(6)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(limited).result() == (1, 6)


def test_the_first_number_of_omp_num_threads_counts() -> None:
    assert run("import crossentropy as ce; print(ce.get_num_threads())", OMP_NUM_THREADS="3,2") == ["3"]


@pytest.mark.parametrize(
    ("n", "error", "received"),
    [(0, ValueError, "0"), (-1, ValueError, "-1"), (2**16, ValueError, "65536"), (2.0, TypeError, "2.0"),
     (True, TypeError, "True"), ("2", TypeError, "'2'"), (None, TypeError, "None")],
)  # fmt: skip
def test_a_number_of_threads_that_is_none_is_refused_promise_24(n, error, received) -> None:
    before = ce.get_num_threads()
    with pytest.raises(error) as caught:
        ce.set_num_threads(n)
    assert str(caught.value) == f"n: expected an integer from 1 to 65535, got {received}; pass the number of threads"
    assert ce.get_num_threads() == before


def test_an_instruction_set_is_chosen_for_the_process() -> None:
    first = ce.show_config()["instruction_set"]
    before = first
    for name in ce.show_config()["instruction_sets"]:
        assert ce.use_instruction_set(name) == before
        before = name
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(ce.show_config).result()["instruction_set"] == name
    assert ce.use_instruction_set(first) == before


@pytest.mark.parametrize("name", ["v9", "", None])
def test_an_instruction_set_that_is_none_is_refused_promise_24(name) -> None:
    before = ce.show_config()["instruction_set"]
    with pytest.raises(ValueError) as caught:
        ce.use_instruction_set(name)
    available = ", ".join(ce.show_config()["instruction_sets"])
    assert str(caught.value) == f"name: expected one of {available}, got {name!r}; name a set that this machine has"
    assert ce.show_config()["instruction_set"] == before
