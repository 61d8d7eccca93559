"""Every numbered line of docs/conventions.md is pinned by a test that names it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
CONVENTIONS = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
PROMISES = [int(number) for number in re.findall(r"^(\d+)\. ", CONVENTIONS, flags=re.MULTILINE)]

_NUMBERS = re.compile(r"(?<![a-z])promises?[ _]+(\d+(?:(?:[ _]*(?:,|and|to)[ _]*|_)\d+)*)", flags=re.IGNORECASE)


def named(text: str) -> set[int]:
    """The promises that a name or a docstring speaks of: "promise 6", "promises 6, 7 and 9", "promises 6 to 10"."""
    numbers: set[int] = set()
    for found in _NUMBERS.finditer(text):
        numbers.update(int(number) for number in re.findall(r"\d+", found[1]))
        for first, last in re.findall(r"(\d+)[ _]+to[ _]+(\d+)", found[1]):
            numbers.update(range(int(first), int(last) + 1))
    return numbers


def pinned(path: Path) -> Iterator[int]:
    """What the tests of one file name; the file's own docstring may speak for all of them."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in module.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    if tests:
        yield from named(ast.get_docstring(module) or "")
    for test in tests:
        yield from named(test.name) | named(ast.get_docstring(test) or "")


PINNED = {number for path in TESTS.rglob("test_*.py") if path != Path(__file__).resolve() for number in pinned(path)}


@pytest.mark.parametrize("number", PROMISES)
def test_every_promise_is_named_by_a_test(number: int) -> None:
    assert number in PINNED


def test_promises_are_numbered_without_a_gap() -> None:
    assert list(range(1, len(PROMISES) + 1)) == PROMISES
    assert set(PROMISES) >= PINNED


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("test_promise_12_a_label", {12}),
        ("test_promise_6_and_10_infinities", {6, 10}),
        ("test_nan_stays_in_its_row_promise_10", {10}),
        ("Promises 6 to 10: what extreme logits do.", {6, 7, 8, 9, 10}),
        ("Promises 2, 6 and 20: every result", {2, 6, 20}),
        ("Promise 15 and 26.", {15, 26}),
        ("promise 8: 80 apart", {8}),
        ("It keeps what it says in 12 lines.", set()),
        ("compromise 3", set()),
    ],
)  # fmt: skip
def test_names_are_read(text: str, numbers: set[int]) -> None:
    assert named(text) == numbers
