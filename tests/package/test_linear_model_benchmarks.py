"""The benchmarks of linear models: what the page says is what was measured, and everyone who takes part can."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.documents._blocks import block
from benchmarks.linear_models import documents
from benchmarks.linear_models.__main__ import long_enough
from benchmarks.linear_models.cases import CASES, synthetic
from benchmarks.linear_models.contestants import LBFGS, SAGA, TORCH, crossentropy, objective, peers
from benchmarks.linear_models.curves import Curve


def test_the_page_and_the_readme_compare_what_was_measured() -> None:
    assert block(documents.PAGE.read_text(encoding="utf-8"), "comparison") == documents.comparison()
    assert block(documents.README.read_text(encoding="utf-8"), "fits") == documents.summary()


@pytest.mark.parametrize("classes", [2, 3])
def test_everyone_comes_to_the_same_objective(classes: int) -> None:
    X, y = synthetic(300, 4, classes, scales=(1.0, 2.0), strength=1.0)
    X = X.astype(np.float64)
    ours = crossentropy(X, y).objective[-1]
    for name, fit in peers(X, y).items():
        found = fit(X, y, 5.0, ours * (1.0 + 1e-6))
        assert min(found.objective) == pytest.approx(ours, rel=1e-5), name


def test_the_objective_is_that_of_the_library() -> None:
    from crossentropy.linear_model import SoftmaxRegression

    X, y = synthetic(300, 4, 3, scales=(1.0, 2.0), strength=1.0)
    model = SoftmaxRegression().fit(X, y)
    assert objective(X, y, model.coef_, model.intercept_) == pytest.approx(model.objective_, rel=1e-9)


def test_a_curve_tells_when_it_came_down() -> None:
    curve = Curve(math.inf, seconds=[1.0, 2.0, 3.0], objective=[9.0, 7.0, 8.0])
    assert (curve.reaches(10.0), curve.reaches(7.5), curve.reaches(6.0)) == (1.0, 2.0, math.inf)


@pytest.mark.parametrize(("peer", "times"), [(LBFGS, 10.0), (TORCH, 4.0), (SAGA, 3.0 * 4.0)])
def test_a_peer_has_the_time_to_miss_an_aim(peer: str, times: float) -> None:
    fashion = next(case for case in CASES if case.key == "fashion-mnist")
    ours = Curve(math.inf, seconds=[1.0, 2.0, 3.0], objective=[9.0, 7.0, 7.0])
    assert long_enough(fashion, peer, ours) == 1.25 * times * 2.0
