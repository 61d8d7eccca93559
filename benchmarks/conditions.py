"""Under which conditions a result was measured."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import crossentropy as ce


def conditions(*packages: str) -> dict[str, str]:
    """Machine, versions (those of packages where they are installed), commit and date, as columns of the results."""
    import torch

    config = ce.show_config()
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "instruction_set": config["instruction_set"],
        "threads": str(config["threads"]),
        "torch_threads": str(torch.get_num_threads()),
        "compiler": config["compiler"],
        "python": platform.python_version(),
        "crossentropy": config["version"],
        **{name: _version(name) for name in packages},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, check=False)
    return done.stdout.strip() or "unknown"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
