"""The gradients of cross-entropy and of the squared error side by side, as an SVG picture."""

from __future__ import annotations

from crossentropy.explanation._derivation import Derivation
from crossentropy.explanation._numbers import written

#: The most rows a picture shows: those with the largest gradients of the cross-entropy.
MOST_ROWS = 24

_WIDTH, _ROW, _BAR = 560, 38, 13  # pixels: picture, one class, one bar
_LABELS, _VALUES = 84, 96  # room for a row's label, and for the number at a bar's end


def shown_rows(derivation: Derivation) -> list[int]:
    """The classes or labels in the picture, in their order."""
    by_size = sorted(range(len(derivation.gradient)), key=lambda row: (-abs(derivation.gradient[row]), row))
    return sorted(by_size[:MOST_ROWS])


def gradient_chart(derivation: Derivation) -> str:
    """Two bars per class or label, to one scale: how hard each loss pulls at that logit."""
    rows = shown_rows(derivation)
    pulls = [(row, derivation.gradient[row], derivation.squared_error_gradient[row]) for row in rows]
    ends = [value for _, *pair in pulls for value in pair]
    low, high = min(0.0, *ends), max(0.0, *ends)
    left, right = _LABELS + (_VALUES if low < 0.0 else 0), _WIDTH - _VALUES
    scale = (right - left) / (high - low) if high > low else 0.0
    zero = left - low * scale
    height = _ROW * len(rows) + 8
    noun = "class" if derivation.kind == "softmax" else "label"
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="Gradient at each logit: cross-entropy beside '
        f'squared error">'
    ]
    for place, (row, ours, theirs) in enumerate(pulls):
        top = place * _ROW + 6
        parts.append(f'<text x="0" y="{top + _BAR + 4}">{noun} {row}</text>')
        parts.append(_bar(ours, zero, scale, top, "cross-entropy"))
        parts.append(_bar(theirs, zero, scale, top + _BAR + 2, "squared-error"))
    parts.append(f'<line x1="{zero:.2f}" x2="{zero:.2f}" y1="0" y2="{height}"/>')
    return "\n".join([*parts, "</svg>"])


def _bar(value: float, zero: float, scale: float, top: int, style: str) -> str:
    """A bar from the zero line, with its number at the end."""
    length = abs(value) * scale
    start = zero - length if value < 0.0 else zero
    anchor, end = ("end", start - 6) if value < 0.0 else ("start", start + length + 6)
    return (
        f'<rect class="{style}" x="{start:.2f}" y="{top}" width="{length:.2f}" height="{_BAR}"/>'
        f'<text x="{end:.2f}" y="{top + _BAR - 2}" text-anchor="{anchor}">{written(value)}</text>'
    )
