"""``crossentropy predict``: class probabilities for the rows of a table, from a model file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossentropy._validation import sentence

if TYPE_CHECKING:
    import pyarrow as pa


def predict(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that fit wrote.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="A CSV, Parquet, NPY or NPZ table with the model's feature columns.")
    ],
    output: Annotated[Path, typer.Option(help="The table to write: CSV, Parquet, NPY or NPZ.")] = Path(
        "predictions.csv"
    ),
) -> None:
    """Predict the classes of a table's rows, and write one column of probabilities per class.

    Before these come the target, if the table has it, and the most probable class, in a column "prediction". With the
    target, evaluate says what the predictions cost.
    """
    from rich.console import Console

    from crossentropy import io
    from crossentropy.cli._outputs import check_own_file
    from crossentropy.linear_model import TableModel, load_model

    check_own_file("--output", output, {"MODEL": model, "DATA": data})
    loaded = load_model(model)
    if not isinstance(loaded, TableModel):
        raise ValueError(
            sentence(
                str(model),
                expected="a model of a table's columns",
                received="one that was fitted to arrays",
                remedy="fit it with crossentropy fit, or predict in Python",
            )
        )
    predictions: pa.Table = loaded.predict(io.read_table(data))
    io.write_table(output, predictions)
    console = Console(highlight=False)
    console.print(f"Rows: {predictions.num_rows:,}")
    console.print(f"Predictions: {output}", markup=False, soft_wrap=True)
