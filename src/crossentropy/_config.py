"""What runs here: version, instruction set, threads, compiler, and which implementation serves what (promise 25)."""

from __future__ import annotations

from typing import Any

from crossentropy._dispatch import implementation
from crossentropy._loss import LOSSES
from crossentropy._native import core


def show_config() -> dict[str, Any]:
    """The build and the choices in force, as a dictionary.

    Keys: ``version``, ``instruction_set`` (in use), ``instruction_sets`` (that this machine runs, best first; the
    environment variable CROSSENTROPY_ISA forces one), ``threads`` (of the next large call), ``compiler``, ``memory``
    (bytes of large results in use, and waiting for the next; see ``release_memory``), and ``implementations``: for each
    family of functions, what serves it.

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
        },
    }
