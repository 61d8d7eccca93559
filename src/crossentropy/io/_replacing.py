"""Writing beside the target and renaming, so that no half-written file ever stands under its name."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from crossentropy._validation import sentence
from crossentropy.io._formats import StrPath


@contextlib.contextmanager
def replacing(path: StrPath) -> Iterator[Path]:
    """Yield a temporary path beside ``path``, of the same extension; rename it to ``path`` on success, else remove it.

    The rename is atomic, so that others see either the old file or the whole new one. A symbolic link keeps pointing
    where it did: the file behind it is replaced.

    Raises ``FileNotFoundError`` for a directory that does not exist, ``ValueError`` for a target that is no regular
    file (a directory, a device).

    >>> import pathlib, tempfile
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("1 2 3")
    >>> target.read_text()
    '1 2 3'
    """
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            sentence(
                str(path),
                expected="a directory that exists",
                received=str(target.parent),
                remedy="create it first, or write elsewhere",
            )
        )
    if target.exists() and not target.is_file():
        kind = "a directory" if target.is_dir() else "a device or pipe"
        raise ValueError(
            sentence(str(path), expected="a file to replace or create", received=kind, remedy="name a file")
        )
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(8)}{target.suffix}")
    try:
        yield temporary
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
