from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from crossentropy import cli
from crossentropy.cli import _app
from crossentropy.cli._errors import as_sentence


def run(*arguments):
    return CliRunner().invoke(_app.app, arguments, env={"COLUMNS": "80"})


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_lists_every_command_with_its_summary(arguments):
    result = run(*arguments)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    for command in _app.COMMANDS:
        line = next(line for line in lines if line.startswith(f"  {command} "))
        assert len(line.split()) > 3, f"{command} has no summary"


@pytest.mark.parametrize("command", _app.COMMANDS)
def test_every_command_has_help(command):
    result = run(command, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert f" {command} [OPTIONS]" in result.stdout


def test_version():
    import crossentropy

    assert run("--version").stdout == f"crossentropy {crossentropy.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["evaluat"], "No such command 'evaluat'. Did you mean 'evaluate'?; see --help"),
        (["--nonsense"], "No such option: --nonsense; see --help"),
        (["evaluate"], "Missing argument 'PREDICTIONS'; see --help"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments, message):
    result = run(*arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"error: {message}\n")


@pytest.fixture
def failing(monkeypatch):
    """Let the command ``explain`` raise an error, and run it."""

    def run_with(error):
        def explain():
            raise error

        monkeypatch.setattr("crossentropy.cli.explain.explain", explain)
        return run("explain")

    return run_with


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("a: expected b, got c; d"), "a: expected b, got c; d"),
        (TypeError("two\n lines"), "two lines"),
        (IndexError(), "IndexError"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/locked"),
            "/locked: Permission denied; check the path and its permissions",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "[Errno 28] No space left on device"),
        (ImportError("scipy: expected it, got nothing; install it"), "scipy: expected it, got nothing; install it"),
        (
            ModuleNotFoundError("No module named 'altair'", name="altair"),
            'altair: expected to be installed, got no such module; pip install "crossentropy[cli]"',
        ),
    ],
)
def test_promise_24_errors_of_a_command_are_one_sentence(failing, error, message):
    result = failing(error)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyError("x"), ZeroDivisionError()])
def test_a_defect_shows_its_traceback(failing, error):
    result = failing(error)
    assert result.exception is error


def test_an_interrupt_exits_130(failing):
    result = failing(KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (130, "")


def test_a_reader_that_stops_is_no_error(tmp_path):
    table = tmp_path / "p.csv"
    table.write_text("a,b,y\n0.5,0.5,a\n")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "crossentropy", "evaluate", table, "--target", "y"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr


def test_a_missing_module_of_the_package_itself_is_no_missing_dependency():
    error = ModuleNotFoundError("No module named 'crossentropy.cli.x'", name="crossentropy.cli.x")
    assert as_sentence(error) == "No module named 'crossentropy.cli.x'"


def test_without_typer_the_command_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "typer", None)
    monkeypatch.delitem(sys.modules, "crossentropy.cli._app")
    monkeypatch.delattr(cli, "_app")
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 2
    message = 'error: typer: expected to be installed, got no such module; pip install "crossentropy[cli]"\n'
    assert capsys.readouterr().err == message


def test_help_needs_none_of_the_heavy_packages():
    program = (
        "import sys; from crossentropy.cli._app import app; app(['--help'], standalone_mode=False)\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert {"typer", "crossentropy"} <= loaded
    assert loaded.isdisjoint({"pyarrow", "scipy", "sklearn", "altair", "vl_convert", "pandas", "safetensors"})


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "crossentropy", "--help"], capture_output=True, text=True, check=True)
    assert "evaluate" in done.stdout
