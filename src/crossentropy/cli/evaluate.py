"""``crossentropy evaluate``: what a table of predictions costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossentropy._validation import sentence

if TYPE_CHECKING:
    from crossentropy.evaluation import LossReport


def evaluate(
    predictions: Annotated[
        Path,
        typer.Argument(
            metavar="PREDICTIONS", help="A CSV, Parquet, NPY or NPZ table: one column per class, and the target."
        ),
    ],
    target: Annotated[str, typer.Option(help="The column of the true classes.")],
    logits: Annotated[bool, typer.Option("--logits", help="The columns hold logits, not probabilities.")] = False,
    classes: Annotated[
        str | None,
        typer.Option(help='The class columns in order: "a,b,c".  [default: all numeric columns but the target]'),
    ] = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Divide each row by its sum.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    report: Annotated[Path | None, typer.Option(help="Also write the report as a self-contained HTML page.")] = None,
) -> None:
    """Say what predictions cost: cross-entropy against the labels' entropy, by class, confusion, reliability.

    Classes are called what their columns are called, less a prefix that all share (p_, probability_, logit_, ...; the
    X of X0, X1, ...). A column called "prediction" is no class.

    Targets are these labels. Numbers are labels where all labels are numbers, and indices from 0 where none is.
    """
    import json

    from rich.console import Console

    from crossentropy import io
    from crossentropy.cli._outputs import check_own_file
    from crossentropy.cli._progress import progress
    from crossentropy.cli._tables import loss_report
    from crossentropy.evaluation import render_page

    if logits and normalize:
        raise ValueError(
            sentence(
                "--normalize",
                expected="probabilities",
                received="--logits",
                remedy="leave it out, a softmax sums to 1",
            )
        )
    check_own_file("--report", report, {"PREDICTIONS": predictions})
    found = _measure(predictions, target, classes, logits=logits, normalize=normalize)
    if report is not None:
        with io.replacing(report) as temporary, progress("Drawing the report"):
            temporary.write_text(render_page(found, title=f"Loss report: {predictions.name}"), encoding="utf-8")
    if as_json:
        print(json.dumps(found.to_dict(), ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False)
    for table in loss_report(found, f"Loss report: {predictions.name}"):
        console.print(table)
        console.print()
    if report is not None:
        console.print(f"Page: {report}", markup=False, soft_wrap=True)


def _measure(path: Path, target: str, classes: str | None, *, logits: bool, normalize: bool) -> LossReport:
    from crossentropy import io
    from crossentropy.cli import _prediction_table
    from crossentropy.cli._progress import progress
    from crossentropy.evaluation import LossMeter

    with progress("Reading"):
        blocks = io.read_blocks(path)
    columns = _prediction_table.class_columns(blocks.schema, target, classes, str(path))
    labels = _prediction_table.class_labels(columns)
    meter = LossMeter(labels)
    first_row = 0
    with progress("Evaluating", blocks.rows) as advance:
        for batch in blocks:
            rows = _prediction_table.predictions(
                batch, columns, first_row=first_row, logits=logits, normalize=normalize, source=str(path)
            )
            truth = _prediction_table.target_indices(batch.column(target), labels, name=target, first_row=first_row)
            if logits:
                meter.update(logits=rows, targets=truth)
            else:
                meter.update(probabilities=rows, targets=truth)
            first_row += batch.num_rows
            advance(batch.num_rows)
    return meter.report()
