"""``crossentropy demo``: the main job on handwritten digits, from data to report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from crossentropy.evaluation import SurprisingRow

_SURPRISING_ROWS = 12


def demo(
    output: Annotated[Path, typer.Option(help="The page to write (HTML).")] = Path("report.html"),
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Of the split into training and held-out rows.")] = 0,
) -> None:
    """Fit the digits that scikit-learn ships, evaluate held-out ones, explain the worst, and write a report."""
    import numpy as np
    from rich.console import Console
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    from crossentropy import explanation, io
    from crossentropy.cli._fitting import fit_figures, fitting
    from crossentropy.cli._progress import progress
    from crossentropy.cli._tables import loss_report
    from crossentropy.evaluation import LossMeter, render_page
    from crossentropy.linear_model._estimator import fit_linear
    from crossentropy.linear_model.softmax_regression import SoftmaxRegression

    console = Console(highlight=False)
    # Entered before the fit, so that an output that cannot be written is known before the work.
    with io.replacing(output) as temporary:
        pixels, labels = load_digits(return_X_y=True)
        X, X_held_out, y, y_held_out = train_test_split(
            pixels / 16.0, labels, test_size=0.25, stratify=labels, random_state=seed
        )
        with fitting() as on_iteration:
            model = fit_linear(SoftmaxRegression(), X, y, on_iteration=on_iteration)
        console.print(fit_figures("Softmax regression: handwritten digits", model, y))

        logits = model.decision_function(X_held_out)
        meter = LossMeter(model.classes_.tolist())
        meter.update(logits=logits, targets=y_held_out)
        report = meter.report()

        surprisals = -model.predict_log_proba(X_held_out)[np.arange(len(y_held_out)), y_held_out]
        worst_first = np.argsort(-surprisals, kind="stable")
        worst = worst_first[0]
        derivation = explanation.explain(logits=logits[worst], target=int(y_held_out[worst]))
        console.print(f"\nThe worst-predicted digit: row {worst} of those held out (counted from 0)")
        explanation.render_terminal(derivation, console)

        with progress("Drawing the report"):
            page = render_page(
                report,
                title="Softmax regression of handwritten digits, held-out rows",
                history=model.history_,
                surprising=_surprising(X_held_out, y_held_out, logits, surprisals, worst_first[:_SURPRISING_ROWS]),
                explanation_html=explanation.render_fragment(derivation),
            )
        temporary.write_text(page, encoding="utf-8")
    console.print()
    console.print(next(loss_report(report, "Loss report: held-out digits")))
    console.print(f"Report: {output}", markup=False, soft_wrap=True)


def _surprising(
    X: NDArray[Any], y: NDArray[Any], logits: NDArray[Any], surprisals: NDArray[Any], rows: NDArray[np.intp]
) -> list[SurprisingRow]:
    import numpy as np

    from crossentropy.evaluation import SurprisingRow

    return [
        SurprisingRow(
            image=1.0 - X[row].reshape(8, 8),  # ink is dark
            label=str(y[row]),
            predicted=str(logits[row].argmax()),
            probability=float(np.exp(-surprisals[row])),
            surprisal=float(surprisals[row]),
        )
        for row in rows
    ]
