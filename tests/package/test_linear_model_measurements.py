"""What the benchmarks of linear models measure beside curves: the measuring, small, and the words about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.conditions import conditions
from benchmarks.linear_models import documents, memory, probe, results, scaling
from benchmarks.linear_models.cases import synthetic
from benchmarks.linear_models.contestants import objective


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[results.Row]:
    """A probe of few rows."""
    X, y = synthetic(200, 4, 3, scales=(1.0, 2.0), strength=1.0)
    np.savez(tmp_path / "few.npz", vectors=X, labels=y)
    monkeypatch.setattr(probe, "FILE", tmp_path / "few.npz")
    return probe.measure(5.0, None)


def test_the_probe_is_fitted_at_every_cost(few: list[results.Row]) -> None:
    ours, theirs = few[:16], few[16:]
    assert [row["C"] for row in ours] == pytest.approx(np.geomspace(1e-3, 1e3, 16))
    assert all(row["above"] <= 1e-6 for row in ours)
    assert [row["C"] for row in theirs] == [row["C"] for row in ours[3::5]]
    for row, own in zip(theirs, ours[3::5], strict=True):
        assert row["objective"] == pytest.approx(own["objective"], rel=1e-5)


def test_the_probe_has_the_objective_of_all_others() -> None:
    from crossentropy.linear_model import SoftmaxRegression

    X, y = synthetic(200, 4, 3, scales=(1.0, 2.0), strength=1.0)
    middle = list(probe.sweep(X, y))[7]
    model = SoftmaxRegression(C=middle["C"]).fit(X, y)
    penalty = 0.5 * float(np.sum(model.coef_**2))
    expected = objective(X, y, model.coef_, model.intercept_) - penalty + penalty / middle["C"]
    assert middle["objective"] == pytest.approx(expected, rel=2e-6)


def test_the_probe_says_how_much_longer_all_would_take() -> None:
    ours = [
        {"contestant": results.OURS, "C": float(C), "seconds": 10.0, "objective": 1.0, "above": 1e-7} for C in (1, 2)
    ]
    theirs = [{"contestant": "scikit-learn lbfgs", "C": 1.0, "seconds": 150.0, "objective": 1.1, "above": 0.1}]
    said = probe.text(ours + theirs)
    assert "| 1 | 10 | 1.0e-07 | more than 150 | 1.0e-01 |\n| 2 | 10 | 1.0e-07 |  |  |" in said
    assert said.endswith(
        "It took more than 150 s. Aim: that is 15 ≥ 20 (missed) times as long as the library for the same."
    )


def test_memory_counts_what_the_fit_takes() -> None:
    ours, theirs = memory.measure(0.0, 10_000)
    assert ours["before"] < ours["most"] < 500.0
    assert theirs["most"] - theirs["before"] > 1000 * memory.CLASSES * 4 / 1e6
    assert (ours["rows"], theirs["rows"]) == (10_000, 1000)


def test_memory_says_what_all_rows_would_take() -> None:
    ours = {"contestant": results.OURS, "rows": 1000.0, "before": 100.0, "most": 400.0}
    theirs = {"contestant": "scikit-learn lbfgs", "rows": 100.0, "before": 100.0, "most": 900.0}
    said = memory.text([ours, theirs])
    assert said.endswith("all of them would take 8.0 GB. Aim: crossentropy takes 400 ≤ 500 MB ✓.")


def test_scaling_measures_every_size() -> None:
    found = scaling.measure(0.0, 16)
    assert {(row["axis"], row["factor"], row["bits"]) for row in found} == {
        (axis, factor, bits) for axis in ("rows", "features", "classes") for factor in (1, 4, 16) for bits in (32, 64)
    }
    assert all(row["seconds"] > 0.0 for row in found)


@pytest.mark.parametrize(("longest", "verdict"), [(19.0, "✓"), (20.0, "(missed)"), (12.0, "(missed)")])
def test_scaling_says_how_far_from_proportional_it_is(longest: float, verdict: str) -> None:
    rows = [
        {"axis": axis, "factor": factor, "bits": bits, "seconds": 1e-3 * (longest if factor == 16 else factor)}
        for axis in ("rows", "features", "classes")
        for factor in (1, 4, 16)
        for bits in (32, 64)
    ]
    said = scaling.text(rows)
    assert f"| rows, float32 | 1 | 4 | {longest:.3g} | {longest / 16:.2f} |" in said
    assert said.endswith(f"Aim: within 20% of proportional {verdict}.")


def test_rows_come_back_as_they_were_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    rows = [{"contestant": results.OURS, "seconds": 0.1}, {"contestant": "another", "seconds": 3.0}]
    results.save_rows("some", rows)
    assert results.load_rows("some") == rows


def test_the_page_says_on_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    now = conditions("numpy", "scipy", "scikit-learn", "scikit-learn-intelex", "torch")
    for key in ("one", "two", "one"):
        results.save_conditions(key, now)
    said = documents.comparison()
    assert said.startswith(f"{now['cpu']}, {now['cores']} cores") and said.endswith(
        f"Commit {now['commit']}, {now['date']}."
    )
    results.save_conditions("three", now | {"cpu": "A Machine"})
    lines = documents.comparison().splitlines()
    assert [line.partition(":")[0] for line in lines] == ["- two, one", "- three"]
