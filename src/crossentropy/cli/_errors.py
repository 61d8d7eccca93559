"""What the library raises, as one sentence on stderr and an exit code."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

BAD_INPUT = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

#: What bad input raises (promise 24). Anything else is a defect of the library, and shows its traceback.
BAD_INPUT_ERRORS = (ValueError, TypeError, IndexError, OSError, ImportError)


@contextlib.contextmanager
def bad_input_as_one_sentence() -> Iterator[None]:
    """Turn an error about the input into ``error: …`` on stderr and exit code 2."""
    try:
        yield
    except BAD_INPUT_ERRORS as error:
        print(f"error: {as_sentence(error)}", file=sys.stderr)
        raise SystemExit(BAD_INPUT) from None


def as_sentence(error: Exception) -> str:
    """The message of an error on one line; what the operating system or the import machinery says gets its remedy."""
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; check the path and its permissions"
    if isinstance(error, ModuleNotFoundError) and error.name is not None and error.name.split(".")[0] != "crossentropy":
        return f'{error.name}: expected to be installed, got no such module; pip install "crossentropy[cli]"'
    return " ".join(str(error).split()) or type(error).__name__
