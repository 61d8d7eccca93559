"""``python -m crossentropy`` is the ``crossentropy`` command."""

from __future__ import annotations

from crossentropy.cli import main

if __name__ == "__main__":
    main()
