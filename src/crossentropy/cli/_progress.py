"""How far the work is, for whatever takes longer than a second."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

SECONDS_BEFORE_IT_SHOWS = 1.0


class Advance(Protocol):
    """So many more steps are done; ``note`` says in words how far that is."""

    def __call__(self, steps: int = 1, *, note: str = "") -> None: ...


@contextlib.contextmanager
def progress(description: str, total: int | None = None, *, console: Console | None = None) -> Iterator[Advance]:
    """Yield what tells how far the work is; show that on stderr once a second has passed, if stderr is a terminal.

    Work of ``total`` steps has a bar and their number, work of unknown length (None) something that turns.
    """
    console = console or Console(stderr=True)
    bar = Progress(
        *([SpinnerColumn()] if total is None else []),
        TextColumn("{task.description}"),
        *([] if total is None else [BarColumn(), MofNCompleteColumn()]),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bar.add_task(description, total=total, note="")

    def advance(steps: int = 1, *, note: str = "") -> None:
        bar.update(task, advance=steps, note=note)

    # A timer rather than a look at the clock: the work may not come back to say how far it is.
    timer = threading.Timer(SECONDS_BEFORE_IT_SHOWS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield advance
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
