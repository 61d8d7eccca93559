"""The pictures of the classes: cross-entropy per class and confusion matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import altair as alt

from crossentropy.evaluation._picture import BAD, DASHES, FIT, GOOD, INK, ON_GOOD, WIDTH, Picture, inline, short
from crossentropy.evaluation._text import count, number, percent, printable

if TYPE_CHECKING:
    from crossentropy.evaluation._report import LossReport

#: Above this many classes the pictures show the worst ones only, and say so.
MOST_CLASSES = 30
OTHERS = "(other classes)"


def per_class(report: LossReport) -> Picture:
    """Cross-entropy of the rows of each class, worst first; infinite bars are marked."""
    known = _worst_first(report)
    shown = known[:MOST_CLASSES]
    # Infinite bars are drawn a little longer than the longest finite one; the numbers stand right of all.
    longest = 1.05 * max((nats for _, nats in shown if math.isfinite(nats)), default=0.0) or 1.0
    bars, labels = [], []
    for index, nats in shown:
        label = printable(report.per_class[index].label)
        rows = count(report.per_class[index].rows, "row")
        labels.append(label)
        bars.append(
            {
                "label": label,
                "nats": min(nats, longest),
                "infinite": math.isinf(nats),
                "text": number(nats),
                "tip": f"{label}: {number(nats)} nats over {rows}",
            }
        )
    infinite = alt.datum.infinite
    base = alt.Chart(inline(bars)).encode(
        x=alt.X("nats:Q", title="mean cross-entropy (nats per row)", axis=alt.Axis(tickCount=6)).scale(
            domain=[0, 1.2 * longest], nice=False
        ),
        y=alt.Y("label:N", title=None, sort=None).scale(domain=labels),
    )
    texts = base.mark_text(color=INK, align="right", dx=-4, aria=False).encode(
        x=alt.value("width"), text="text:N", size=alt.when(infinite).then(alt.value(16)).otherwise(alt.value(12))
    )
    layers = [
        base.mark_bar().encode(
            color=alt.when(infinite).then(alt.value(BAD)).otherwise(alt.value(GOOD)), description="tip:N"
        ),
        texts,
    ]
    caption = "Mean −log p(truth) over the rows of each class, worst first."
    if report.finite_cross_entropy is not None and report.finite_cross_entropy <= longest:
        line = alt.Chart(inline([{"nats": report.finite_cross_entropy}]))
        layers.append(line.mark_rule(color=INK, strokeDash=DASHES, aria=False).encode(x="nats:Q"))
        whole = "but those that gave their truth probability 0" if report.zero_probability_rows else ""
        caption += f" Dashed: all rows {whole}".rstrip() + f", {number(report.finite_cross_entropy)} nats."
    endless = sum(math.isinf(nats) for _, nats in shown)
    if endless:
        caption += f" ∞, in orange: {count(endless, 'class', 'classes')} with a row that gave its truth probability 0."
    if len(known) > len(shown):
        caption += f" Shown: the worst {len(shown)} of {count(len(known), 'class', 'classes')}."
    empty = len(report.per_class) - len(known)
    if empty:
        caption += f" Not shown: {count(empty, 'class', 'classes')} without a row."
    described = "; ".join(str(bar["tip"]) for bar in bars) + "."
    chart = alt.layer(*layers, width=WIDTH, height=alt.Step(22), autosize=FIT)
    return Picture("Cross-entropy per class", caption, described, chart)


def confusion(report: LossReport) -> Picture:
    """Rows by truth and prediction; above 30 classes those of the highest cross-entropy."""
    names = [printable(entry.label) for entry in report.per_class]
    chosen: Sequence[int] = range(len(names))
    if len(names) > MOST_CLASSES:
        chosen = sorted(index for index, _ in _worst_first(report)[:MOST_CLASSES])
    columns = [names[index] for index in chosen]
    if len(chosen) < len(names):
        columns.append(OTHERS)
    cells = []
    for truth in chosen:
        line = report.confusion[truth]
        shown = [line[prediction] for prediction in chosen]
        for prediction, rows in zip(columns, [*shown, sum(line) - sum(shown)], strict=False):
            if rows:
                cells.append(
                    {
                        "truth": names[truth],
                        "prediction": prediction,
                        "text": short(rows),
                        "shade": math.sqrt(rows / sum(line)),
                        "right": prediction == names[truth],
                        "tip": f"{names[truth]} predicted as {prediction}: {count(rows, 'row')}, "
                        f"{percent(rows / sum(line))} of its rows",
                    }
                )
    step = 60 if len(columns) <= 4 else 36 if len(columns) <= 12 else 27
    angle = 0 if max(map(len, columns)) <= 4 else -90
    base = alt.Chart(inline(cells)).encode(
        x=alt.X("prediction:N", title="prediction", axis=alt.Axis(labelAngle=angle)).scale(domain=columns),
        y=alt.Y("truth:N", title="truth").scale(domain=[names[index] for index in chosen]),
    )
    right, deep = alt.datum.right, alt.datum.shade > 0.75
    layers = [
        base.mark_rect().encode(
            color=alt.when(right).then(alt.value(GOOD)).otherwise(alt.value(BAD)),
            opacity=alt.Opacity("shade:Q", legend=None).scale(domain=[0, 1], range=[0.08, 1]),
            description="tip:N",
        ),
        base.mark_text(fontSize=10 if step < 30 else 12, aria=False).encode(
            text="text:N", color=alt.when(right & deep).then(alt.value(ON_GOOD)).otherwise(alt.value(INK))
        ),
    ]
    caption = "Rows by truth and prediction: blue right, orange wrong, deeper for a larger share of the truth's rows."
    if len(chosen) < len(names):
        caption += f" Shown: the {len(chosen)} classes of the highest cross-entropy, of {len(names):,}."
    caption += _most_confused(report, names)
    wrong = sum(sum(line) - line[index] for index, line in enumerate(report.confusion))
    described = f"{count(report.rows, 'row')}, {wrong:,} of them off the diagonal.{_most_confused(report, names)}"
    chart = alt.layer(*layers, width=alt.Step(step), height=alt.Step(step))
    return Picture("Confusion matrix", caption, described, chart, wide=len(columns) > 12)


def _worst_first(report: LossReport) -> list[tuple[int, float]]:
    """Index and cross-entropy of the classes that have rows, by falling cross-entropy, ties in the report's order."""
    losses = ((index, entry.cross_entropy) for index, entry in enumerate(report.per_class))
    return sorted(((index, nats) for index, nats in losses if nats is not None), key=lambda item: -item[1])


def _most_confused(report: LossReport, names: Sequence[str]) -> str:
    """A sentence about the largest cell off the diagonal, the first of equals; empty where there is none."""
    cells = (
        (rows, truth, prediction)
        for truth, line in enumerate(report.confusion)
        for prediction, rows in enumerate(line)
        if rows and truth != prediction
    )
    rows, truth, prediction = max(cells, key=lambda cell: cell[0], default=(0, 0, 0))
    return f" Most often confused: {names[truth]} predicted as {names[prediction]} ({count(rows, 'row')})." * (rows > 0)
