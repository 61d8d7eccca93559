from __future__ import annotations

import math

import pytest

from crossentropy.evaluation._text import count, number, percent, printable


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (0.0, "0"),
        (2.302585, "2.303"),
        (0.0153123, "0.01531"),
        (-0.5, "−0.5000"),
        (12345.6, "12,346"),
        (1.5e-7, "1.500e−07"),
        (2.5e9, "2.500e+09"),
    ],
)
def test_numbers_have_four_significant_digits(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0.97, "97.0 %"), (-0.125, "−12.5 %"), (1.0, "100.0 %"), (-math.inf, "−∞"), (None, "–")]
)
def test_shares_are_in_percent(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_counts_agree_with_their_noun() -> None:
    assert [count(1, "row"), count(1797, "row"), count(2, "class", "classes")] == ["1 row", "1,797 rows", "2 classes"]


def test_characters_that_no_page_can_carry_are_replaced() -> None:
    assert printable("a\x00\x1b[1m\ud800é\t✓") == "a��[1m�é\t✓"
