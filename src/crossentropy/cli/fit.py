"""``crossentropy fit``: a softmax regression from a table, into a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crossentropy._validation import sentence


def fit(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="A CSV, Parquet, NPY or NPZ table: the target and the feature columns."),
    ],
    target: Annotated[str, typer.Option(help="The column of the true classes.")],
    output: Annotated[Path, typer.Option(help="The model file to write (safetensors).")] = Path("model.safetensors"),
    C: Annotated[
        float | None,
        typer.Option("--C", help="The weight of the data against the L2 penalty.  [default: 1]", show_default=False),
    ] = None,
    tol: Annotated[
        float, typer.Option(help="How far above its minimum the objective may stay, relative to it.")
    ] = 1e-6,
    path: Annotated[
        bool, typer.Option("--path", help="Try 25 values of C from 1e-6 to 1e6, over 5 folds, and keep the best.")
    ] = False,
    validation: Annotated[
        Path | None, typer.Option(help="With --path: a table of rows to choose C by, instead of folds.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="With --path: also write the losses of every C as a self-contained HTML page.")
    ] = None,
) -> None:
    """Fit a softmax regression to all columns but the target, and save it.

    Columns of numbers are standardised, columns of text or booleans one-hot encoded; the model file keeps both. A fit
    that is interrupted (Ctrl-C) is saved as far as it has come; a sweep over C is not.
    """
    import contextlib
    import dataclasses
    import sys

    from rich.console import Console

    from crossentropy import io
    from crossentropy.cli._errors import INTERRUPTED
    from crossentropy.cli._fitting import fit_figures, fitting, interruption
    from crossentropy.cli._outputs import check_own_file
    from crossentropy.cli._progress import progress
    from crossentropy.cli._sweeping import sweep, sweep_page
    from crossentropy.cli._tables import sweep_table
    from crossentropy.linear_model import save_model
    from crossentropy.linear_model._estimator import fit_linear
    from crossentropy.linear_model.table_model import unfitted

    _check_options(C=C, path=path, validation=validation, report=report)
    read = {"DATA": data, "--validation": validation}
    check_own_file("--output", output, read)
    check_own_file("--report", report, read | {"--output": output})
    # Entered before the fit, so that an output that cannot be written is known before the work.
    with contextlib.ExitStack() as outputs:
        temporary = outputs.enter_context(io.replacing(output))
        page = None if report is None else outputs.enter_context(io.replacing(report))
        with progress("Reading"):
            table = io.read_table(data)
            io.require_columns([target], table.column_names, source=str(data))
            model, features, labels = unfitted(table, target, C=1.0 if C is None else C, tol=tol)
        interrupted, curve = False, None
        if path:
            regression, curve, held_out = sweep(model, features, labels, validation)
            model = dataclasses.replace(model, regression=regression)
            if page is not None:
                page.write_text(sweep_page(data.name, curve, labels, held_out), encoding="utf-8")
        else:
            with fitting() as on_iteration:
                try:
                    fit_linear(model.regression, features, labels, on_iteration=on_iteration)
                except KeyboardInterrupt:
                    if not hasattr(model.regression, "gap_"):
                        raise
                    interrupted = True
        save_model(temporary, model)
    console = Console(highlight=False)
    if curve is not None:
        console.print(sweep_table(curve))
        console.print()
    console.print(fit_figures(f"Softmax regression: {data.name}", model.regression, labels))
    console.print(f"Model: {output}", markup=False, soft_wrap=True)
    if report is not None:
        console.print(f"Page: {report}", markup=False, soft_wrap=True)
    if interrupted:
        print(f"{interruption(model.regression)}; saved all the same", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)


def _check_options(*, C: float | None, path: bool, validation: Path | None, report: Path | None) -> None:
    if path and C is not None:
        raise ValueError(
            sentence("--C", expected="to be chosen by --path", received=f"{C:g}", remedy="leave out one of the two")
        )
    for name, given in (("--validation", validation), ("--report", report)):
        if given is not None and not path:
            raise ValueError(
                sentence(name, expected="a fit with --path", received="one without", remedy="add it, or leave this out")
            )
