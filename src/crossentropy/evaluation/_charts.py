"""The pictures of the whole: loss per iteration and reliability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import altair as alt

from crossentropy.evaluation._picture import BAD, DASHES, FIT, GOOD, HEIGHT, INK, WIDTH, Picture, inline, short
from crossentropy.evaluation._text import count, number, percent

if TYPE_CHECKING:
    from crossentropy.evaluation._report import LossReport

_MOST_POINTS = 200
_PLOT = 430


class Iteration(Protocol):
    """One record of a fit: its number and the mean training cross-entropy after it, in nats."""

    @property
    def iteration(self) -> int: ...
    @property
    def cross_entropy(self) -> float: ...


def loss_history(history: Sequence[Iteration], labels_entropy: float) -> Picture | None:
    """Mean training cross-entropy per iteration, against the labels' entropy; None without one finite value."""
    finite = [record for record in history if math.isfinite(record.cross_entropy)]
    if not finite:
        return None
    rows = [
        {
            "iteration": record.iteration,
            "nats": record.cross_entropy,
            "tip": f"iteration {record.iteration}: {number(record.cross_entropy)} nats",
        }
        for record in finite
    ]
    steps = alt.Axis(tickMinStep=1, tickCount=8, format="d")
    top = 1.1 * max(labels_entropy, *(record.cross_entropy for record in finite)) or 1.0
    base = alt.Chart(inline(rows)).encode(
        x=alt.X("iteration:Q", title="iteration", axis=steps).scale(nice=False),
        y=alt.Y("nats:Q", title="mean cross-entropy (nats per row)", axis=alt.Axis(tickCount=6)).scale(
            domain=[0, top], nice=False
        ),
    )
    entropy = alt.Chart(inline([{"nats": labels_entropy, "text": f"labels' entropy: {number(labels_entropy)} nats"}]))
    layers = [
        entropy.mark_rule(color=BAD, strokeDash=DASHES, strokeWidth=1.5, aria=False).encode(y="nats:Q"),
        entropy.mark_text(color=INK, align="right", dy=-8, aria=False).encode(
            x=alt.value("width"), y="nats:Q", text="text:N"
        ),
        base.mark_line(color=GOOD, strokeWidth=2, aria=False),
    ]
    if len(finite) <= _MOST_POINTS:
        layers.append(base.mark_point(color=GOOD, filled=True, size=16, opacity=1).encode(description="tip:N"))
    caption = (
        "Training rows. Dashed: the labels' entropy of the evaluated rows, "
        "which is what always predicting the class frequencies would cost."
    )
    dropped = len(history) - len(finite)
    if dropped:
        caption += f" Not drawn: {count(dropped, 'iteration')} whose cross-entropy was not finite."
    first, last = finite[0], finite[-1]
    course = (
        f"From {number(first.cross_entropy)} nats at iteration {first.iteration} "
        f"to {number(last.cross_entropy)} at iteration {last.iteration}; labels' entropy {number(labels_entropy)} nats."
    )
    return Picture("Loss per iteration", caption, course, alt.layer(*layers, width=WIDTH, height=HEIGHT, autosize=FIT))


def reliability(report: LossReport) -> Picture:
    """Accuracy against confidence, with the rows of each bin below."""
    rows = [
        {
            "lower": part.lower,
            "upper": part.upper,
            "confidence": part.mean_confidence,
            "accuracy": part.accuracy,
            "rows": part.rows,
            "text": short(part.rows),
            "tip": f"confidence {part.lower:.2f} to {part.upper:.2f}: {count(part.rows, 'row')}, "
            f"mean confidence {percent(part.mean_confidence)}, accuracy {percent(part.accuracy)}",
        }
        for part in report.reliability
        if part.rows
    ]
    shares = alt.Scale(domain=[0, 1], nice=False)
    base = alt.Chart(inline(rows))
    x = alt.X("confidence:Q", title=None, scale=shares, axis=alt.Axis(labels=False))
    y = alt.Y("accuracy:Q", title="accuracy", scale=shares)
    diagonal = (
        alt.Chart(inline([{"share": 0}, {"share": 1}]))
        .mark_line(color=INK, opacity=0.6, strokeDash=DASHES, strokeWidth=1.5, aria=False)
        .encode(x=alt.X("share:Q", scale=shares), y=alt.Y("share:Q", scale=shares))
    )
    gaps = base.mark_rule(color=BAD, strokeWidth=2, aria=False).encode(x=x, y=y, y2="confidence:Q")
    points = base.mark_point(color=GOOD, filled=True, size=70, opacity=1).encode(x=x, y=y, description="tip:N")
    bars = base.mark_rect(color=GOOD, opacity=0.75).encode(
        x=alt.X("lower:Q", title="confidence (probability of the predicted class)", scale=shares),
        x2="upper:Q",
        y=alt.Y("rows:Q", title="rows", axis=alt.Axis(tickCount=3)).scale(
            domain=[0, 1.25 * max(part.rows for part in report.reliability)], nice=False
        ),
        y2=alt.Y2Datum(0),
        description="tip:N",
    )
    counts = (
        base.transform_calculate(middle="(datum.lower + datum.upper) / 2")
        .mark_text(color=INK, dy=-6, fontSize=10, aria=False)
        .encode(x="middle:Q", y="rows:Q", text="text:N")
    )
    chart = alt.vconcat(
        alt.layer(diagonal, gaps, points, width=_PLOT, height=210),
        alt.layer(bars, counts, width=_PLOT, height=70),
        spacing=14,
    )
    caption = (
        "On the dashed diagonal, a confidence of 80 % is right 80 times in 100. Points below: "
        "the model is too sure; above: not sure enough. Orange: the gap. The bars count the rows."
    )
    described = "; ".join(str(row["tip"]) for row in rows) + "."
    return Picture("Reliability", caption, described, chart)
