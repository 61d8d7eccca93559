"""Documents say what is true: their code runs and prints what stands there, their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import differences, results
from benchmarks.differences import DIFFERENCES, Difference
from benchmarks.documents import _speed
from tests.package.documents import DOCUMENTS, ROOT, run

_names = {str(path.relative_to(ROOT)): path for path in DOCUMENTS}
_with_code = [name for name, path in _names.items() if re.search(r"^(>>>|\$) ", path.read_text("utf-8"), re.MULTILINE)]


@pytest.mark.parametrize("name", _with_code)
def test_code_of_a_document_prints_what_stands_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(_names[name].read_text("utf-8"), name, tmp_path) > 0


def test_the_runner_of_documents_can_fail(tmp_path: Path) -> None:
    for wrong in ("```python\n>>> 1 + 1\n3\n```\n", "```console\n$ echo one\ntwo\n```\n"):
        with pytest.raises(AssertionError):
            run(wrong, "wrong", tmp_path)


@pytest.mark.parametrize("name", _names)
def test_links_lead_to_files(name: str) -> None:
    path = _names[name]
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    missing = [t for t in targets if "://" not in t and not (path.parent / t).exists()]
    assert missing == []


def test_tree_in_contributing_is_that_of_the_repository() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    listed = {path for path in re.findall(r"^([\w/]+)/ {2,}\S", text, re.MULTILINE)}
    assert all((ROOT / path).is_dir() for path in listed)
    layers = {f"src/crossentropy/{path.parent.name}" for path in (ROOT / "src/crossentropy").glob("*/__init__.py")}
    assert layers <= listed


def test_benchmarks_page_is_that_of_the_newest_results() -> None:
    page = (ROOT / "docs/benchmarks.md").read_text("utf-8")
    assert page == _speed.page(*results.load(results.newest()))


def _claims() -> list[tuple[str, str, str]]:
    """Every call of the page of peers that needs no PyTorch, with its answer."""
    page = (ROOT / "docs/peers.md").read_text("utf-8")
    rows = re.findall(r"^\| (\S.*?) \| `(.*)` \| (.*) \|$", page, re.MULTILINE)
    return [row for row in rows if not row[0].startswith("PyTorch")]


@pytest.mark.parametrize(("who", "call", "stated"), _claims())
def test_answers_on_the_page_of_peers(who: str, call: str, stated: str) -> None:
    if who == "exact":
        assert differences.exact(call) == stated
    else:
        assert differences.answer(call, differences.namespace(with_torch=False)) == stated


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda d: d.title)
def test_the_page_of_peers_holds_every_difference(difference: Difference) -> None:
    page = (ROOT / "docs/peers.md").read_text("utf-8")
    for part in (difference.title, difference.reason, difference.theirs, difference.ours):
        assert part in page
