"""The picture and the page of a sweep over C."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import pytest

import crossentropy.evaluation
from crossentropy.evaluation._loss_curve_chart import loss_curve
from crossentropy.evaluation._svg import inline_svg
from crossentropy.evaluation._sweep_page import loss_table, render_sweep_page
from crossentropy.linear_model import LossCurve, SoftmaxRegressionCV, SoftmaxRegressionPath

CS = np.array([1e-6, 0.02, 1.0, 5e4])


def curve(folds: int, *, held_out: bool = True) -> LossCurve:
    training = np.linspace(1.0, 0.1, 4) + 0.01 * np.arange(folds)[:, None]
    validation = np.array([1.0, 0.5, 0.4, 0.6]) + 0.1 * np.arange(folds)[:, None]
    objectives = np.full((folds, 4), 2.0)
    gaps = np.full((folds, 4), 1e-7)
    gaps[-1, 2] = 8e-7
    ones = np.ones((folds, 4), np.intp)
    return LossCurve(CS, training, validation if held_out else None, objectives, gaps, ones, 1.0 * ones)


def rows_with(spec: dict[str, Any], field: str) -> list[list[dict[str, Any]]]:
    return [rows for rows in spec["datasets"].values() if field in rows[0]]


def test_the_picture_shows_both_losses_the_error_and_the_choice() -> None:
    picture = loss_curve(curve(3))
    lines = rows_with(picture.spec, "nats")
    np.testing.assert_allclose(
        [[row["nats"] for row in rows] for rows in lines], [curve(3).training, curve(3).validation]
    )
    assert all([row["C"] for row in rows] == CS.tolist() for rows in lines)
    (band,) = rows_with(picture.spec, "low")
    error = np.std([0.0, 0.1, 0.2], ddof=1) / np.sqrt(3)
    np.testing.assert_allclose([row["high"] - row["low"] for row in band], 2 * error)
    assert {"C": 1.0} in [rows[0] for rows in picture.spec["datasets"].values()]
    assert lines[1][1]["tip"] == "C = 0.02, validation: 0.6000 nats"
    assert picture.caption == (
        "Blue: training rows. Orange: rows held out, the mean of the folds and one standard error about it. "
        "Dashed: the chosen C = 1, 0.5000 nats. "
        "Every model's objective is proven to be within 4e−07 of its minimum, relative to it."
    )
    assert picture.description == (
        "4 values of C from 1e−06 to 50,000. The lowest validation loss is 0.5000 nats, at C = 1."
    )
    svg = inline_svg(picture.spec, description=picture.description)
    assert [f">{tick}<" in svg for tick in ("1e-6", "0.001", "1", "1e4")] == [True] * 4


def test_one_fold_has_no_band_and_without_validation_there_is_one_line() -> None:
    assert rows_with(loss_curve(curve(1)).spec, "low") == []
    assert "Orange: rows held out. Dashed" in loss_curve(curve(1)).caption
    alone = loss_curve(curve(1, held_out=False))
    assert len(rows_with(alone.spec, "nats")) == 1
    assert alone.caption == (
        "Blue: training rows. Every model's objective is proven to be within 4e−07 of its minimum, relative to it."
    )
    assert alone.description == "4 values of C from 1e−06 to 50,000."


def test_values_between_two_powers_of_ten_are_ticks_themselves() -> None:
    found = LossCurve(CS[1:2] * [2, 3], *(np.ones((1, 2)),) * 5, np.ones((1, 2)))  # type: ignore[arg-type]
    assert "0.04" in json.dumps(loss_curve(found).spec["layer"][0]["encoding"]["x"]["axis"]["values"])


@pytest.mark.parametrize("held_out", [True, False])
def test_plot_is_one_call_and_needs_no_page(held_out: bool) -> None:
    X, y = np.arange(12.0)[:, None], np.arange(12) // 4 % 2
    path = SoftmaxRegressionPath(Cs=[0.1, 1.0]).fit(X, y, validation=(X, y) if held_out else None)
    chart = path.plot().to_dict()
    text = json.dumps(chart)
    assert "var(" not in text
    assert "currentColor" not in text
    assert chart["title"]["text"] == "Loss against C"
    assert " ".join(chart["title"]["subtitle"]) == loss_curve(path.curve_).caption
    folds = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=2).fit(X, y)
    assert folds.plot().to_dict() == folds.curve_.plot().to_dict()


def test_the_page_holds_every_loss_and_escapes_what_it_is_given() -> None:
    page = render_sweep_page(curve(3), title="<which>", held_out="<b>folds</b>", labels_entropy=1.0)
    assert "<h1>&lt;which&gt;</h1>" in page
    assert "&lt;b&gt;folds&lt;/b&gt;" in page
    assert "1 costs least on rows held out: 0.5000 nats (0.7213 bits) per row" in page
    assert "50.0 %" in page
    names, rows = loss_table(curve(3))
    assert names == ["C", "training, nats", "held out, nats", "± standard error"]
    assert rows[1] == ["0.02", "0.7100", "0.6000", "0.05774"]
    for cells in rows:
        assert "".join(f'<td class="number">{cell}</td>' for cell in cells) in page
    assert page.count("<strong>chosen</strong>") == 1
    assert page == render_sweep_page(curve(3), title="<which>", held_out="<b>folds</b>", labels_entropy=1.0)
    assert "Standard error" not in render_sweep_page(curve(1), title="", held_out="", labels_entropy=1.0)


def test_a_page_needs_validation() -> None:
    with pytest.raises(ValueError) as caught:
        render_sweep_page(curve(1, held_out=False), title="", held_out="", labels_entropy=1.0)
    assert str(caught.value) == "curve: expected validation losses, got none; sweep with rows held out"


def test_without_altair_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "altair", None)
    monkeypatch.delitem(sys.modules, "crossentropy.evaluation._loss_curve_chart")
    monkeypatch.delattr(crossentropy.evaluation, "_loss_curve_chart")
    with pytest.raises(ImportError) as caught:
        curve(1).plot()
    assert str(caught.value) == (
        "plot: expected Altair and vl-convert to be installed, got no module altair; "
        'install them: pip install "crossentropy[cli]"'
    )
