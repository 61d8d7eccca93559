"""The file formats by their extension, and the checks every file passes before it is opened."""

from __future__ import annotations

import os
from pathlib import Path

from crossentropy._validation import sentence

StrPath = str | os.PathLike[str]

#: The known extensions, and the name of each format in messages.
FORMATS = {".csv": "CSV", ".parquet": "Parquet", ".npy": "NPY", ".npz": "NPZ"}


def extension(path: Path) -> str:
    """The known extension of ``path``, in lower case, or an error that lists those that are known."""
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        *others, last = FORMATS
        raise ValueError(
            sentence(
                str(path),
                expected=f"a file name ending in {', '.join(others)} or {last}",
                received=repr(path.suffix) if path.suffix else "one without an extension",
                remedy="convert the table to one of these formats",
            )
        )
    return suffix


def existing_file(path: StrPath) -> Path:
    """``path`` where it is a file with something in it, or an error that says what it is."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            sentence(str(path), expected="a file", received="a path where there is none", remedy="check the path")
        )
    if path.is_dir():
        raise IsADirectoryError(
            sentence(str(path), expected="a file", received="a directory", remedy="name one file in it")
        )
    if path.is_file() and path.stat().st_size == 0:
        raise ValueError(
            sentence(str(path), expected="a file with rows", received="an empty file", remedy="write it again")
        )
    return path


def no_rows(path: Path, received: str = "a table without rows") -> ValueError:
    """The error for a table of no rows."""
    return ValueError(
        sentence(str(path), expected="at least one row", received=received, remedy="write it again with its rows")
    )


def damaged(path: Path, reason: BaseException) -> ValueError:
    """The error for a file that its format's reader cannot take."""
    said = " ".join(str(reason).split()).rstrip(".") or type(reason).__name__
    return ValueError(
        sentence(
            str(path),
            expected=f"a complete {FORMATS[extension(path)]} file",
            received=f"one that cannot be read ({said})",
            remedy="write it again, it may have been cut short",
        )
    )


def same_name(path: Path, name: str) -> ValueError:
    """The error for a table with two columns called ``name``."""
    return ValueError(
        sentence(str(path), expected="columns of different names", received=f"two called {name!r}", remedy="rename one")
    )
