"""The script of the guide prints on two processes what the guide says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.package.documents import ROOT


def test_the_script_for_two_processes(tmp_path: Path) -> None:
    page = (ROOT / "docs/how-to/vocab-parallel.md").read_text("utf-8")
    found = re.search(
        r"^```python\n(import .*?)^```\n\n```text\n\$ torchrun (.*?)\n(.*?)^```", page, re.DOTALL | re.MULTILINE
    )
    assert found is not None
    script, options, stated = found.groups()
    (tmp_path / "train.py").write_text(script, "utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", *options.split()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == stated
