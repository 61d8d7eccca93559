"""What the passes of a fit found, kept in files, so that a fit that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._validation import sentence
from crossentropy.linear_model._rows import Outcome

FORMAT = "crossentropy-checkpoint"
VERSION = 2

#: Complete passes, and what a kill may leave of one that was being written.
_PASS, _UNFINISHED = re.compile(r"\d{6}\.safetensors"), re.compile(r"\.\d{6}\.[0-9a-f]{16}\.safetensors")


class Journal:
    """A folder with a safetensors file for each pass of a fit, in order.

    A solver is a function of what its passes found. So a fit that begins anew and takes what the files hold, instead of
    reading the rows, is in the state in which the last file was written, bit for bit. Each file says by which fit and
    at which point its pass was made; a fit that would ask for something else is refused.
    """

    def __init__(self, folder: str | os.PathLike[str], fit: Mapping[str, str]) -> None:
        self._folder, self._fit, self._passes = Path(folder), dict(fit), 0
        #: The seconds of the passes that are taken from files, and when the first that is made here began.
        self._seconds, self._began = 0.0, 0.0
        self._folder.mkdir(exist_ok=True)
        others = [
            name for name in sorted(os.listdir(folder)) if not (_PASS.fullmatch(name) or _UNFINISHED.fullmatch(name))
        ]
        if others:
            raise ValueError(
                sentence(
                    str(folder),
                    expected="a folder for the checkpoint alone",
                    received=f"one that holds {others[0]!r}",
                    remedy="name a new one",
                )
            )

    def keep(self, compute: Callable[[], Outcome], *arguments: Any) -> Outcome:
        """What the next pass finds: from its file, or computed and written."""
        path, asked = self._folder / f"{self._passes:06}.safetensors", _digest(arguments)
        if path.exists():
            found = self._read(path, asked)
        else:
            if not self._began:
                self._began = time.perf_counter()
            found = tuple(np.asarray(array, order="C") for array in compute())
            self._write(path, asked, found)
        self._passes += 1
        return found

    def clock(self) -> float:
        """Seconds of work, those of the runs before included."""
        return self._seconds + (time.perf_counter() - self._began if self._began else 0.0)

    def remove(self) -> None:
        """The fit is finished: its files go, and the folder."""
        for name in os.listdir(self._folder):
            (self._folder / name).unlink()
        self._folder.rmdir()

    def _write(self, path: Path, asked: str, found: Outcome) -> None:
        from safetensors.numpy import save_file

        from crossentropy.io import replacing

        header = {
            "format": FORMAT,
            "version": VERSION,
            "fit": self._fit,
            "asked": asked,
            "found": _digest(found),
            "seconds": self.clock(),
        }
        tensors = {str(position): array for position, array in enumerate(found)}
        with replacing(path) as temporary:
            save_file(tensors, temporary, {FORMAT: json.dumps(header)})

    def _read(self, path: Path, asked: str) -> Outcome:
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, framework="numpy") as file:
                header = json.loads((file.metadata() or {}).get(FORMAT, "{}"))
                # copies, since a file's arrays may lie anywhere in memory
                found = tuple(np.array(file.get_tensor(str(position))) for position in range(len(file.keys())))
        except (SafetensorError, OSError, ValueError) as error:
            raise _refused(path, "a complete file of a checkpoint", f"one that cannot be read ({error})") from error
        if header.get("version") != VERSION or header.get("found") != _digest(found):
            raise _refused(path, f"a complete file of a checkpoint of version {VERSION}", "another, or a damaged one")
        for name, value in (self._fit | header["fit"]).items():
            ours = self._fit.get(name)
            if ours != header["fit"].get(name):
                raise _refused(path, f"the checkpoint of a fit with {name} {ours}", f"one with {value}")
        if header["asked"] != asked:
            raise _refused(
                path,
                "a pass at the point that this fit has come to",
                "one at another, by another start, processor or version of a library",
            )
        self._seconds = header["seconds"]
        return found


def described(estimator: str, parameters: Mapping[str, Any]) -> dict[str, str]:
    """What a fit depends on, but for its data: ``max_iter`` only says when it ends."""
    texts = {name: _text(value) for name, value in parameters.items() if name != "max_iter"}
    return {"estimator": estimator} | texts


def _text(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.ndarray):
        return json.dumps(value.tolist())
    return repr(value)


def _digest(values: tuple[Any, ...]) -> str:
    digest = hashlib.sha256()
    for value in values:
        array: NDArray[Any] = np.ascontiguousarray(value)
        digest.update(f"{array.dtype} {np.shape(value)} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _refused(path: Path, expected: str, received: str) -> ValueError:
    return ValueError(
        sentence(str(path), expected=expected, received=received, remedy=f"delete {path.parent} to begin anew")
    )
