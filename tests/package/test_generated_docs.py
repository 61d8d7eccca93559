"""The generated pages of docs/ are what `make docs` would write now."""

from __future__ import annotations

from pathlib import Path

from docs import generate

DOCS = Path(generate.__file__).parent


def test_api_page_is_current_and_holds_every_public_name() -> None:
    import crossentropy as ce

    page = (DOCS / "api.md").read_text()
    assert page == generate.api(), "run `make docs`"
    assert all(f"### {name}\n\n```text\n{name}(" in page for name in ce.__all__)


def test_formulas_page_is_current() -> None:
    assert (DOCS / "formulas.md").read_text() == generate.formulas(), "run `make docs`"
