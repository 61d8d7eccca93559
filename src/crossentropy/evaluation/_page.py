"""The loss report as one HTML file that opens anywhere: no script, nothing to fetch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from crossentropy._validation import sentence
from crossentropy.evaluation._gallery import SurprisingRow, image_uri
from crossentropy.evaluation._report import LossReport
from crossentropy.evaluation._text import count, number, percent, printable

if TYPE_CHECKING:
    from crossentropy.evaluation._charts import Iteration
    from crossentropy.evaluation._picture import Picture

_FOOTER = "Losses and entropies are in nats unless a figure says bits; 1 nat is 1.4427 bits. Rows are counted from 0."


def render_page(
    report: LossReport,
    *,
    title: str,
    history: Sequence[Iteration] | None = None,
    surprising: Sequence[SurprisingRow] = (),
    explanation_html: str | None = None,
    footer: str = _FOOTER,
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
        _section("Figures", _figures(report)),
        _section("Pictures", _pictures(report, history)),
        _section("Most surprising rows", _gallery(surprising)),
        _section("One row, step by step", explanation_html or ""),
        _section("Classes", _class_table(report)),
    ]
    template = Template(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=_safe(title),
        lede=_lede(report),
        warning=_warning(report),
        sections="".join(sections),
        footer=_safe(footer),
    )


def _safe(text: str) -> str:
    return escape(printable(text))


def _section(heading: str, body: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{body}\n</section>\n" if body else ""


def _lede(report: LossReport) -> str:
    size = f"{count(report.rows, 'row')} of {count(len(report.classes), 'class', 'classes')}"
    return _safe(
        f"Cross-entropy {_nats_and_bits(report.cross_entropy)} per row, over {size}; "
        f"always predicting the class frequencies would cost {_nats_and_bits(report.labels_entropy)}."
    )


def _warning(report: LossReport) -> str:
    if not report.zero_probability_rows:
        return ""
    rest = (
        f"Over the other rows it is {_nats_and_bits(report.finite_cross_entropy)}."
        if report.finite_cross_entropy is not None
        else "There are no other rows."
    )
    text = (
        f"{count(report.zero_probability_rows, 'row')} gave the truth probability 0 (the first is row "
        f"{report.first_zero_probability_row}, counted from 0), which makes the cross-entropy infinite. {rest}"
    )
    return f'<p class="warning" role="note">{_safe(text)}</p>\n'


def _figures(report: LossReport) -> str:
    finite = "" if report.zero_probability_rows == 0 else " of the rows with a finite loss"
    rows = [
        ("Cross-entropy", _nats_and_bits(report.cross_entropy), "mean −log p(truth)"),
        ("Cross-entropy, finite part", _nats_and_bits(report.finite_cross_entropy), f"mean{finite}"),
        ("Standard error", _nats_and_bits(report.cross_entropy_standard_error), f"of the mean{finite}"),
        ("Labels' entropy", _nats_and_bits(report.labels_entropy), "cost of always predicting the class frequencies"),
        ("Explained share", percent(report.explained_share), "1 − cross-entropy / labels' entropy"),
        ("Perplexity", number(report.perplexity), "exp(cross-entropy): equally likely classes of the same cost"),
        ("Accuracy", percent(report.accuracy), "rows whose most probable class is the truth"),
        ("Brier score", number(report.brier_score), "mean squared distance of the probabilities to the truth, 0 to 2"),
        ("Probability 0 on the truth", count(report.zero_probability_rows, "row"), "each of infinite loss"),
    ]
    if not report.zero_probability_rows:
        del rows[1]
    lines = (
        f'<tr><th scope="row">{_safe(name)}</th><td class="number">{_safe(value)}</td>'
        f'<td class="note">{_safe(meaning)}</td></tr>'
        for name, value, meaning in rows
    )
    return '<table class="numbers figures">\n' + "\n".join(lines) + "\n</table>"


def _pictures(report: LossReport, history: Sequence[Iteration] | None) -> str:
    try:
        from crossentropy.evaluation import _charts, _class_charts
        from crossentropy.evaluation._svg import inline_svg
    except ModuleNotFoundError as error:
        raise ImportError(
            sentence(
                "render_page",
                expected="Altair and vl-convert to be installed",
                received=f"no module {error.name}",
                remedy='install them: pip install "crossentropy[cli]"',
            )
        ) from error
    course = _charts.loss_history(history or (), report.labels_entropy)
    pictures = [
        *([] if course is None else [course]),
        _charts.reliability(report),
        _class_charts.per_class(report),
        _class_charts.confusion(report),
    ]

    def figure(picture: Picture) -> str:
        svg = inline_svg(picture.spec, description=f"{picture.heading}. {picture.description}")
        opening = '<figure class="wide">' if picture.wide else "<figure>"
        return (
            f"{opening}\n<h3>{_safe(picture.heading)}</h3>\n"
            f'<div class="scroll">{svg}</div>\n<figcaption>{_safe(picture.caption)}</figcaption>\n</figure>'
        )

    return '<div class="pictures">\n' + "\n".join(map(figure, pictures)) + "\n</div>"


def _gallery(surprising: Sequence[SurprisingRow]) -> str:
    items = []
    for row in surprising:
        label, predicted = _safe(row.label), _safe(row.predicted)
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
        lines.append(f'<tr><th scope="row">{_safe(entry.label)}</th>{cells}</tr>')
    names = ("rows", "cross-entropy (nats)", "cross-entropy (bits)", "predicted right")
    head = '<th scope="col">class</th>' + "".join(f'<th scope="col" class="number">{name}</th>' for name in names)
    table = f'<table class="numbers">\n<tr>{head}</tr>\n' + "\n".join(lines) + "\n</table>"
    summary = f"All {count(len(report.per_class), 'class', 'classes')} as a table"
    return f'<details><summary>{summary}</summary>\n<div class="scroll">{table}</div></details>'


def _nats_and_bits(nats: float | None) -> str:
    if nats is None or not math.isfinite(nats):
        return number(nats) + ("" if nats is None else " nats")
    return f"{number(nats)} nats ({number(nats / math.log(2.0))} bits)"
