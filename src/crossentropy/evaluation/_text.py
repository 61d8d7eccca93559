"""Numbers and labels as a person reads them, the same in every figure and table of the report page."""

from __future__ import annotations

import math
import re

ABSENT = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"

# What neither XML 1.0 nor UTF-8 can carry: control characters, lone surrogates, two noncharacters.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def number(value: float | None) -> str:
    """Four significant digits; ∞ and − spelled as such; a dash where there is no number."""
    if value is None or math.isnan(value):
        return ABSENT
    if math.isinf(value):
        return "∞" if value > 0 else _MINUS + "∞"
    size = abs(value)
    if size == 0.0:
        return "0"
    if not 1e-4 <= size < 1e7:
        return f"{value:.3e}".replace("-", _MINUS)
    decimals = max(0, 3 - math.floor(math.log10(size)))
    return f"{value:,.{decimals}f}".replace("-", _MINUS)


def brief(value: float) -> str:
    """Three significant digits of a number above 0, no zeros at their end: 0.0316, 1, 3,160, 1e−06."""
    return f"{float(f'{value:.3g}'):,.12g}".replace("-", _MINUS)


def percent(share: float | None) -> str:
    """A share in percent, with one decimal."""
    if share is None or not math.isfinite(share):
        return number(share)
    return f"{100.0 * share:.1f} %".replace("-", _MINUS)


def count(items: int, noun: str, plural: str | None = None) -> str:
    """``1 row``, ``1,797 rows``."""
    return f"{items:,} {noun if items == 1 else plural or noun + 's'}"


def printable(label: str) -> str:
    """The label with the characters that no page can carry replaced by U+FFFD."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", label)
