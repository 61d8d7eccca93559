"""Files that a command writes, which should be none of those that it reads."""

from __future__ import annotations

import os
from pathlib import Path

from crossentropy._validation import sentence


def check_own_file(name: str, path: Path | None, others: dict[str, Path | None]) -> None:
    """``ValueError`` where an output is one of the command's other files: it would be lost."""
    for other, taken in others.items():
        if path is not None and taken is not None and os.path.realpath(path) == os.path.realpath(taken):
            raise ValueError(
                sentence(
                    name, expected="a file of its own", received=f"that of {other}, {taken}", remedy="name another"
                )
            )
