"""What runs here, and what may be chosen of it: threads and instruction set, both of the whole process (promise 25)."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossentropy._dispatch import implementation, of_tensors
from crossentropy._loss import LOSSES
from crossentropy._native import core
from crossentropy._validation import sentence

_MOST_THREADS = 2**16 - 1


def show_config() -> dict[str, Any]:
    """The build and the choices in force, as a dictionary.

    Keys: ``version``, ``instruction_set`` (in use), ``instruction_sets`` (that this machine runs, best first; the
    environment variable CROSSENTROPY_ISA forces one), ``threads`` (of the next large call), ``compiler``, ``memory``
    (bytes of large results in use, and waiting for the next; see ``release_memory``), and ``implementations``: for each
    family of functions, what serves it; for losses on tensors, the choice in force (``crossentropy.torch``).

    Example:
        >>> import crossentropy as ce
        >>> ce.show_config()["implementations"]["measures"]
        'reference (float64 NumPy)'
    """
    served = "native core" if implementation() == "native" else "reference (float64 NumPy)"
    return {
        "version": core.version(),
        "instruction_set": core.instruction_set(),
        "instruction_sets": core.available_instruction_sets(),
        "threads": core.threads(),
        "compiler": core.compiler(),
        "memory": dict(zip(("in_use", "waiting"), core.memory_use(), strict=True)),
        "implementations": {
            "losses": {name: served for name in LOSSES},
            "activations": served,
            "measures": "reference (float64 NumPy)",
            "tensors": of_tensors.get(),
        },
    }


def set_num_threads(n: int) -> None:
    """Let losses and activations use up to ``n`` threads from now on, in the whole process.

    The latest word counts: what ``OMP_NUM_THREADS`` says at the start (else one thread for each core), this function,
    and ``threadpoolctl.threadpool_limits``, which limits the thread that enters it, until it leaves. Results are the
    same bit for bit whatever the number; small calls use one thread anyway.

    Raises:
        ValueError: unless 1 <= n <= 65535.
        TypeError: for what is no integer.

    Example:
        >>> import crossentropy as ce
        >>> before = ce.get_num_threads()
        >>> ce.set_num_threads(3)
        >>> ce.get_num_threads()
        3
        >>> ce.set_num_threads(before)
    """
    is_integer = isinstance(n, int | np.integer) and not isinstance(n, bool)
    if not is_integer or not 1 <= n <= _MOST_THREADS:
        raise (ValueError if is_integer else TypeError)(
            sentence(
                "n",
                expected=f"an integer from 1 to {_MOST_THREADS}",
                received=repr(n),
                remedy="pass the number of threads",
            )
        )
    core.set_threads(int(n))


def get_num_threads() -> int:
    """How many threads the next large call from this thread may use.

    Example:
        >>> import crossentropy as ce
        >>> ce.get_num_threads() >= 1
        True
    """
    return core.threads()


def use_instruction_set(name: str) -> str:
    """Run losses and activations on one of ``show_config()["instruction_sets"]`` from now on, in the whole process.

    Returns the name of the one in use before. The environment variable CROSSENTROPY_ISA chooses at the start.

    Raises:
        ValueError: for a set that this machine or this build does not have.

    Example:
        >>> import crossentropy as ce
        >>> before = ce.use_instruction_set("baseline")
        >>> ce.show_config()["instruction_set"]
        'baseline'
        >>> ce.use_instruction_set(before)
        'baseline'
    """
    before = core.instruction_set()
    if not isinstance(name, str) or not core.use_instruction_set(name):
        raise ValueError(
            sentence(
                "name",
                expected=f"one of {', '.join(core.available_instruction_sets())}",
                received=repr(name),
                remedy="name a set that this machine has",
            )
        )
    return before
