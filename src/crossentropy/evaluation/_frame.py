"""What every page is made of: one HTML file that opens anywhere, without script, with nothing to fetch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from crossentropy._validation import sentence
from crossentropy.evaluation._text import number, printable

if TYPE_CHECKING:
    from crossentropy.evaluation._picture import Picture

FOOTER = "Losses and entropies are in nats unless a figure says bits; 1 nat is 1.4427 bits. Rows are counted from 0."


@contextlib.contextmanager
def charting(name: str) -> Iterator[None]:
    """What ``name`` imports to draw; say how to get it where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(
            sentence(
                name,
                expected="Altair and vl-convert to be installed",
                received=f"no module {error.name}",
                remedy='install them: pip install "crossentropy[cli]"',
            )
        ) from error


def page(*, title: str, lede: str, sections: Iterable[str], footer: str, warning: str = "") -> str:
    """The whole page; ``sections`` and ``warning`` are HTML."""
    template = Template(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=safe(title), lede=safe(lede), warning=warning, sections="".join(sections), footer=safe(footer)
    )


def safe(text: str) -> str:
    """Text as HTML."""
    return escape(printable(text))


def section(heading: str, body: str) -> str:
    """HTML under a heading; nothing where there is none."""
    return f"<section>\n<h2>{heading}</h2>\n{body}\n</section>\n" if body else ""


def figure_table(rows: Iterable[tuple[str, str, str]]) -> str:
    """Names, values and what they mean."""
    lines = (
        f'<tr><th scope="row">{safe(name)}</th><td class="number">{safe(value)}</td>'
        f'<td class="note">{safe(meaning)}</td></tr>'
        for name, value, meaning in rows
    )
    return '<table class="numbers figures">\n' + "\n".join(lines) + "\n</table>"


def figures(pictures: Iterable[Picture]) -> str:
    """Pictures with their headings and captions."""
    from crossentropy.evaluation._svg import inline_svg

    def figure(picture: Picture) -> str:
        svg = inline_svg(picture.spec, description=f"{picture.heading}. {picture.description}")
        opening = '<figure class="wide">' if picture.wide else "<figure>"
        return (
            f"{opening}\n<h3>{safe(picture.heading)}</h3>\n"
            f'<div class="scroll">{svg}</div>\n<figcaption>{safe(picture.caption)}</figcaption>\n</figure>'
        )

    return '<div class="pictures">\n' + "\n".join(map(figure, pictures)) + "\n</div>"


def nats_and_bits(nats: float | None) -> str:
    """A loss with its units."""
    if nats is None or not math.isfinite(nats):
        return number(nats) + ("" if nats is None else " nats")
    return f"{number(nats)} nats ({number(nats / math.log(2.0))} bits)"
