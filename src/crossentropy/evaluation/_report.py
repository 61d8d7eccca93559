"""What a model's predictions cost: the loss report, as frozen data."""

from __future__ import annotations

import dataclasses
import math
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class ClassLoss:
    """The rows whose truth is one class: how many, and their mean −log p in nats (``None`` where there are none)."""

    label: str
    rows: int
    cross_entropy: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The rows whose largest probability lies in (``lower``, ``upper``]: ``None`` for the means of an empty bin."""

    lower: float
    upper: float
    rows: int
    mean_confidence: float | None
    accuracy: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class LossReport:
    """What the predictions of a classifier cost, in nats, and against what.

    Every mean is weighted by the rows' sample weights; every count (``rows``, ``confusion``, …) counts rows, those of
    weight 0 left out. The perplexity, accuracy, shares and Brier score have no unit; ``_bits`` properties convert.

    ``rows``, ``classes``
        the number of rows, and the labels of the K classes in order.
    ``labels_entropy``
        what always predicting the frequencies of the classes would cost: the entropy of the labels.
    ``cross_entropy``
        the mean of −log p(truth); ``inf`` where a row gave its truth probability 0.
    ``finite_cross_entropy``
        the mean over the other rows; equal to ``cross_entropy`` where there are no such rows, ``None`` where all are.
    ``cross_entropy_standard_error``
        the standard error of ``finite_cross_entropy``, rows taken as independent draws: sqrt(n/(n−1)·Σs²(ℓ−m)²)/Σs;
        ``None`` with fewer than two rows.
    ``perplexity``
        exp(cross_entropy).
    ``explained_share``
        1 − cross_entropy/labels_entropy: 1 is a perfect prediction, 0 that of the frequencies, below 0 is worse than
        it; ``None`` where all rows are of one class, whose labels' entropy is 0.
    ``accuracy``
        the share of rows whose most probable class (the first of equals) is the truth.
    ``brier_score``
        the mean of Σ_c (p_c − t_c)², from 0 (perfect) to 2 (Brier, 1950).
    ``per_class``, ``reliability``
        one :class:`ClassLoss` per class; one :class:`ReliabilityBin` per bin of the largest probability.
    ``confusion``
        ``confusion[truth][prediction]``: the number of rows.
    ``zero_probability_rows``, ``first_zero_probability_row``
        how many rows gave their truth probability 0, and the first of them (rows counted from 0), or ``None``.
    """

    rows: int
    classes: tuple[str, ...]
    labels_entropy: float
    cross_entropy: float
    finite_cross_entropy: float | None
    cross_entropy_standard_error: float | None
    perplexity: float
    explained_share: float | None
    accuracy: float
    brier_score: float
    per_class: tuple[ClassLoss, ...]
    confusion: tuple[tuple[int, ...], ...]
    reliability: tuple[ReliabilityBin, ...]
    zero_probability_rows: int
    first_zero_probability_row: int | None

    @property
    def labels_entropy_bits(self) -> float:
        """The labels' entropy in bits."""
        return self.labels_entropy / math.log(2.0)

    @property
    def cross_entropy_bits(self) -> float:
        """The cross-entropy in bits."""
        return self.cross_entropy / math.log(2.0)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain lists, numbers and strings that ``json.dumps(…, allow_nan=False)`` takes.

        Infinity is the string ``"inf"`` (or ``"-inf"``), since JSON has no number for it; what is undefined is
        ``None``, JSON's ``null``. ``"unit"`` names the unit of every loss and entropy that does not end in ``_bits``.
        """
        plain = {"unit": "nats", **dataclasses.asdict(self)}
        plain["labels_entropy_bits"] = self.labels_entropy_bits
        plain["cross_entropy_bits"] = self.cross_entropy_bits
        json_able: dict[str, Any] = _json_able(plain)
        return json_able


def _json_able(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json_able(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_json_able(item) for item in value]
    if isinstance(value, float) and math.isinf(value):
        return str(value)
    return value
