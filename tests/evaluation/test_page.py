"""The report page: complete, self-contained, safe and always the same."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

import crossentropy.evaluation
from crossentropy.evaluation import LossMeter, LossReport, SurprisingRow, render_page

NASTY = ["<script>alert('x')</script>", '" onload="alert(1)', "&amp; $title", "control \x00 \x1b"]


@dataclass
class Record:
    iteration: int
    cross_entropy: float


class Page(HTMLParser):
    """A page as a tree that must close what it opens, with the text of each element that has no children."""

    VOID = frozenset({"meta", "link", "img", "br"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"an attribute twice in <{tag}>"
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append((self.open[-1], data.strip()))

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    def all(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag]


def report_of(probabilities: Any, targets: Any, classes: Sequence[str]) -> LossReport:
    meter = LossMeter(classes)
    meter.update(probabilities=np.asarray(probabilities, dtype=np.float64), targets=targets)
    return meter.report()


def made_up(k: int, rows: int = 400) -> LossReport:
    generator = np.random.default_rng(k)
    targets = generator.integers(k, size=rows)
    scores = np.exp(generator.normal(size=(rows, k)) + 3.0 * np.eye(k)[targets])
    return report_of(scores / scores.sum(axis=1, keepdims=True), targets, [f"class {index}" for index in range(k)])


def full_page(report: LossReport) -> str:
    return render_page(
        report,
        title=NASTY[0],
        history=[Record(0, 1.0), Record(1, 0.5)],
        surprising=[SurprisingRow(np.eye(8), label, label, probability=0.0, surprisal=float("inf")) for label in NASTY],
        explanation_html="<p>Because.</p>",
        footer=NASTY[1],
    )


SMALL = report_of([[0.5, 0.5, 0.0, 0.0], [0.25, 0.75, 0.0, 0.0]], [0, 1], NASTY)
INFINITE = report_of([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]], [0, 1, 1], ["a", "b"])


@pytest.mark.parametrize("k", [2, 3, 12, 30, 31, 1000])
def test_every_number_of_classes_gives_a_whole_page(k: int) -> None:
    report = made_up(k)
    page = Page(render_page(report, title="Made up"))
    assert page.all("title")[0] == page.all("h1")[0] == "Made up"
    assert page.count("svg") == page.count("figure") == page.count("figcaption") == 3
    assert page.all("summary") == [f"All {k:,} classes as a table"]
    assert [text for text in page.all("th") if text.startswith("class ")] == list(report.classes)


def test_one_class_has_no_share_to_explain() -> None:
    page = Page(render_page(report_of([[1.0]], [0], ["only"]), title="One"))
    assert figures(page)["Explained share"] == "–"
    assert figures(page)["Cross-entropy"] == "0 nats (0 bits)"


def figures(page: Page) -> dict[str, str]:
    """The first table: its names and values, the notes left out."""
    names = page.all("th")
    return dict(zip(names[: names.index("class")], page.all("td")[::2], strict=False))


def test_figures_name_their_units() -> None:
    """Promise 1."""
    assert figures(Page(render_page(SMALL, title="Small"))) == {
        "Cross-entropy": "0.4904 nats (0.7075 bits)",
        "Standard error": "0.2027 nats (0.2925 bits)",
        "Labels' entropy": "0.6931 nats (1.000 bits)",
        "Explained share": "29.2 %",
        "Perplexity": "1.633",
        "Accuracy": "100.0 %",
        "Brier score": "0.3125",
        "Probability 0 on the truth": "0 rows",
    }


def test_an_infinite_loss_is_said_with_its_rows_and_its_finite_part() -> None:
    """Promise 2."""
    page = Page(render_page(INFINITE, title="Infinite"))
    (warning,) = [text for tag, text in page.texts if tag == "p" and "probability 0" in text]
    assert warning == (
        "2 rows gave the truth probability 0 (the first is row 1, counted from 0), which makes the cross-entropy "
        "infinite. Over the other rows it is 0.6931 nats (1.000 bits)."
    )
    assert figures(page)["Cross-entropy"] == figures(page)["Perplexity"] + " nats" == "∞ nats"
    assert figures(page)["Cross-entropy, finite part"] == "0.6931 nats (1.000 bits)"


def test_no_row_of_finite_loss() -> None:
    page = Page(render_page(report_of([[1.0, 0.0]], [1], ["a", "b"]), title="Hopeless"))
    (warning,) = [text for tag, text in page.texts if tag == "p" and "probability 0" in text]
    assert warning.endswith("There are no other rows.")
    assert figures(page)["Cross-entropy, finite part"] == "–"


@pytest.mark.parametrize("report", [SMALL, INFINITE, made_up(31)], ids=["small", "infinite", "31 classes"])
def test_the_page_fetches_nothing_and_runs_nothing(report: LossReport) -> None:
    html = full_page(report)
    page = Page(html)
    assert not re.search(r"https?://|@import|url\(", html)
    assert page.count("script") == page.count("iframe") == 0
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    policies = [attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]


def test_every_label_is_text_wherever_it_stands() -> None:
    html = full_page(SMALL)
    page = Page(html)
    shown = [NASTY[0], NASTY[1], NASTY[2], "control \N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}"]
    assert page.all("h1") == page.all("title")[:1] == shown[:1]
    assert page.all("strong")[::2] == page.all("strong")[1::2] == shown
    assert page.all("th")[-4:] == shown
    assert page.all("footer") == shown[1:2]
    html.encode("utf-8")


def test_pictures_have_words_for_those_who_cannot_see_them() -> None:
    page = Page(full_page(made_up(3)))
    spoken = [attributes["aria-label"] or "" for tag, attributes in page.elements if tag == "svg"]
    headings = ["Loss per iteration", "Reliability", "Cross-entropy per class", "Confusion matrix"]
    assert [text.partition(". ")[0] for text in spoken] == page.all("h3") == headings
    assert all(attributes["alt"] for tag, attributes in page.elements if tag == "img")


def test_no_identifier_stands_twice() -> None:
    identifiers = [attributes["id"] for _, attributes in Page(full_page(SMALL)).elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))


def test_the_gallery_shows_each_row_with_or_without_an_image() -> None:
    rows = [
        SurprisingRow(np.eye(2), "8", "1", probability=0.0164, surprisal=4.1101),
        SurprisingRow(None, "3", "5", probability=0.0, surprisal=float("inf")),
    ]
    page = Page(render_page(SMALL, title="Rows", surprising=rows))
    assert "Most surprising rows" in page.all("h2")
    assert page.all("strong") == ["8", "1", "3", "5"]
    assert [text for text in page.all("p") if text.startswith("p(truth)")] == [
        "p(truth) 0.01640: 4.110 nats",
        "p(truth) 0: ∞ nats",
    ]
    assert page.count("img") == 1


def test_sections_without_content_are_left_out() -> None:
    assert Page(render_page(SMALL, title="Plain")).all("h2") == ["Figures", "Pictures", "Classes"]


def test_the_explanation_is_embedded_as_it_is() -> None:
    page = render_page(SMALL, title="Why", explanation_html='<section class="why"><p>−log 0.5</p></section>')
    assert '<section class="why"><p>−log 0.5</p></section>' in page


def test_a_whole_page_is_no_explanation() -> None:
    with pytest.raises(ValueError) as caught:
        render_page(SMALL, title="Why", explanation_html="<!DOCTYPE html><HTML></HTML>")
    assert str(caught.value) == (
        "explanation_html: expected an HTML fragment, got a whole page; pass what stands inside its <body>"
    )


def test_same_input_same_bytes() -> None:
    """Promise 21."""
    assert full_page(made_up(12)) == full_page(made_up(12))


@pytest.mark.parametrize("module", ["altair", "vl_convert"])
def test_what_is_not_installed_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_charts", "_class_charts", "_picture", "_svg"):
        monkeypatch.delitem(sys.modules, f"crossentropy.evaluation.{name}", raising=False)
        monkeypatch.delattr(crossentropy.evaluation, name, raising=False)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as caught:
        render_page(SMALL, title="Bare")
    assert str(caught.value) == (
        f"render_page: expected Altair and vl-convert to be installed, got no module {module}; "
        'install them: pip install "crossentropy[cli]"'
    )
