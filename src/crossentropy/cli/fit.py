"""``crossentropy fit``: a softmax regression from a table, into a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def fit(
    data: Annotated[
        Path,
        typer.Argument(metavar="DATA", help="A CSV, Parquet, NPY or NPZ table: the target and the feature columns."),
    ],
    target: Annotated[str, typer.Option(help="The column of the true classes.")],
    output: Annotated[Path, typer.Option(help="The model file to write (safetensors).")] = Path("model.safetensors"),
    C: Annotated[float, typer.Option("--C", help="The weight of the data against the L2 penalty.")] = 1.0,
    tol: Annotated[
        float, typer.Option(help="How far above its minimum the objective may stay, relative to it.")
    ] = 1e-6,
) -> None:
    """Fit a softmax regression to all columns but the target, and save it.

    Columns of numbers are standardised, columns of text or booleans one-hot encoded; the model file keeps both. A fit
    that is interrupted (Ctrl-C) is saved as far as it has come.
    """
    import sys

    from rich.console import Console

    from crossentropy import io
    from crossentropy.cli._errors import INTERRUPTED
    from crossentropy.cli._fitting import fit_figures, fitting, interruption
    from crossentropy.cli._progress import progress
    from crossentropy.linear_model import save_model
    from crossentropy.linear_model._estimator import fit_linear
    from crossentropy.linear_model.table_model import unfitted

    # Entered before the fit, so that an output that cannot be written is known before the work.
    with io.replacing(output) as temporary:
        with progress("Reading"):
            table = io.read_table(data)
            io.require_columns([target], table.column_names, source=str(data))
            model, features, labels = unfitted(table, target, C=C, tol=tol)
        interrupted = False
        with fitting() as on_iteration:
            try:
                fit_linear(model.regression, features, labels, on_iteration=on_iteration)
            except KeyboardInterrupt:
                if not hasattr(model.regression, "gap_"):
                    raise
                interrupted = True
        save_model(temporary, model)
    console = Console(highlight=False)
    console.print(fit_figures(f"Softmax regression: {data.name}", model.regression, labels))
    console.print(f"Model: {output}", markup=False, soft_wrap=True)
    if interrupted:
        print(f"{interruption(model.regression)}; saved all the same", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
