"""Runs the code of a Markdown document in order: Python sessions and shell sessions, all in one folder."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
)

_BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
_FLAGS = doctest.ELLIPSIS | doctest.REPORT_UDIFF


def run(document: str, name: str, folder: Path) -> int:
    """Run every ``>>>`` example and every ``$`` command, and compare what they print; the number of them."""
    names: dict[str, Any] = {}
    count = 0
    for kind, code in _BLOCK.findall(document):
        if kind == "python":
            count += _python(code, name, names)
        else:
            count += _shell(code, folder)
    return count


def _python(code: str, name: str, names: dict[str, Any]) -> int:
    parsed = doctest.DocTestParser().get_doctest(code, names, name, None, 0)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=_FLAGS)
    runner.run(parsed, out=said.append, clear_globs=False)
    names.update(parsed.globs)
    if said:
        raise AssertionError("".join(said))
    return len(parsed.examples)


def _shell(code: str, folder: Path) -> int:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    commands = _COMMAND.findall(code)
    for command, expected in commands:
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        actual = _stripped(done.stdout)
        if not doctest.OutputChecker().check_output(_stripped(expected), actual, _FLAGS):
            raise AssertionError(f"$ {command}\nexpected:\n{expected}\ngot:\n{actual}")
    return len(commands)


def _stripped(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines()).rstrip("\n")
