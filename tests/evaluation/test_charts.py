"""The pictures of the report page: what they show, what they say, and that Vega-Lite takes them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import altair as alt
import numpy as np
import pytest

from crossentropy.evaluation import LossMeter, LossReport
from crossentropy.evaluation._charts import loss_history, reliability
from crossentropy.evaluation._class_charts import MOST_CLASSES, OTHERS, confusion, per_class
from crossentropy.evaluation._picture import Picture, short
from crossentropy.evaluation._svg import inline_svg


@dataclass
class Record:
    iteration: int
    cross_entropy: float


def report_of(probabilities: Any, targets: Any, classes: Sequence[str]) -> LossReport:
    meter = LossMeter(classes)
    meter.update(probabilities=np.asarray(probabilities, dtype=np.float64), targets=targets)
    return meter.report()


def many_classes(k: int) -> LossReport:
    """Two rows per class: both cost more the later the class; the second one is predicted as the class before."""
    rows, targets = [], []
    for truth in range(k):
        for other in ((truth + 1) % k, truth - 1):
            row = np.zeros(k)
            row[truth] = (0.9 if other == (truth + 1) % k else 0.4) - 0.3 * truth / k
            row[other] = 1.0 - row[truth]
            rows.append(row)
            targets.append(truth)
    return report_of(rows, targets, [f"c{index}" for index in range(k)])


THREE = report_of(
    [[0.5, 0.25, 0.25], [0.0, 0.5, 0.5], [0.125, 0.75, 0.125], [0.25, 0.25, 0.5]],
    [0, 0, 1, 1],
    ["ant", '<bee> & "co"', "no rows"],
)


def datum_lists(picture: Picture) -> list[list[dict[str, Any]]]:
    return list(picture.spec["datasets"].values())


def rows_with(picture: Picture, field: str) -> list[dict[str, Any]]:
    (rows,) = [rows for rows in datum_lists(picture) if field in rows[0]]
    return rows


def test_history_draws_each_iteration_against_the_labels_entropy() -> None:
    picture = loss_history([Record(0, 1.5), Record(1, 0.5), Record(2, 0.25)], labels_entropy=1.0986)
    assert picture is not None
    assert [(row["iteration"], row["nats"]) for row in rows_with(picture, "iteration")] == [
        (0, 1.5),
        (1, 0.5),
        (2, 0.25),
    ]
    assert rows_with(picture, "text") == [{"nats": 1.0986, "text": "labels' entropy: 1.099 nats"}]
    assert picture.description == (
        "From 1.500 nats at iteration 0 to 0.2500 at iteration 2; labels' entropy 1.099 nats."
    )


def test_history_says_what_it_leaves_out() -> None:
    picture = loss_history([Record(0, math.inf), Record(1, 0.5), Record(2, math.nan)], labels_entropy=1.0)
    assert picture is not None
    assert len(rows_with(picture, "iteration")) == 1
    assert picture.caption.endswith("Not drawn: 2 iterations whose cross-entropy was not finite.")


@pytest.mark.parametrize("history", [[], [Record(0, math.inf)]])
def test_no_history_no_picture(history: list[Record]) -> None:
    assert loss_history(history, labels_entropy=1.0) is None


@pytest.mark.parametrize(
    ("iterations", "marks"), [(200, ["rule", "text", "line", "point"]), (201, ["rule", "text", "line"])]
)
def test_long_histories_are_a_line_without_points(iterations: int, marks: list[str]) -> None:
    picture = loss_history([Record(index, 0.0) for index in range(iterations)], labels_entropy=0.0)
    assert picture is not None
    assert [layer["mark"]["type"] for layer in picture.spec["layer"]] == marks


def test_reliability_has_one_point_per_bin_with_rows() -> None:
    rows = rows_with(reliability(THREE), "confidence")
    assert [(row["confidence"], row["accuracy"], row["rows"]) for row in rows] == [(0.5, 1 / 3, 3), (0.75, 1.0, 1)]
    assert rows[0]["tip"] == "confidence 0.47 to 0.53: 3 rows, mean confidence 50.0 %, accuracy 33.3 %"


def test_classes_stand_worst_first_and_infinite_bars_are_marked() -> None:
    """Promise 2: an infinite loss is shown as such, with what is left beside it."""
    picture = per_class(THREE)
    bars = rows_with(picture, "infinite")
    assert [(bar["label"], bar["infinite"], bar["text"]) for bar in bars] == [
        ("ant", True, "∞"),
        ('<bee> & "co"', False, "0.8370"),
    ]
    assert bars[0]["nats"] > bars[1]["nats"]
    assert "∞, in orange: 1 class with a row that gave its truth probability 0." in picture.caption
    assert "Dashed: all rows but those that gave their truth probability 0, " in picture.caption
    assert picture.caption.endswith("Not shown: 1 class without a row.")


def test_only_infinite_classes_have_bars_of_a_finite_length() -> None:
    (bar,) = rows_with(per_class(report_of([[0.0, 1.0]], [0], ["a", "b"])), "infinite")
    assert (bar["nats"], bar["text"]) == (1.0, "∞")


def test_the_dashed_line_is_the_cross_entropy_of_all_rows() -> None:
    report = many_classes(5)
    picture = per_class(report)
    assert [{"nats": report.cross_entropy}] in datum_lists(picture)
    assert f"Dashed: all rows, {report.cross_entropy:.4f} nats." in picture.caption


def test_confusion_cells_are_the_rows_by_truth_and_prediction() -> None:
    picture = confusion(THREE)
    cells = {(cell["truth"], cell["prediction"]): cell for cell in rows_with(picture, "truth")}
    bee = '<bee> & "co"'
    assert {place: cell["text"] for place, cell in cells.items()} == {
        ("ant", "ant"): "1",
        ("ant", bee): "1",
        (bee, bee): "1",
        (bee, "no rows"): "1",
    }
    assert [place for place, cell in cells.items() if cell["right"]] == [("ant", "ant"), (bee, bee)]
    assert cells["ant", bee]["shade"] == math.sqrt(0.5)
    assert cells["ant", bee]["tip"] == 'ant predicted as <bee> & "co": 1 row, 50.0 % of its rows'
    assert picture.caption.endswith('Most often confused: ant predicted as <bee> & "co" (1 row).')
    assert picture.description.startswith("4 rows, 2 of them off the diagonal.")


def test_a_faultless_classifier_confuses_nothing() -> None:
    assert "confused" not in confusion(report_of(np.eye(2), [0, 1], ["a", "b"])).caption


def test_thirty_classes_are_shown_in_full() -> None:
    report = many_classes(MOST_CLASSES)
    assert len(rows_with(per_class(report), "infinite")) == MOST_CLASSES
    assert "Shown" not in per_class(report).caption + confusion(report).caption
    assert OTHERS not in json.dumps(confusion(report).spec)


def test_above_thirty_classes_the_worst_are_shown_and_their_rows_still_add_up() -> None:
    report = many_classes(MOST_CLASSES + 3)
    bars, cells = rows_with(per_class(report), "infinite"), rows_with(confusion(report), "truth")
    worst = {f"c{index}" for index in range(3, MOST_CLASSES + 3)}
    assert {bar["label"] for bar in bars} == {cell["truth"] for cell in cells} == worst
    assert bars[0]["label"] == "c32"
    assert per_class(report).caption.endswith("Shown: the worst 30 of 33 classes.")
    assert "Shown: the 30 classes of the highest cross-entropy, of 33." in confusion(report).caption
    rows = dict.fromkeys(worst, 0)
    for cell in cells:
        rows[cell["truth"]] += int(cell["text"])
    assert set(rows.values()) == {2}
    assert [cell["truth"] for cell in cells if cell["prediction"] == OTHERS] == ["c3"]


PICTURES: dict[str, Callable[[], Picture | None]] = {
    "loss_history": lambda: loss_history([Record(0, 1.5), Record(1, 0.5)], labels_entropy=1.0),
    "reliability": lambda: reliability(THREE),
    "per_class": lambda: per_class(THREE),
    "confusion": lambda: confusion(THREE),
    "per_class of many": lambda: per_class(many_classes(40)),
    "confusion of many": lambda: confusion(many_classes(40)),
}


@pytest.fixture(params=PICTURES)
def picture(request: pytest.FixtureRequest) -> Picture:
    drawn = PICTURES[request.param]()
    if drawn is None:
        pytest.fail("no picture")
    return drawn


def test_every_specification_is_valid_and_finite(picture: Picture) -> None:
    json.dumps(picture.spec, allow_nan=False)
    alt.Chart.from_dict(picture.spec, validate=True)


def test_every_picture_is_one_svg_element_that_needs_nothing(picture: Picture) -> None:
    svg = inline_svg(picture.spec, description="what it shows")
    root = ElementTree.fromstring(svg)
    assert (root.tag, root.get("role"), root.get("aria-label")) == ("svg", "img", "what it shows")
    assert "http" not in svg and "NaN" not in svg and "<script" not in svg
    names = {name for element in root.iter() for name in element.attrib}
    assert names.isdisjoint({"id", "href", "src", "onclick", "onload"})


def test_every_mark_with_a_tip_has_its_tooltip(picture: Picture) -> None:
    tips = [row["tip"] for rows in datum_lists(picture) for row in rows if "tip" in row]
    titles = [title.text for title in ElementTree.fromstring(inline_svg(picture.spec, description="")).iter("title")]
    assert tips and set(titles) == set(tips)


def test_the_enabled_altair_theme_changes_nothing(picture: Picture) -> None:
    spec = picture.spec
    with alt.theme.enable("dark"):
        assert picture.spec == spec


def test_the_same_picture_is_the_same_text(picture: Picture) -> None:
    assert inline_svg(picture.spec, description="") == inline_svg(picture.spec, description="")


@pytest.mark.parametrize(
    ("items", "text"), [(0, "0"), (9999, "9999"), (10_000, "10k"), (9_999_999, "9999k"), (12_345_678, "12M")]
)
def test_counts_fit_their_cells(items: int, text: str) -> None:
    assert short(items) == text
