from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from crossentropy.linear_model import SoftmaxRegression, _objective
from crossentropy.linear_model._objective import SoftmaxObjective
from crossentropy.linear_model._solvers._coordinates import Coordinates
from crossentropy.linear_model.softmax_regression import fit_softmax

ROWS, FEATURES, CLASSES = 40, 3, 4


def problem(fit_intercept=True, C=0.7):
    random = np.random.default_rng(1)
    X = random.normal(size=(ROWS, FEATURES)) * [1.0, 100.0, 0.01] + [0.0, 50.0, 3.0]
    codes = random.integers(0, CLASSES, ROWS)
    return SoftmaxObjective(X, codes, random.random(ROWS), classes=CLASSES, C=C, fit_intercept=fit_intercept)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_gradient_is_that_of_the_value(fit_intercept):
    objective = problem(fit_intercept)
    coordinates = Coordinates(objective)
    vector = np.random.default_rng(2).normal(size=coordinates.start().shape)

    def value(at):
        return objective.evaluate(*coordinates.parameters(at)).objective

    step = 1e-5
    numeric = [(value(vector + step * e) - value(vector - step * e)) / (2 * step) for e in np.eye(len(vector))]
    gradient = coordinates.gradient(objective.evaluate(*coordinates.parameters(vector)))
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-9)


def test_the_value_is_the_formula():
    objective = problem()
    random = np.random.default_rng(3)
    coef, intercept = random.normal(size=(CLASSES, FEATURES)) / 100, random.normal(size=CLASSES)
    logits = objective.X @ coef.T + intercept
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(ROWS), objective.codes]
    found = objective.evaluate(coef, intercept)
    assert found.cross_entropy == pytest.approx(np.sum(objective.weights * losses), rel=1e-13)
    penalty = np.sum(coef**2) / 2 / objective.scale
    assert found.objective == pytest.approx(found.cross_entropy + penalty, rel=1e-13)
    assert objective.weights.sum() == pytest.approx(1.0, rel=1e-14)


def test_blocks_of_rows_give_what_the_whole_gives(monkeypatch):
    whole = problem()
    monkeypatch.setattr(_objective, "_BLOCK_ELEMENTS", 7 * CLASSES)
    blocks = problem()
    assert [block.stop - block.start for block in blocks.blocks()] == [7, 7, 7, 7, 7, 5]
    coef, intercept = np.full((CLASSES, FEATURES), 0.01), np.arange(CLASSES, dtype=float)
    ours, theirs = blocks.evaluate(coef, intercept), whole.evaluate(coef, intercept)
    assert ours.objective == pytest.approx(theirs.objective, rel=1e-14)
    np.testing.assert_allclose(ours.coef_gradient, theirs.coef_gradient, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(ours.intercept_gradient, theirs.intercept_gradient, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        Coordinates(blocks).gradient(ours), Coordinates(whole).gradient(theirs), rtol=1e-10, atol=1e-14
    )


def test_coordinates_do_not_depend_on_the_units_of_features():
    """Where the penalty is small, scaling a feature leaves the gradient in these coordinates as it is."""
    objective, scaled = problem(C=1e16), problem(C=1e16)
    scaled.X = scaled.X * [1e-3, 1.0, 1e3]
    gradients = []
    for each in (objective, scaled):
        coordinates = Coordinates(each)
        vector = np.random.default_rng(4).normal(size=coordinates.start().shape)
        gradients.append(coordinates.gradient(each.evaluate(*coordinates.parameters(vector))))
    np.testing.assert_allclose(*gradients, rtol=1e-6)


@pytest.mark.parametrize(("limit", "expected"), [(2**24, 1), (0, None)])
def test_a_fit_keeps_small_products_on_one_thread(monkeypatch, limit, expected):
    def blas_threads():
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    monkeypatch.setattr(_objective, "_ONE_THREAD", limit)
    before, seen = blas_threads(), []
    fit_softmax(SoftmaxRegression(), np.eye(2), [0, 1], on_iteration=lambda record: seen.append(blas_threads()))
    assert seen[0] == ([expected] * len(before) if expected else before)
    assert blas_threads() == before


def test_a_constant_column_gets_no_coefficient():
    X = np.column_stack([np.arange(6.0), np.full(6, 7.0)])
    model = SoftmaxRegression().fit(X, [0, 0, 1, 1, 2, 2])
    np.testing.assert_allclose(model.coef_[:, 1], 0.0, atol=1e-6)
    assert abs(model.coef_[:, 0]).max() > 0.1
