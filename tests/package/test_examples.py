"""Every example runs without a warning and prints what its docstring says."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.package.documents import ROOT

#: Those that read data have tests of their own.
_EXAMPLES = sorted(set((ROOT / "examples").glob("*.py")) - {ROOT / "examples/linear_probe.py"})


@pytest.mark.parametrize("path", _EXAMPLES, ids=lambda path: path.stem)
def test_example_prints_what_it_says(path: Path, tmp_path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8")), clean=True)
    assert docstring is not None
    stated = dedent(docstring.partition("Prints:\n\n")[2])
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.rstrip("\n") == stated
    assert stated


def test_there_are_examples() -> None:
    assert len(_EXAMPLES) >= 5
