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
) -> None:
    """Fit a softmax regression to all columns but the target, and save it.

    Columns of numbers are standardised, columns of text or booleans one-hot encoded; the model file keeps both.
    """
    from rich.console import Console

    from crossentropy import io
    from crossentropy.cli._fitting import fit_figures, fitting
    from crossentropy.linear_model import TableModel, save_model

    # Entered before the fit, so that an output that cannot be written is known before the work.
    with io.replacing(output) as temporary:
        table = io.read_table(data)
        io.require_columns([target], table.column_names, source=str(data))
        with fitting() as on_iteration:
            model = TableModel.fit(table, target, C=C, on_iteration=on_iteration)
        save_model(temporary, model)
    console = Console(highlight=False)
    labels = table.column(target).to_numpy()
    console.print(fit_figures(f"Softmax regression: {data.name}", model.regression, labels))
    console.print(f"Model: {output}", markup=False, soft_wrap=True)
