"""The loss report as one HTML file that opens anywhere: no script, nothing to fetch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crossentropy._validation import sentence
from crossentropy.evaluation._frame import FOOTER, charting, figure_table, figures, nats_and_bits, page, safe, section
from crossentropy.evaluation._gallery import SurprisingRow, image_uri
from crossentropy.evaluation._report import LossReport
from crossentropy.evaluation._text import count, number, percent

if TYPE_CHECKING:
    from crossentropy.evaluation._charts import Iteration


def render_page(
    report: LossReport,
    *,
    title: str,
    history: Sequence[Iteration] | None = None,
    surprising: Sequence[SurprisingRow] = (),
    explanation_html: str | None = None,
    footer: str = FOOTER,
) -> str:
    """The report as one self-contained HTML page: figures, pictures, the most surprising rows, an explanation.

    The pictures are accuracy against confidence, cross-entropy per class, the confusion matrix and, with ``history``
    (records of ``iteration`` and ``cross_entropy``, the mean training loss in nats), the loss per iteration against the
    labels' entropy. Above 30 classes the pictures show the worst 30 and say so. Infinite losses are marked as such.

    ``explanation_html`` is an HTML fragment and is embedded as it is; all other text is escaped. The page holds no
    script and forbids any. The same input gives the same text.

    Raises ImportError where Altair or vl-convert is not installed; ValueError for an explanation that is a whole page,
    or an image that is none.

    >>> from crossentropy.evaluation import LossMeter, render_page
    >>> meter = LossMeter(["cat", "dog"])
    >>> meter.update(probabilities=[[0.9, 0.1], [0.4, 0.6]], targets=[0, 1])
    >>> page = render_page(meter.report(), title="Cats and dogs")
    >>> page.count("<svg"), "<script" in page
    (3, False)
    """
    if explanation_html is not None and "<html" in explanation_html.lower():
        raise ValueError(
            sentence(
                "explanation_html",
                expected="an HTML fragment",
                received="a whole page",
                remedy="pass what stands inside its <body>",
            )
        )
    sections = [
        section("Figures", _figures(report)),
        section("Pictures", _pictures(report, history)),
        section("Most surprising rows", _gallery(surprising)),
        section("One row, step by step", explanation_html or ""),
        section("Classes", _class_table(report)),
    ]
    return page(title=title, lede=_lede(report), warning=_warning(report), sections=sections, footer=footer)


def _lede(report: LossReport) -> str:
    size = f"{count(report.rows, 'row')} of {count(len(report.classes), 'class', 'classes')}"
    return (
        f"Cross-entropy {nats_and_bits(report.cross_entropy)} per row, over {size}; "
        f"always predicting the class frequencies would cost {nats_and_bits(report.labels_entropy)}."
    )


def _warning(report: LossReport) -> str:
    if not report.zero_probability_rows:
        return ""
    rest = (
        f"Over the other rows it is {nats_and_bits(report.finite_cross_entropy)}."
        if report.finite_cross_entropy is not None
        else "There are no other rows."
    )
    text = (
        f"{count(report.zero_probability_rows, 'row')} gave the truth probability 0 (the first is row "
        f"{report.first_zero_probability_row}, counted from 0), which makes the cross-entropy infinite. {rest}"
    )
    return f'<p class="warning" role="note">{safe(text)}</p>\n'


def _figures(report: LossReport) -> str:
    finite = "" if report.zero_probability_rows == 0 else " of the rows with a finite loss"
    rows = [
        ("Cross-entropy", nats_and_bits(report.cross_entropy), "mean −log p(truth)"),
        ("Cross-entropy, finite part", nats_and_bits(report.finite_cross_entropy), f"mean{finite}"),
        ("Standard error", nats_and_bits(report.cross_entropy_standard_error), f"of the mean{finite}"),
        ("Labels' entropy", nats_and_bits(report.labels_entropy), "cost of always predicting the class frequencies"),
        ("Explained share", percent(report.explained_share), "1 − cross-entropy / labels' entropy"),
        ("Perplexity", number(report.perplexity), "exp(cross-entropy): equally likely classes of the same cost"),
        ("Accuracy", percent(report.accuracy), "rows whose most probable class is the truth"),
        ("Brier score", number(report.brier_score), "mean squared distance of the probabilities to the truth, 0 to 2"),
        ("Probability 0 on the truth", count(report.zero_probability_rows, "row"), "each of infinite loss"),
    ]
    if not report.zero_probability_rows:
        del rows[1]
    return figure_table(rows)


def _pictures(report: LossReport, history: Sequence[Iteration] | None) -> str:
    with charting("render_page"):
        from crossentropy.evaluation import _charts, _class_charts

        course = _charts.loss_history(history or (), report.labels_entropy)
        pictures = [
            *([] if course is None else [course]),
            _charts.reliability(report),
            _class_charts.per_class(report),
            _class_charts.confusion(report),
        ]
        return figures(pictures)


def _gallery(surprising: Sequence[SurprisingRow]) -> str:
    items = []
    for row in surprising:
        label, predicted = safe(row.label), safe(row.predicted)
        picture = "" if row.image is None else f'<img src="{image_uri(row.image)}" alt="A row of class {label}">'
        items.append(
            f"<li>{picture}<p><strong>{label}</strong>, predicted as <strong>{predicted}</strong></p>"
            f'<p class="soft">p(truth) {number(row.probability)}: {number(row.surprisal)} nats</p></li>'
        )
    return '<ul class="gallery">\n' + "\n".join(items) + "\n</ul>" if items else ""


def _class_table(report: LossReport) -> str:
    lines = []
    for index, entry in enumerate(report.per_class):
        nats = entry.cross_entropy
        bits = None if nats is None else nats / math.log(2.0)
        right = report.confusion[index][index] / entry.rows if entry.rows else None
        numbers = (f"{entry.rows:,}", number(nats), number(bits), percent(right))
        cells = "".join(f'<td class="number">{cell}</td>' for cell in numbers)
        lines.append(f'<tr><th scope="row">{safe(entry.label)}</th>{cells}</tr>')
    names = ("rows", "cross-entropy (nats)", "cross-entropy (bits)", "predicted right")
    head = '<th scope="col">class</th>' + "".join(f'<th scope="col" class="number">{name}</th>' for name in names)
    table = f'<table class="numbers">\n<tr>{head}</tr>\n' + "\n".join(lines) + "\n</table>"
    summary = f"All {count(len(report.per_class), 'class', 'classes')} as a table"
    return f'<details><summary>{summary}</summary>\n<div class="scroll">{table}</div></details>'
