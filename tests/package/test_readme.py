"""The README's generated parts are current, and what it names exists. Its code is run by test_docs."""

from __future__ import annotations

import re

import crossentropy as ce
from benchmarks import results
from benchmarks.documents import _functions, _speed
from benchmarks.documents._blocks import block, with_block
from crossentropy._loss import LOSSES
from tests.package.documents import ROOT

_README = (ROOT / "README.md").read_text("utf-8")


def test_table_of_functions_is_what_they_declare() -> None:
    assert block(_README, "functions") == _functions.table()


def test_table_of_functions_holds_every_public_function() -> None:
    listed = re.findall(r"^\| `(\w+)`", block(_README, "functions"), re.MULTILINE)
    assert listed == [name for name in ce.__all__ if name not in _functions.NO_FUNCTIONS]
    assert set(LOSSES) <= set(listed)


def test_table_of_speed_is_that_of_the_newest_results() -> None:
    assert block(_README, "speed") == _speed.readme_table(*results.load(results.newest()))


def test_table_of_peers_says_what_their_page_says() -> None:
    page = (ROOT / "docs/peers.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^\s-].*?) \| (.*?) \| (.*?) \| (.*?) \|$", block(_README, "peers"), re.MULTILINE)
    assert len(rows) == page.count("\n## ")
    for title, peer, theirs, ours in rows:
        section = page[page.index(f"\n## {title}\n") :].split("\n## ")[1]
        assert re.search(rf"^\| {re.escape(peer)} \| `.*` \| {re.escape(theirs)} \|$", section, re.MULTILINE)
        assert re.search(rf"^\| crossentropy \| `.*` \| {re.escape(ours)}(: .*)? \|$", section, re.MULTILINE)


def test_a_block_that_is_replaced_reads_as_it_was_written() -> None:
    document = "a\n<!-- x: generated -->\nold\n<!-- x: end -->\nb\n"
    replaced = with_block(document, "x", "new")
    assert block(replaced, "x") == "new"
    assert (replaced[0], replaced[-2]) == ("a", "b")


def test_make_targets_that_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = set(re.findall(r"\bmake (\w+)", _README))
    assert named >= {"demo", "test", "bench"}
    assert [target for target in sorted(named) if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []


def test_conventions_have_as_many_lines_as_it_says() -> None:
    conventions = (ROOT / "docs/conventions.md").read_text("utf-8")
    numbers = [int(number) for number in re.findall(r"^(\d+)\. ", conventions, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert f"[{len(numbers)} numbered lines]" in _README


def test_version_of_the_citation_and_the_changelog_is_that_of_the_package() -> None:
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [ce.__version__]
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0] == ce.__version__
