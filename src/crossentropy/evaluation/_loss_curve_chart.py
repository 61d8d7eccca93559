"""The picture of a sweep over C: training and validation loss, and the C that was chosen."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol, cast

import altair as alt
import numpy as np

from crossentropy.evaluation._picture import BAD, DASHES, FIT, GOOD, HEIGHT, INK, Picture, inline
from crossentropy.evaluation._text import brief, number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_WIDTH = 960

#: 0.001 to 1000 as they are, others as powers of ten.
_TICK = (
    "datum.value > 9e-4 && datum.value < 2e3 ? format(datum.value, '~g') : replace(format(datum.value, '~e'), '+', '')"
)

#: What the page's colours are on their own, on white.
_COLOURS = {INK: "#1b1f24", GOOD: "#0072b2", BAD: "#d55e00"}


class Curve(Protocol):
    """Mean losses in nats (n,) of ascending C, the standard error of the validation's, and what is proven of them."""

    @property
    def Cs(self) -> Floats: ...  # noqa: N802
    @property
    def training(self) -> Floats: ...
    @property
    def validation(self) -> Floats | None: ...
    @property
    def standard_error(self) -> Floats | None: ...
    @property
    def chosen(self) -> int | None: ...
    @property
    def largest_gap(self) -> float: ...


def loss_curve(curve: Curve) -> Picture:
    """Training and validation loss against C, the validation's with its standard error, and the chosen C."""
    lines = {"training": (GOOD, curve.training)}
    if curve.validation is not None:
        lines["validation"] = (BAD, curve.validation)
    x: Any = alt.X("C:Q", title="C, the weight of the data against the penalty", axis=_powers(curve.Cs)).scale(
        type="log", domain=[float(curve.Cs[0]), float(curve.Cs[-1])], nice=False
    )
    layers: list[alt.Chart] = []
    if curve.validation is not None and curve.standard_error is not None:
        ends = zip(curve.Cs, curve.validation, curve.standard_error, strict=True)
        band = [{"C": float(C), "low": float(mean - error), "high": float(mean + error)} for C, mean, error in ends]
        shape = alt.Chart(inline(band)).mark_area(color=BAD, opacity=0.2, aria=False)
        layers.append(shape.encode(x=x, y="low:Q", y2="high:Q"))
    for name, (colour, losses) in lines.items():
        rows = [
            {"C": float(C), "nats": float(nats), "tip": f"C = {brief(float(C))}, {name}: {number(float(nats))} nats"}
            for C, nats in zip(curve.Cs, losses, strict=True)
        ]
        y = alt.Y("nats:Q", title="mean cross-entropy (nats per row)", axis=alt.Axis(tickCount=6)).scale(zero=True)
        base = alt.Chart(inline(rows)).encode(x=x, y=y)
        layers.append(base.mark_line(color=colour, strokeWidth=2, aria=False))
        layers.append(base.mark_point(color=colour, filled=True, size=16, opacity=1).encode(description="tip:N"))
    caption = "Blue: training rows."
    described = f"{len(curve.Cs)} values of C from {brief(float(curve.Cs[0]))} to {brief(float(curve.Cs[-1]))}."
    if curve.validation is not None and curve.chosen is not None:
        C, nats = float(curve.Cs[curve.chosen]), float(curve.validation[curve.chosen])
        mark = alt.Chart(inline([{"C": C}])).mark_rule(color=INK, strokeDash=DASHES, strokeWidth=1.5, aria=False)
        layers.append(mark.encode(x=x))
        caption += " Orange: rows held out"
        caption += (
            ", the mean of the folds and one standard error about it." if curve.standard_error is not None else "."
        )
        caption += f" Dashed: the chosen C = {brief(C)}, {number(nats)} nats."
        described += f" The lowest validation loss is {number(nats)} nats, at C = {brief(C)}."
    caption += (
        f" Every model's objective is proven to be within {brief(curve.largest_gap)} of its minimum, relative to it."
    )
    chart = alt.layer(*layers, width=_WIDTH, height=HEIGHT, autosize=FIT)
    return Picture("Loss against C", caption, described, chart, wide=True)


def standalone(curve: Curve) -> alt.LayerChart:
    """The same as a chart that needs no page."""
    picture = loss_curve(curve)
    title = {"text": picture.heading, "subtitle": picture.caption.replace(". ", ".\n").split("\n"), "anchor": "start"}
    text = json.dumps(picture.spec | {"title": title, "width": _WIDTH // 2, "background": "white"})
    for name, colour in _COLOURS.items():
        text = text.replace(name, colour)
    return cast(alt.LayerChart, alt.LayerChart.from_json(text))


def _powers(Cs: Floats) -> alt.Axis:
    """Ticks at powers of ten, each or every so many."""
    first, last = int(np.ceil(np.log10(Cs[0]) - 1e-9)), int(np.floor(np.log10(Cs[-1]) + 1e-9))
    values = [10.0**power for power in range(first, last + 1, max(1, (last - first) // 12))]
    return alt.Axis(values=values or [float(C) for C in Cs], labelExpr=_TICK, labelFlush=False, grid=True)
