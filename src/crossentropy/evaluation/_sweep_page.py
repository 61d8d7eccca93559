"""A sweep over C as one HTML file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crossentropy._validation import sentence
from crossentropy.evaluation._frame import FOOTER, charting, figure_table, figures, nats_and_bits, page, safe, section
from crossentropy.evaluation._text import brief, count, number, percent

if TYPE_CHECKING:
    from crossentropy.evaluation._loss_curve_chart import Curve


def render_sweep_page(curve: Curve, *, title: str, held_out: str, labels_entropy: float) -> str:
    """A sweep that has chosen a C, as a self-contained HTML page: figures, the picture, the loss of every C.

    ``held_out`` says in words what the validation rows are, ``labels_entropy`` what the training labels' is, in nats.
    Raises ValueError for a sweep without validation, ImportError where Altair or vl-convert is not installed.
    """
    if curve.validation is None or curve.chosen is None:
        raise ValueError(
            sentence("curve", expected="validation losses", received="none", remedy="sweep with rows held out")
        )
    with charting("render_sweep_page"):
        from crossentropy.evaluation._loss_curve_chart import loss_curve

        picture = figures([loss_curve(curve)])
    C, loss = brief(float(curve.Cs[curve.chosen])), float(curve.validation[curve.chosen])
    training = float(curve.training[curve.chosen])
    rows = [
        ("Chosen C", C, f"of {count(len(curve.Cs), 'value')}: the lowest mean cross-entropy of rows held out"),
        ("Cross-entropy, held out", nats_and_bits(loss), held_out),
        ("Cross-entropy, training", nats_and_bits(training), "of the rows that the same models were fitted to"),
        ("Labels' entropy", nats_and_bits(labels_entropy), "cost of always predicting the class frequencies"),
        ("Explained share", percent(1.0 - loss / labels_entropy), "1 − cross-entropy held out / labels' entropy"),
        ("Largest gap", brief(curve.largest_gap), "how far above its minimum an objective can be, relative to it"),
    ]
    if curve.standard_error is not None:
        error = nats_and_bits(float(curve.standard_error[curve.chosen]))
        rows.insert(2, ("Standard error", error, "of the mean over the folds"))
    lede = (
        f"Of {count(len(curve.Cs), 'value')} of C, {C} costs least on rows held out: {nats_and_bits(loss)} per row; "
        f"always predicting the class frequencies would cost {nats_and_bits(labels_entropy)}."
    )
    sections = [
        section("Figures", figure_table(rows)),
        section("Picture", picture),
        section("Every C", _table(curve)),
    ]
    return page(title=title, lede=lede, sections=sections, footer=FOOTER)


def loss_table(curve: Curve) -> tuple[list[str], list[list[str]]]:
    """The headings of a table of every C, and its cells."""
    names = ["C", "training, nats"]
    columns = [[brief(float(C)) for C in curve.Cs], [number(float(nats)) for nats in curve.training]]
    for name, values in (("held out, nats", curve.validation), ("± standard error", curve.standard_error)):
        if values is not None:
            names.append(name)
            columns.append([number(float(nats)) for nats in values])
    return names, [list(row) for row in zip(*columns, strict=True)]


def _table(curve: Curve) -> str:
    names, rows = loss_table(curve)
    head = "".join(f'<th scope="col" class="number">{safe(name)}</th>' for name in names)
    lines = []
    for i, cells in enumerate(rows):
        mark = "<strong>chosen</strong>" if i == curve.chosen else ""
        lines.append("<tr>" + "".join(f'<td class="number">{safe(cell)}</td>' for cell in cells) + f"<td>{mark}</td>")
    table = (
        f'<table class="numbers">\n<tr>{head}<th scope="col"></th></tr>\n' + "</tr>\n".join(lines) + "</tr>\n</table>"
    )
    return f'<div class="scroll">{table}</div>'
