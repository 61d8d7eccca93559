from __future__ import annotations

import io
import threading

import pytest
from rich.console import Console

from crossentropy.cli import _progress


@pytest.fixture
def screen():
    return io.StringIO()


def test_work_under_a_second_shows_nothing(screen):
    with _progress.progress("Working", 2, console=Console(file=screen, force_terminal=True)) as advance:
        advance(2)
    assert screen.getvalue() == ""


@pytest.mark.parametrize(("total", "shown"), [(4, ["━", "3/4"]), (None, ["⠋"])])
def test_longer_work_shows_how_far_it_is(monkeypatch, screen, total, shown):
    monkeypatch.setattr(_progress, "SECONDS_BEFORE_IT_SHOWS", 0.0)
    started = threading.Event()
    start = _progress.Progress.start
    monkeypatch.setattr(_progress.Progress, "start", lambda bar: (start(bar), started.set()))
    console = Console(file=screen, force_terminal=True, width=80)
    with _progress.progress("Working", total, console=console) as advance:
        assert started.wait(10.0)
        advance(3, note="almost done")
    for text in ("Working", "almost done", "0:00:00", *shown):
        assert text in screen.getvalue()


def test_no_terminal_shows_nothing(monkeypatch, screen):
    monkeypatch.setattr(_progress, "SECONDS_BEFORE_IT_SHOWS", 0.0)
    with _progress.progress("Working", console=Console(file=screen)) as advance:
        advance(1)
    assert screen.getvalue() == ""


def test_an_error_in_the_work_comes_through(screen):
    def work():
        with _progress.progress("Working", console=Console(file=screen)):
            raise ValueError("no")

    before = threading.active_count()
    with pytest.raises(ValueError, match=r"^no$"):
        work()
    assert threading.active_count() == before
