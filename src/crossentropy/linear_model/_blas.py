"""BLAS, held to one thread while the library's own compute: its threads would go on waiting for the next product."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_blas_thread() -> AbstractContextManager[Any]:
    """A context in which BLAS has one thread; what it had comes back."""
    limits: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limits


@cache
def _controller() -> ThreadpoolController:
    # To look for libraries takes as long as a small fit. NumPy's and SciPy's are loaded by now.
    return ThreadpoolController()
