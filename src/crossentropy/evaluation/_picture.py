"""What every picture of the report page shares: its words, its colours, its style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt

# The page's CSS gives these their values, light or dark; blue against vermilion stays apart for colour-blind readers.
INK, GOOD, BAD, ON_GOOD = "currentColor", "var(--good)", "var(--bad)", "var(--on-good)"
# The whole picture with its axes (a column of the page), its height without them.
WIDTH, HEIGHT = 490, 300
#: What fits a chart with its axes into its width.
FIT = alt.AutoSizeParams(type="fit-x", contains="padding")
DASHES = [5, 4]

#: Vega-Lite's configuration; it stands in place of whatever Altair theme is enabled.
STYLE: dict[str, Any] = {
    "background": "transparent",
    # Fonts of one width, so that the browser needs the room that was measured for the text.
    "font": "Arial, Helvetica, Liberation Sans, sans-serif",
    "view": {"stroke": None, "fill": INK, "fillOpacity": 0.04},
    "text": {"fontSize": 12},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "domainColor": INK,
        "tickColor": INK,
        "gridColor": INK,
        "domainOpacity": 0.4,
        "tickOpacity": 0.4,
        "gridOpacity": 0.12,
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "labelLimit": 140,
    },
}


@dataclass(frozen=True)
class Picture:
    """A chart with its heading, its caption, and the words that stand for it where it cannot be seen."""

    heading: str
    caption: str
    description: str
    chart: alt.TopLevelMixin
    wide: bool = False

    @property
    def spec(self) -> dict[str, Any]:
        """The chart as a Vega-Lite specification, checked against its schema, whatever Altair theme is enabled."""
        spec: dict[str, Any] = self.chart.to_dict()
        return spec | {"config": STYLE, "usermeta": {}}


def inline(rows: list[dict[str, Any]]) -> alt.InlineData:
    """Rows kept in the chart itself."""
    return alt.InlineData(values=rows)


def short(items: int) -> str:
    """A count in few enough characters to fit a cell: 9999, 12k, 3400k, 12M."""
    for size, letter in ((10**6, "M"), (10**3, "k")):
        if items >= 10 * size:
            return f"{items // size}{letter}"
    return str(items)
