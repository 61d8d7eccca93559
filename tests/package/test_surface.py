"""The public surface: the list, the objects, their documentation and types agree."""

from __future__ import annotations

import doctest
import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES

ROOT = Path(__file__).parents[2]
CHOICES = {"SparseTargets", "checked", "use_implementation", "release_memory", "show_config"}
CALLABLES = [n for n in ce.__all__ if n not in CHOICES]


def test_the_list_is_complete_and_without_repetition() -> None:
    assert len(set(ce.__all__)) == len(ce.__all__)
    public = {name for name in dir(ce) if not name.startswith("_") and not inspect.ismodule(getattr(ce, name))}
    assert public - {"annotations"} == set(ce.__all__)


@pytest.mark.parametrize("name", ce.__all__)
def test_every_public_object_is_documented_with_an_example(name: str) -> None:
    doc = inspect.getdoc(getattr(ce, name)) or ""
    assert doc.split("\n")[0].endswith((".", ":")), "the first line is a sentence"
    assert doctest.DocTestParser().get_examples(doc), "no example"
    assert "{" not in doc.replace("{0, 1}", "").split("Example")[0], "an unfilled placeholder"


@pytest.mark.parametrize("name", CALLABLES)
def test_numerical_functions_state_accuracy_and_source(name: str) -> None:
    doc = inspect.getdoc(getattr(ce, name)) or ""
    assert "ULP" in doc or "error estimate" in doc
    assert "Source" in doc


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_functions_to_inspect_and_pickle(name: str) -> None:
    loss = LOSSES[name]
    assert loss is getattr(ce, name)
    assert pickle.loads(pickle.dumps(loss)) is loss
    assert tuple(inspect.signature(loss).parameters)[:2] == loss.contract.arguments
    assert repr(loss) == f"<crossentropy loss {name}>"


def test_the_stub_of_the_compiled_core_is_current(tmp_path: Path) -> None:
    fresh = tmp_path / "_core.pyi"
    command = [sys.executable, "-m", "nanobind.stubgen", "-q", "-m", "crossentropy._native._core", "-o", str(fresh)]
    subprocess.run(command, check=True)
    kept = (ROOT / "src/crossentropy/_native/_core.pyi").read_text()
    assert fresh.read_text() == kept, "run `make stubs`"


def test_versions_agree() -> None:
    """One version: the package, its metadata, the compiled core, the changelog, the citation."""
    import importlib.metadata

    version = importlib.metadata.version("crossentropy")
    assert ce.__version__ == ce.show_config()["version"] == version
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()
