"""A fit whose C is chosen: what a person sees while it is, and after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from crossentropy import entropy, io
from crossentropy.cli._fitting import shown_warnings
from crossentropy.cli._progress import progress
from crossentropy.evaluation._sweep_page import render_sweep_page
from crossentropy.evaluation._text import brief, count, number
from crossentropy.linear_model import SoftmaxRegression, SoftmaxRegressionCV, SoftmaxRegressionPath
from crossentropy.linear_model._cross_validation import fit_folds
from crossentropy.linear_model._encoding import encode
from crossentropy.linear_model._labels import class_codes, column_labels, label_names
from crossentropy.linear_model._path import fit_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crossentropy.linear_model import LossCurve, TableModel
    from crossentropy.linear_model._sweep import OnStage, Stage

#: Two for each power of ten: a table of them can still be read.
VALUES = 25

#: Unless there is a table of validation rows.
FOLDS = 5


def sweep(
    model: TableModel, features: NDArray[np.float64], labels: NDArray[Any], validation: Path | None
) -> tuple[SoftmaxRegression, LossCurve, str]:
    """The regression of the best C, all losses, and what the rows held out are."""
    tol = model.regression.tol
    if validation is None:
        with _sweeping(FOLDS) as on_stage:
            chooser = SoftmaxRegressionCV(Cs=VALUES, cv=FOLDS, tol=tol)
            fit_folds(chooser, features, labels, on_stage=on_stage)
        return chooser, chooser.curve_, f"the mean of {FOLDS} folds, stratified by class"
    with progress("Reading"):
        table = io.read_table(validation)
        io.require_columns([model.target], table.column_names, source=str(validation))
        rows, classes = encode(model.columns, table), np.unique(labels)
        names = label_names(column_labels(model.target, table.column(model.target)))
        truth = classes[class_codes(f"{validation}, column {model.target!r}", names, label_names(classes))]
    with _sweeping(1) as on_stage:
        path = SoftmaxRegressionPath(Cs=VALUES, tol=tol)
        fit_path(path, features, labels, validation=(rows, truth), on_stage=on_stage)
    return cast(SoftmaxRegression, path.best_), path.curve_, f"{count(len(truth), 'row')} of {validation.name}"


def sweep_page(name: str, curve: LossCurve, labels: NDArray[Any], held_out: str) -> str:
    """The page of a sweep over the rows of a table of this name."""
    _, counts = np.unique(labels, return_counts=True)
    with progress("Drawing the report"):
        return render_sweep_page(
            curve,
            title=f"Softmax regression, which C: {name}",
            held_out=held_out,
            labels_entropy=float(entropy(counts, normalize=True)),
        )


@contextlib.contextmanager
def _sweeping(folds: int) -> Iterator[OnStage]:
    """Yield what a sweep calls after each model; show its progress, and its warnings as lines on stderr."""
    with shown_warnings(), progress("Sweeping over C", VALUES * folds) as advance:

        def on_stage(fold: int, stage: Stage) -> None:
            where = f"fold {fold + 1} of {folds}, " if folds > 1 else ""
            losses = f"{number(stage.training_loss)} nats, held out {number(stage.validation_loss)}"
            advance(note=f"{where}C = {brief(stage.C)}: {losses}")

        yield on_stage
