"""The inputs of losses_*.json: extremes first, then every option alone, then options together."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

INF, NAN = math.inf, math.nan

#: Margins between two logits, up to where float64's exponentials end (745) and beyond.
GAPS = [0.0, 1e-8, 1.0, 15.0, 17.0, 40.0, 80.0, 700.0, 745.0, 1e3]
_DIRECTIONS = [1.0, -2.0, 0.5, 3.0, -0.25, 0.0, 1.5]


@dataclass(frozen=True)
class LossCase:
    name: str
    loss: str
    predictions: list[float]
    targets: list[float]
    options: dict[str, Any] = field(default_factory=dict)
    v: list[float] = field(default_factory=list)
    results: tuple[str, ...] = ("value", "gradient", "hvp", "hessian_diagonal", "weight")

    def __post_init__(self) -> None:
        if not self.v:
            cycle = [_DIRECTIONS[i % len(_DIRECTIONS)] for i in range(len(self.predictions))]
            object.__setattr__(self, "v", cycle)

    @property
    def probabilities(self) -> list[float]:
        return self.predictions if self.loss in ("categorical_cross_entropy", "binary_cross_entropy") else []

    @property
    def infinite(self) -> bool:
        """Whether something is to be taken to its limit: an infinite prediction, a probability at the edge, a dropped
        class with mass on it."""
        edges = {"categorical_cross_entropy": (0.0,), "binary_cross_entropy": (0.0, 1.0)}.get(self.loss, ())
        keep = self.options.get("class_mask", [True] * len(self.targets))
        return any(
            x == INF
            or x in edges
            or (t > 0.0 and not k)
            or (x == -INF and (t > 0.0 or not self.loss.startswith("softmax")))
            for x, t, k in zip(self.predictions, self.targets, keep, strict=True)
        )

    @property
    def undefined(self) -> bool:
        """Whether the row has no distribution: nothing kept, NaN, or two logits of +inf."""
        if not self.loss.startswith("softmax"):
            return False
        keep = self.options.get("class_mask", [True] * len(self.predictions))
        kept = [z for z, k in zip(self.predictions, keep, strict=True) if k and z != -INF]
        return not kept or any(map(math.isnan, kept)) or kept.count(INF) > 1


def cases() -> list[LossCase]:
    return [
        *_extremes("softmax_cross_entropy"),
        *_softmax_options("softmax_cross_entropy"),
        *_focal(),
        *_large(),
        *_extremes("softmax_kl_divergence"),
        *_softmax_options("softmax_kl_divergence"),
        *_near_targets(),
        *_sigmoid(),
        *_probabilities(),
        *_others(),
    ]


def one_hot(k: int, y: int) -> list[float]:
    return [1.0 if c == y else 0.0 for c in range(k)]


def _extremes(loss: str) -> Iterator[LossCase]:
    for gap in GAPS:
        yield LossCase(f"gap {gap:g}, label largest", loss, [gap, 0.0], [1.0, 0.0])
        yield LossCase(f"gap {gap:g}, label smallest", loss, [gap, 0.0], [0.0, 1.0])
        yield LossCase(f"gap {gap:g}, soft", loss, [0.0, gap, -1.0], [0.25, 0.625, 0.125])
    for offset in (2.0**20, -(2.0**20), 1e6, -1e6, 1e15):
        z = [offset + x for x in (0.25, -1.5, 3.0)]
        yield LossCase(f"offset {offset:g}, label largest", loss, z, one_hot(3, 2))
        yield LossCase(f"offset {offset:g}, soft", loss, z, [0.5, 0.375, 0.125])
    for offset in (1e300, -1e300):
        near = math.nextafter(offset, 0.0)
        yield LossCase(f"offset {offset:g}", loss, [offset, offset, near], one_hot(3, 0))
        yield LossCase(f"offset {offset:g}, far label", loss, [offset, offset, near], [0.0, 0.5, 0.5])
    yield LossCase("difference that rounds", loss, [1.1, -63.2, -3.7], one_hot(3, 2))
    yield LossCase("differences that round", loss, [1.1, -33.3, 0.7], [0.2, 0.7, 0.1], v=[0.3, 0.1, -0.7])
    yield LossCase("one class", loss, [3.7], [1.0])
    yield LossCase("ties", loss, [2.0, 2.0, 2.0], one_hot(3, 1))
    yield LossCase("tie at the top, label second of it", loss, [5.0, 5.0, -40.0], one_hot(3, 1))
    yield LossCase("tie at the top, soft", loss, [5.0, -3.0, 5.0], [0.5, 0.25, 0.25])
    yield LossCase("tiny target", loss, [0.5, 2.0, -1.0], [1.0, 1e-300, 0.0])
    yield LossCase("tiny target far away", loss, [0.5, -1000.0, -1.0], [1.0, 1e-300, 0.0])
    yield LossCase("common part of v", loss, [0.5, 2.0, -1.0], [0.25, 0.25, 0.5], v=[1e6 + 1.0, 1e6 - 2.0, 1e6 + 0.5])
    yield LossCase("small loss, four classes", loss, [-30.0, 12.0, -31.5, -50.0], one_hot(4, 1))
    for z in (20.3, 34.9, 36.8):
        yield LossCase(f"small loss, v that rounds, {z:g}", loss, [0.1, z, -1.7], one_hot(3, 1), v=[0.1, 0.3, -0.7])
    yield LossCase("small loss, soft", loss, [-30.0, 12.0, -31.5, -50.0], [1e-17, 1.0, 0.0, 0.0])
    yield LossCase("ten classes", loss, _random(10, 5), one_hot(10, 3))
    yield LossCase("ten classes, soft", loss, _random(10, 6), _distribution(10, 7))
    yield LossCase("-inf without mass", loss, [1.0, -INF, 2.0], one_hot(3, 0))
    yield LossCase("-inf with mass", loss, [1.0, -INF, 2.0], one_hot(3, 1))
    yield LossCase("-inf with some mass", loss, [1.0, -INF, 2.0], [0.5, 0.25, 0.25])
    yield LossCase("+inf at the label", loss, [INF, 0.0, 1.0], one_hot(3, 0))
    yield LossCase("+inf elsewhere", loss, [0.5, INF, 1.0], one_hot(3, 0))
    yield LossCase("+inf, soft", loss, [0.5, INF, -INF], [0.25, 0.75, 0.0])
    yield LossCase("only -inf", loss, [-INF, -INF], [1.0, 0.0])
    yield LossCase("one class of -inf", loss, [-INF], [1.0])
    yield LossCase("two +inf", loss, [INF, INF, 0.0], one_hot(3, 0))
    yield LossCase("NaN", loss, [0.0, NAN, 1.0], one_hot(3, 0))
    yield LossCase("NaN and +inf", loss, [INF, NAN, 1.0], one_hot(3, 2))


_LOGITS = [0.75, -1.5, 2.25, 0.5]
_SOFT = [0.125, 0.5, 0.25, 0.125]


def _softmax_options(loss: str) -> Iterator[LossCase]:
    weights = [0.5, 2.0, 0.0, 3.5]
    alone: list[tuple[str, dict[str, Any]]] = [
        ("class_weight", {"class_weight": weights}),
        ("class_weight, inexact", {"class_weight": [0.1, 0.7, 1.3, 2.9]}),
        ("label_smoothing", {"label_smoothing": 0.1}),
        ("label_smoothing of 1", {"label_smoothing": 1.0}),
        ("class_mask", {"class_mask": [True, True, False, True]}),
        ("temperature", {"temperature": 0.7}),
        ("temperature, high", {"temperature": 3.0}),
        ("softcap", {"softcap": 5.0}),
        ("softcap, wide", {"softcap": 30.0}),
        ("z_loss", {"z_loss": 1e-4}),
        ("z_loss, large", {"z_loss": 0.5}),
    ]
    together: dict[str, Any] = {
        "class_weight": weights,
        "label_smoothing": 0.1,
        "temperature": 0.7,
        "softcap": 5.0,
        "z_loss": 0.01,
    }
    for name, options in alone:
        for hot in (0, 1, 2):
            targets = one_hot(4, hot)
            if options.get("class_mask", [True] * 4)[hot]:
                yield LossCase(f"{name}, label {hot}", loss, _LOGITS, targets, options)
        if "class_mask" not in options:
            yield LossCase(f"{name}, soft", loss, _LOGITS, _SOFT, options)
        yield LossCase(f"{name}, -inf", loss, [0.75, -INF, 2.25, 0.5], [0.25, 0.0, 0.0, 0.75], options)
    yield LossCase("all together, label", loss, _LOGITS, one_hot(4, 2), together)
    yield LossCase("all together, soft", loss, _LOGITS, _SOFT, together)
    masked = together | {"class_mask": [True, True, False, True]}
    yield LossCase("all together, masked", loss, _LOGITS, [0.25, 0.5, 0.0, 0.25], masked)
    yield LossCase("masked class with mass", loss, _LOGITS, _SOFT, {"class_mask": [True, True, False, True]})
    yield LossCase("masked label", loss, _LOGITS, one_hot(4, 0), {"class_mask": [False, True, True, True]})
    yield LossCase("masked class with mass, softcap", loss, _LOGITS, _SOFT, masked)
    yield LossCase(
        "-inf with mass, softcap", loss, [0.75, -INF, 2.25, 0.5], _SOFT, {"softcap": 5.0, "temperature": 2.0}
    )
    yield LossCase("+inf under softcap", loss, [0.75, INF, 2.25, 0.5], _SOFT, {"softcap": 5.0})
    yield LossCase("+inf with z_loss", loss, [0.75, INF, 2.25, 0.5], _SOFT, {"z_loss": 0.1})
    yield LossCase("masked NaN", loss, [0.75, NAN, 2.25, 0.5], one_hot(4, 2), {"class_mask": [True, False, True, True]})
    yield LossCase("all masked", loss, [0.75, 2.25], one_hot(2, 0), {"class_mask": [False, False]})
    yield LossCase("weight 0 in a row of NaN", loss, [NAN, 2.25], one_hot(2, 0), {"class_weight": [0.0, 1.0]})
    yield LossCase("temperature on large logits", loss, [-70.1, 12.3, 8.9], [0.5, 0.25, 0.25], {"temperature": 0.3})
    yield LossCase(
        "temperature at an offset", loss, [1e6 + 0.1, 1e6 - 7.3, 1e6], [0.5, 0.25, 0.25], {"temperature": 0.7}
    )
    yield LossCase("low temperature", loss, [0.25, 0.5, -0.75], one_hot(3, 1), {"temperature": 2.0**-8})
    yield LossCase("softcap, saturated", loss, [200.0, 190.0, -300.0], [0.25, 0.5, 0.25], {"softcap": 30.0})
    yield LossCase("softcap, small loss", loss, [-80.0, 90.0, -70.0], one_hot(3, 1), {"softcap": 50.0})
    yield LossCase("z_loss at an offset", loss, [2.0**20, 2.0**20 - 1.5], one_hot(2, 0), {"z_loss": 1e-4})
    yield LossCase("z_loss, lse near 0", loss, [-0.75, -0.625], one_hot(2, 0), {"z_loss": 0.5})
    for gap in (40.0, 745.0):
        yield LossCase(f"label_smoothing, gap {gap:g}", loss, [gap, 0.0], one_hot(2, 0), {"label_smoothing": 0.1})


def _focal() -> Iterator[LossCase]:
    loss = "softmax_cross_entropy"
    for gamma in (0.25, 0.5, 1.0, 2.0, 5.0):
        options: dict[str, Any] = {"focal_gamma": gamma}
        yield LossCase(f"focal {gamma:g}, soft", loss, _LOGITS, _SOFT, options)
        yield LossCase(f"focal {gamma:g}, one class", loss, [1.5], [1.0], options)
        yield LossCase(f"focal {gamma:g}, -inf with mass", loss, [1.0, -INF, 2.0], [0.5, 0.25, 0.25], options)
        yield LossCase(f"focal {gamma:g}, +inf", loss, [1.0, INF, 2.0], [0.5, 0.25, 0.25], options)
        yield LossCase(f"focal {gamma:g}, +inf at the label", loss, [1.0, INF, 2.0], one_hot(3, 1), options)
        for gap in (0.0, 1.0, 5.0, 17.0, 40.0, 745.0, 1e3):
            yield LossCase(
                f"focal {gamma:g}, gap {gap:g}, label largest", loss, [gap, 0.0, -1.0], one_hot(3, 0), options
            )
            yield LossCase(
                f"focal {gamma:g}, gap {gap:g}, label smaller", loss, [gap, 0.0, -1.0], one_hot(3, 1), options
            )
    everything: dict[str, Any] = {
        "class_weight": [0.5, 2.0, 1.0, 3.5],
        "label_smoothing": 0.1,
        "class_mask": [True, True, False, True],
        "temperature": 0.7,
        "softcap": 5.0,
        "z_loss": 0.01,
        "focal_gamma": 1.5,
    }
    yield LossCase("every option, label", loss, _LOGITS, one_hot(4, 0), everything)
    yield LossCase("every option, soft", loss, _LOGITS, [0.25, 0.5, 0.0, 0.25], everything)
    without_mask = {name: value for name, value in everything.items() if name != "class_mask"}
    yield LossCase("every option but the mask", loss, _LOGITS, _SOFT, without_mask)


def _large() -> Iterator[LossCase]:
    loss = "softmax_cross_entropy"
    yield LossCase("a hundred classes, smoothed", loss, _random(100, 8), one_hot(100, 17), {"label_smoothing": 0.1})
    first = ("value", "gradient", "weight")  # the rest would be most of the table
    nearly_equal = [x / 64.0 for x in _random(100, 10)]
    yield LossCase(
        "a hundred nearly equal classes", loss, nearly_equal, one_hot(100, nearly_equal.index(min(nearly_equal)))
    )
    yield LossCase("a thousand classes", loss, _random(1000, 9), one_hot(1000, 123), results=first)


def _near_targets() -> Iterator[LossCase]:
    z = [0.75, -1.5, 2.25]
    e = [math.exp(x) for x in z]
    p = [x / math.fsum(e) for x in e]
    moved = [p[0] + 2.0**-30, p[1], p[2] - 2.0**-30]
    for loss in ("softmax_cross_entropy", "softmax_kl_divergence"):
        yield LossCase("targets at the probabilities", loss, z, p)
        yield LossCase("targets near the probabilities", loss, z, moved)


def _sigmoid() -> Iterator[LossCase]:
    loss = "sigmoid_cross_entropy"
    margins = sorted({*GAPS, *(-g for g in GAPS), 1e300, -1e300, 0.3, -2.7, 5e-324})
    k = len(margins)
    for name, targets in (("class 1", [1.0] * k), ("class 0", [0.0] * k), ("soft", [0.3] * k)):
        yield LossCase(f"margins, {name}", loss, margins, targets)
        yield LossCase(f"infinite, {name}", loss, [INF, -INF], targets[:2])
    yield LossCase(
        "targets near the probability", loss, [-1.5, 0.0, 3.0], [0.18242552380635635, 0.5, 0.9525741268224334]
    )
    yield LossCase("tiny target", loss, [-1.5, 700.0, -700.0], [1e-300, 1e-300, 1e-300])
    short = [-745.0, -40.0, -17.0, -1.5, 0.0, 0.75, 5.0, 40.0, 745.0]
    targets = [1.0, 0.0, 0.5, 0.25, 1.0, 0.0, 0.75, 0.0, 1.0]
    weights = {"pos_weight": [2.0, 0.5, 1.0] * 3, "class_weight": [1.0, 0.0, 3.0, 0.25, 1.5, 1.0, 2.0, 1.0, 0.5]}
    alone: list[tuple[str, dict[str, Any]]] = [
        ("pos_weight", {"pos_weight": weights["pos_weight"]}),
        ("pos_weight, one number", {"pos_weight": 2.5}),
        ("class_weight", {"class_weight": weights["class_weight"]}),
        ("label_smoothing", {"label_smoothing": 0.1}),
        ("all but focal", weights | {"label_smoothing": 0.1}),
    ]
    for name, options in alone:
        yield LossCase(name, loss, short, targets, options)
    yield LossCase("weights, infinite", loss, [INF, -INF], [1.0, 0.0], {"pos_weight": 2.5, "label_smoothing": 0.1})
    for gamma in (0.25, 0.5, 1.0, 2.0, 5.0):
        focal: dict[str, Any] = {"focal_gamma": gamma}
        yield LossCase(f"focal {gamma:g}, class 1", loss, short, [1.0] * 9, focal)
        yield LossCase(f"focal {gamma:g}", loss, short, targets, focal)
        yield LossCase(f"focal {gamma:g}, infinite", loss, [INF, -INF], [1.0, 1.0], focal)
    yield LossCase("every option", loss, short, targets, weights | {"label_smoothing": 0.1, "focal_gamma": 1.5})


def _probabilities() -> Iterator[LossCase]:
    p, t = [0.125, 0.5, 0.25, 0.125], [0.25, 0.5, 0.0, 0.25]
    log_p = [-2.0794415416798357, -0.6931471805599453, -1.3862943611198906, -2.0794415416798357]
    weighted: dict[str, Any] = {"class_weight": [0.5, 2.0, 1.0, 3.5]}
    for loss, x in (("categorical_cross_entropy", p), ("negative_log_likelihood", log_p)):
        none, rest = (0.0, 0.375) if loss == "categorical_cross_entropy" else (-INF, -0.9808292530117262)
        impossible = [none, x[1], rest, x[3]]
        yield LossCase("label", loss, x, one_hot(4, 1))
        yield LossCase("soft", loss, x, t)
        yield LossCase("class_weight", loss, x, t, weighted)
        yield LossCase("label_smoothing", loss, x, t, {"label_smoothing": 0.1})
        yield LossCase("both options", loss, x, one_hot(4, 0), weighted | {"label_smoothing": 0.1})
        yield LossCase("probability 0 without mass", loss, impossible, one_hot(4, 1))
        yield LossCase("probability 0 with mass", loss, impossible, t)
        yield LossCase("probability 0, smoothed", loss, impossible, one_hot(4, 1), {"label_smoothing": 0.1})
    tiny = [1e-300, 1e-17, 0.999, 0.001]
    yield LossCase("tiny probabilities", "categorical_cross_entropy", tiny, [0.25, 0.25, 0.25, 0.25])
    near_one = [1.0 - 2.0**-52, 2.0**-52]
    yield LossCase("nearly certain", "categorical_cross_entropy", near_one, [0.75, 0.25])

    binary = [1e-300, 1e-17, 0.1, 0.25, 0.5, 0.75, 1.0 - 2.0**-52]
    options: dict[str, Any] = {"pos_weight": 2.5, "class_weight": [0.5, 2.0, 1.0, 3.5, 0.25, 1.0, 1.5]}
    for name, targets in (("class 1", [1.0] * 7), ("class 0", [0.0] * 7), ("soft", [0.3] * 7)):
        yield LossCase(name, "binary_cross_entropy", binary, targets)
        yield LossCase(f"edges, {name}", "binary_cross_entropy", [0.0, 1.0], targets[:2])
    targets = [0.25, 0.0, 0.1, 1.0, 0.5, 1.0, 0.75]
    yield LossCase("weights", "binary_cross_entropy", binary, targets, options)
    yield LossCase("label_smoothing", "binary_cross_entropy", binary, targets, {"label_smoothing": 0.1})
    yield LossCase("every option", "binary_cross_entropy", binary, targets, options | {"label_smoothing": 0.1})


def _others() -> Iterator[LossCase]:
    margins = [-1e300, -745.0, -40.0, -1.5, 0.0, 0.3, 17.0, 40.0, 745.0, 1e300]
    for sign in (1.0, -1.0):
        yield LossCase(f"margins, sign {sign:+g}", "soft_margin", margins, [sign] * 10)
        yield LossCase(f"infinite, sign {sign:+g}", "soft_margin", [INF, -INF], [sign] * 2)
    z, t = [-40.0, -1.5, 0.0, 0.3, 17.0], [1.0, 0.0, 0.5, 0.3, 1.0]
    weighted: dict[str, Any] = {"class_weight": [0.5, 2.0, 0.0, 3.5, 1.25]}
    yield LossCase("five labels", "multilabel_soft_margin", z, t)
    yield LossCase("five labels, class_weight", "multilabel_soft_margin", z, t, weighted)
    yield LossCase("one label", "multilabel_soft_margin", [2.5], [1.0])
    yield LossCase("an infinite logit", "multilabel_soft_margin", [2.5, INF], [1.0, 0.0])
    x, y = [0.0, 0.1, 1e150, -2.5, 1.0 + 2.0**-52, 3.0], [0.0, 0.3, -1e150, 2.5, 1.0, 1e-300]
    yield LossCase("numbers", "mean_squared_error", x, y)


def _random(k: int, seed: int) -> list[float]:
    """Logits of about ±10 that are exact in float32 and short to write."""
    numbers = random.Random(seed)
    return [numbers.randrange(-640, 641) / 64.0 for _ in range(k)]


def _distribution(k: int, seed: int) -> list[float]:
    numbers = random.Random(seed)
    parts = [numbers.random() for _ in range(k)]
    return [part / math.fsum(parts) for part in parts]
