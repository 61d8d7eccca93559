"""What a person sees while a model is fitted, and after it."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Group
from sklearn.exceptions import ConvergenceWarning

from crossentropy import entropy
from crossentropy.cli._progress import progress
from crossentropy.cli._tables import figures, nats_and_bits
from crossentropy.evaluation._text import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from crossentropy.linear_model import Iteration, SoftmaxRegression
    from crossentropy.linear_model._history import OnIteration


@contextlib.contextmanager
def fitting() -> Iterator[OnIteration]:
    """Yield what a fit calls after each iteration; show its progress, and its warnings as lines on stderr."""
    with shown_warnings(), progress("Fitting") as advance:

        def on_iteration(record: Iteration) -> None:
            advance(note=f"{_passes(record)}, objective {record.objective:.6g}, {_nearness(record)}")

        yield on_iteration


@contextlib.contextmanager
def shown_warnings() -> Iterator[None]:
    """Show warnings as lines on stderr, once the work is done."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        yield
    for warning in caught:
        print(f"warning: {warning.message}", file=sys.stderr)


def fit_figures(title: str, model: SoftmaxRegression, labels: NDArray[np.generic]) -> Group:
    """The figures of a fit to rows of these labels."""
    last = model.history_[-1]
    certified = " (certified)" if last.gap <= model.tol * last.objective else ""
    _, counts = np.unique(labels, return_counts=True)
    return figures(
        title,
        [
            ("rows, classes", f"{len(labels):,}, {len(model.classes_):,}"),
            ("features", f"{model.n_features_in_:,}"),
            ("labels' entropy", nats_and_bits(float(entropy(counts, normalize=True)))),
            ("training cross-entropy", nats_and_bits(last.cross_entropy)),
            ("objective", f"{model.objective_:.6g} nats at C = {model.C:g}"),
            ("its gap", _nearness(last) + certified),
            ("iterations", f"{last.iteration:,} in {last.seconds:.2f} s, {_passes(last)} over the data"),
        ],
    )


def interruption(model: SoftmaxRegression) -> str:
    """What an interrupted fit has come to."""
    return f"interrupted: the model's objective is {_nearness(model.history_[-1])}, relative to it"


def _nearness(record: Iteration) -> str:
    return f"within {record.gap / record.objective:.2g} of its minimum"


def _passes(record: Iteration) -> str:
    return count(round(record.passes), "pass", "passes")
