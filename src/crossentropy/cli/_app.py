"""The command line: parse, call one public function, print."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from crossentropy.cli._errors import bad_input_as_one_sentence

#: The commands, in the order of the help. Each is the function of that name in the module of that name.
COMMANDS = ("demo", "fit", "predict", "evaluate", "explain")


class _Commands(Mapping[str, Any]):
    """The commands by name, each imported only when it is asked for."""

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name)(getattr(importlib.import_module(f"crossentropy.cli.{name}"), name))
        return typer.main.get_command(single)


class _Group(TyperGroup):
    """A group whose errors, those of the parser included, are one sentence on stderr and exit code 2."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast(dict[str, Any], _Commands())

    def main(self, *arguments: Any, standalone_mode: bool = True, **options: Any) -> Any:
        options["standalone_mode"] = False
        if not standalone_mode:
            return super().main(*arguments, **options)
        try:
            with bad_input_as_one_sentence():
                code = super().main(*arguments, **options)
        except typer.TyperException as error:
            print(f"error: {error.format_message().rstrip('.')}; see --help", file=sys.stderr)
            raise SystemExit(error.exit_code) from None
        raise SystemExit(code if isinstance(code, int) else 0)


app = typer.Typer(cls=_Group, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def _print_version(wanted: bool) -> None:
    if wanted:
        from crossentropy import __version__

        print(f"crossentropy {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def crossentropy(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Cross-entropy of classifiers: fit one, evaluate its predictions, explain its loss."""
    if context.invoked_subcommand is None:
        print(context.get_help())
