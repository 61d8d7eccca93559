"""Parts of a document between two markers: ``<!-- NAME: generated -->`` and ``<!-- NAME: end -->``."""

from __future__ import annotations


def block(document: str, name: str) -> str:
    """The part called so."""
    start, end = _limits(document, name)
    return document[start:end].strip("\n")


def with_block(document: str, name: str, text: str) -> str:
    """The document with another text for that part."""
    start, end = _limits(document, name)
    return f"{document[:start]}\n\n{text}\n\n{document[end:]}"


def _limits(document: str, name: str) -> tuple[int, int]:
    first, last = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
    return document.index(first) + len(first), document.index(last)


def table(headings: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; headings that end in a space are of columns of numbers, which stand to the right."""
    rules = ["---:" if heading.endswith(" ") else "---" for heading in headings]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in ([h.strip() for h in headings], rules, *rows))
