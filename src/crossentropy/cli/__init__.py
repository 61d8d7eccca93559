"""The ``crossentropy`` command; nothing imports it."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; without the packages it needs, say in one sentence how to get them."""
    from crossentropy.cli._errors import BAD_INPUT, as_sentence

    try:
        from crossentropy.cli._app import app
    except ModuleNotFoundError as error:
        print(f"error: {as_sentence(error)}", file=sys.stderr)
        raise SystemExit(BAD_INPUT) from None
    app()
