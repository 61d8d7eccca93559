"""What `import crossentropy` brings and costs, and which way the arrows between the layers point."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "src" / "crossentropy"
HEAVY = {
    "torch",
    "jax",
    "sklearn",
    "scipy",
    "pandas",
    "pyarrow",
    "altair",
    "matplotlib",
    "rich",
    "typer",
    "ml_dtypes",
    "onnx",
}


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def brought_by(module: str) -> set[str]:
    return set(run(f"import sys, {module}; print(' '.join({{name.split('.')[0] for name in sys.modules}}))").split())


def test_import_brings_numpy_and_nothing_heavy() -> None:
    brought = brought_by("crossentropy")
    assert "numpy" in brought
    assert not brought & HEAVY


@pytest.mark.parametrize("package", ["linear_model", "calibration"])
def test_linear_models_bring_nothing_that_only_their_exports_need(package: str) -> None:
    assert not brought_by(f"crossentropy.{package}") & {"torch", "onnx", "onnxruntime"}


def test_distributed_says_what_it_needs() -> None:
    """Without PyTorch, and with one that was built without torch.distributed."""
    for absence, received in (
        ("sys.modules['torch'] = None", "none"),
        ("import torch.distributed as d; d.is_available = lambda: False", "one without it"),
    ):
        said = run(f"import sys; {absence}\ntry: import crossentropy.distributed\nexcept ImportError as e: print(e)")
        assert said == (
            f"crossentropy.distributed: expected PyTorch with torch.distributed, got {received}; install it: "
            "pip install 'crossentropy[torch]'"
        )


def test_the_test_above_would_notice() -> None:
    assert brought_by("crossentropy, rich") & HEAVY == {"rich"}


def test_import_takes_less_than_one_and_a_half_times_numpy() -> None:
    def seconds(module: str) -> float:  # of the processor: others may keep this process waiting
        return float(run(f"import time; t = time.process_time(); import {module}; print(time.process_time() - t)"))

    pairs = [(seconds("numpy"), seconds("crossentropy")) for _ in range(12)]
    # the least of several: whatever else the machine does only adds
    assert min(ours for _, ours in pairs) < 1.5 * min(numpy for numpy, _ in pairs)


# Which layers a layer may import, besides itself; "public" are the modules directly in the package.
ARROWS = {
    "reference": set(),
    "public": {"reference", "_native"},
    "_native": set(),
    "testing": {"public"},
    "io": {"public"},
    "torch": {"public"},
    "distributed": {"public", "torch"},
    "explanation": {"public", "reference"},
    "linear_model": {"public", "io", "evaluation"},
    "calibration": {"public", "linear_model"},
    "evaluation": {"public", "io", "reference"},
    "cli": {"public", "io", "explanation", "linear_model", "evaluation"},
}


def layer(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return "public" if len(parts) == 1 else parts[0]


def imported_layers(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        else:
            continue
        for module in modules:
            parts = module.split(".")
            if parts[0] == "crossentropy":
                found.add(parts[1] if len(parts) > 1 and (ROOT / parts[1]).is_dir() else "public")
    return found


FILES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__main__.py")


@pytest.mark.parametrize("path", FILES, ids=[str(p.relative_to(ROOT)) for p in FILES])
def test_arrows_point_one_way(path: Path) -> None:
    own = layer(path)
    found = imported_layers(path) - {own}
    assert found <= ARROWS[own], f"{own} may import {sorted(ARROWS[own])}"


def test_reference_imports_numpy_only() -> None:
    for path in (ROOT / "reference").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                top = name.split(".")[0]
                assert top in {"numpy", "crossentropy"} | set(sys.stdlib_module_names), f"{path.name} imports {name}"
                if top == "crossentropy":
                    assert name.startswith("crossentropy.reference"), f"{path.name} imports {name}"
