"""Ctrl-C while a model is fitted, and what a terminal shows until then."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

import numpy as np
import pytest
from typer.testing import CliRunner

from crossentropy import io
from crossentropy.cli._app import app
from crossentropy.linear_model import load_model
from crossentropy.linear_model._objective import LinearObjective

SENTENCE = r"interrupted: the model's objective is within (\S+) of its minimum, relative to it; saved all the same\n"


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Write rows of features and, in the last column, labels; the arguments that fit them."""
    monkeypatch.chdir(tmp_path)

    def write(rows, features, classes, C):
        random = np.random.default_rng(0)
        labels = random.integers(classes, size=rows)
        np.save("data.npy", np.column_stack([random.normal(size=(rows, features)), labels]))
        return ["fit", "data.npy", "--target", str(features), "--C", str(C)]

    return write


def check_model():
    model = load_model("model.safetensors")
    data = io.read_table("data.npy")
    assert model.predict(data)["prediction"].to_numpy().shape == (data.num_rows,)


def test_the_model_so_far_is_saved(table, monkeypatch):
    arguments, evaluate, evaluations = table(300, 5, 3, 1.0), LinearObjective.evaluate, []

    def interrupted_at_the_third(self, point, *, single):
        evaluations.append(point)
        if len(evaluations) == 3:
            raise KeyboardInterrupt
        return evaluate(self, point, single=single)

    monkeypatch.setattr(LinearObjective, "evaluate", interrupted_at_the_third)
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 130
    found = re.fullmatch(SENTENCE, result.stderr)
    assert 1e-6 < float(found[1]) < 1.0
    assert re.search(rf"^its gap +within {re.escape(found[1])} of its minimum +$", result.stdout, re.MULTILINE)
    assert re.search(r"^iterations +2 in ", result.stdout, re.MULTILINE)
    assert result.stdout.endswith("Model: model.safetensors\n")
    check_model()


def test_before_there_is_a_model_none_is_saved(table, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("crossentropy.linear_model.softmax_regression.SoftmaxObjective", interrupted)
    result = CliRunner().invoke(app, table(300, 5, 3, 1.0))
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")
    assert os.listdir() == ["data.npy"]


# Labels at random and hardly a penalty: a fit of some seconds, of which a fraction is let pass.
HARD = (3000, 1000, 20, 1e8)
# A shell's background jobs, these tests perhaps, are deaf to SIGINT and so are their children.
PROGRAM = """
import signal
from crossentropy.cli import _progress, main

signal.signal(signal.SIGINT, signal.default_int_handler)
_progress.SECONDS_BEFORE_IT_SHOWS = 0.0
main()
"""


def test_a_terminal_shows_how_far_a_fit_is_until_it_is_interrupted(table):
    arguments = table(*HARD)
    terminal, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=inside,
        env={**environment, "TERM": "xterm"},
        text=True,
    ) as fit:
        os.close(inside)
        shown, interrupted = b"", False
        for part in written(terminal):
            shown += part
            if not interrupted and b"of its minimum" in shown:
                fit.send_signal(signal.SIGINT)
                interrupted = True
        figures = fit.stdout.read()
    assert fit.returncode == 130
    # without the codes that colour and erase
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "\n")
    assert re.search(
        r"^. Fitting 0:00:\d\d \d+ pass(es)?, objective \S+, within \S+ of its minimum *$", text, re.MULTILINE
    )
    assert re.search(rf"^{SENTENCE}\n*\Z", text, re.MULTILINE)
    assert "Model: model.safetensors" in figures
    check_model()


def written(terminal):
    """What is written there, until nobody has it open any more."""
    while True:
        try:
            yield os.read(terminal, 1 << 16)
        except OSError:
            os.close(terminal)
            return
