"""``crossentropy explain``: every step from one row of predictions to its loss and gradient."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from crossentropy._validation import sentence


def explain(
    target: Annotated[
        str,
        typer.Option(
            help="The true class (an index from 0), or one probability per class; with --binary or --multilabel one "
            "number from 0 to 1 per label."
        ),
    ],
    logits: Annotated[str | None, typer.Option(help='One logit per class: "2 -1 0.5".')] = None,
    probabilities: Annotated[str | None, typer.Option(help='One probability per class: "0.1 0.5 0.4".')] = None,
    base: Annotated[float | None, typer.Option(help="Unit of the loss: 2 for bits; nats without it.")] = None,
    binary: Annotated[bool, typer.Option("--binary", help="One logit or probability, of yes (sigmoid).")] = False,
    multilabel: Annotated[bool, typer.Option("--multilabel", help="Yes or no for each label (sigmoid).")] = False,
    output: Annotated[Path | None, typer.Option(help="Also write it as a self-contained HTML page.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the derivation as JSON instead of text.")] = False,
) -> None:
    """Show why the cross-entropy of one row is what it is, step by step, beside the squared error."""
    import json

    from rich.console import Console

    from crossentropy import explanation

    if binary and multilabel:
        raise ValueError(
            sentence(
                "--binary, --multilabel", expected="one of the two at most", received="both", remedy="leave one out"
            )
        )
    sigmoid = binary or multilabel
    rows = {
        name: _numbers(f"--{name}", text)
        for name, text in (("logits", logits), ("probabilities", probabilities))
        if text is not None
    }
    for name, row in rows.items():
        if binary and len(row) != 1:
            raise ValueError(
                sentence(
                    f"--{name}",
                    expected="one number with --binary",
                    received=f"{len(row)} numbers",
                    remedy="use --multilabel for several yes-or-no answers, or neither for one of several classes",
                )
            )
    derivation = explanation.explain(
        logits=rows.get("logits"),
        probabilities=rows.get("probabilities"),
        target=_numbers("--target", target) if sigmoid else _class_or_distribution(target),
        base=base,
        kind="sigmoid" if sigmoid else "softmax",
    )
    if output is not None:
        _write_page(output, explanation.render_page(derivation))
    if as_json:
        print(json.dumps(derivation.to_dict(), indent=2, ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False)
    explanation.render_terminal(derivation, console)
    if output is not None:
        console.print(f"\nPage: {output}", markup=False, soft_wrap=True)


def _numbers(argument: str, text: str) -> list[float]:
    """Numbers separated by spaces or commas."""
    numbers = []
    for word in re.split(r"[\s,]+", text.strip(", \t\n")):
        try:
            numbers.append(float(word))
        except ValueError:
            raise ValueError(
                sentence(
                    argument,
                    expected="numbers separated by spaces",
                    received=repr(word if word else text),
                    remedy='write for example "0.7 0.2 0.1"',
                )
            ) from None
    return numbers


def _class_or_distribution(text: str) -> int | float | list[float]:
    """A whole number alone is a class; several numbers are one probability per class."""
    if re.fullmatch(r"[+-]?\d+", text.strip()):
        return int(text)
    numbers = _numbers("--target", text)
    return numbers if len(numbers) > 1 else numbers[0]


def _write_page(path: Path, page: str) -> None:
    from crossentropy.io import replacing

    with replacing(path) as beside:
        Path(beside).write_text(page, encoding="utf-8")
