"""The derivation as a page."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from crossentropy.explanation import explain, render_fragment, render_page
from crossentropy.explanation._chart import MOST_ROWS
from crossentropy.explanation._numbers import written

VOID = {"meta", "link", "br", "rect", "line"}
TEXTBOOK: dict[str, Any] = {"probabilities": [0.1, 0.5, 0.1, 0.1, 0.2], "target": 0}


class Reader(HTMLParser):
    """Collects tags and cells, and holds the page against its own nesting."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "td":
            self.cells.append(data)

    def count(self, tag: str, **attributes: str) -> int:
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return sum(name == tag and wanted.items() <= found.items() for name, found in self.tags)


@pytest.mark.parametrize(
    "arguments",
    [
        TEXTBOOK,
        {"logits": [2.0, -1.0, 0.5], "target": [0.7, 0.2, 0.1], "base": 2},
        {"probabilities": [0.0, 1.0], "target": 0},
        {"logits": [3.0, -2.0], "target": [1, 0], "kind": "sigmoid"},
        {"logits": [3.0], "target": 0},
    ],
)
def test_the_page_is_whole_and_says_every_number(arguments: dict[str, Any]) -> None:
    derivation = explain(**arguments)
    page = render_page(derivation)
    reader = Reader(page)
    assert reader.open == []
    columns = [step for step in derivation.steps if isinstance(step.value, tuple)]
    assert sorted(reader.cells) == sorted(written(value) for step in columns for value in step.value)
    for step in derivation.steps:
        if isinstance(step.value, float):
            assert f" = {written(step.value)}" in page
    assert f"<strong>{written(derivation.loss)} {derivation.unit}</strong>" in page
    assert reader.count("li") == len(derivation.steps)


def test_the_page_loads_nothing() -> None:
    page = render_page(explain(**TEXTBOOK))
    assert "http" not in page
    assert "<script" not in page
    assert "url(" not in page
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["data:,"]


def test_the_picture_has_two_bars_per_class_to_one_scale() -> None:
    page = render_page(explain(**TEXTBOOK))
    reader = Reader(page)
    assert reader.count("rect", class_="cross-entropy") == reader.count("rect", class_="squared-error") == 5
    bars = [float(found["width"] or 0) for tag, found in reader.tags if tag == "rect"]
    sizes = [0.9, 0.0448, 0.5, 0.056, 0.1, 0.0048, 0.1, 0.0048, 0.2, 0.0016]
    assert bars == pytest.approx([bars[0] / 0.9 * size for size in sizes], abs=0.01)
    starts = [float(found["x"] or 0) for tag, found in reader.tags if tag == "rect"]
    zero = next(float(found["x1"] or 0) for tag, found in reader.tags if tag == "line")
    assert starts[0] + bars[0] == pytest.approx(zero, abs=0.02)
    assert starts[2] == zero


def test_the_picture_of_many_classes_shows_the_largest_gradients_and_says_so() -> None:
    logits = [0.0] * 100
    logits[90], logits[95] = 3.0, 4.0
    page = render_page(explain(logits=logits, target=99))
    assert Reader(page).count("rect", class_="cross-entropy") == MOST_ROWS
    assert f"The {MOST_ROWS} largest of 100 are shown." in page
    for row in (90, 95, 99):
        assert f">class {row}</text>" in page


def test_no_picture_where_every_gradient_is_0() -> None:
    assert "<svg" not in render_page(explain(logits=[3.0], target=0))


def test_labels_and_titles_are_escaped() -> None:
    plain = explain(logits=[1.0, 2.0], target=0)
    section = dataclasses.replace(plain.sections[0], labels=("<script>", '"&"'), title="a < b", note="<b>")
    page = render_page(dataclasses.replace(plain, title="</title><script>", sections=(section,)))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a &lt; b" in page
    assert "<p>&lt;b&gt;</p>" in page
    assert Reader(page).open == []


def test_the_same_derivation_is_the_same_page_and_the_fragment_is_part_of_it() -> None:
    derivation = explain(**TEXTBOOK)
    assert render_page(derivation) == render_page(explain(**TEXTBOOK))
    fragment = render_fragment(derivation)
    assert fragment in render_page(derivation)
    assert fragment.startswith('<section class="derivation">')
    assert Reader(fragment).open == []
