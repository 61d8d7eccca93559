"""A progress bar for whatever takes longer than a second."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

SECONDS_BEFORE_IT_SHOWS = 1.0


@contextlib.contextmanager
def progress(
    description: str, total: int | None = None, *, console: Console | None = None
) -> Iterator[Callable[[int], None]]:
    """Yield ``advance(steps)``; show a bar on stderr once a second has passed, if stderr is a terminal.

    ``total=None`` is work of unknown length: the bar pulses.
    """
    console = console or Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    task = bar.add_task(description, total=total)
    # A timer rather than a look at the clock: the work may not come back to say how far it is.
    timer = threading.Timer(SECONDS_BEFORE_IT_SHOWS, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda steps: bar.advance(task, steps)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
