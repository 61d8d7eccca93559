"""The quadratic model of fits with an L1 penalty: its Hessians, its pairs, and where its minimum lies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression
from crossentropy.linear_model._solvers import _blocks
from crossentropy.linear_model._solvers._blocks import Blocks
from crossentropy.linear_model._solvers._model import QuadraticModel
from crossentropy.linear_model._solvers._with_kinks import minimise_model
from tests.linear_model.test_objectives import PROBLEMS, points, problem, rows


def hessian(objective, point):
    """By differences of the gradient, as a matrix of flat points."""
    columns = []
    for index in range(point.size):
        step = np.zeros(point.size)
        step[index] = 1e-5
        above, below = (
            objective.evaluate(point + sign * step.reshape(point.shape), single=False).gradient for sign in (1, -1)
        )
        columns.append((above - below).ravel() / 2e-5)
    return np.array(columns)


def matrix(blocks, shape):
    return np.array([blocks.times(unit.reshape(shape)).ravel() for unit in np.eye(np.prod(shape))])


def made(name, *, X=None, fit_intercept=True):
    objective, _ = problem(name, l1_ratio=0.5, X=X, fit_intercept=fit_intercept)
    point = list(points(objective, 3))[1]
    return objective, objective.evaluate(point, single=False)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_what_matters_together_has_its_hessian(name, form, fit_intercept):
    objective, at = made(name, X=form(rows()), fit_intercept=fit_intercept)
    blocks, expected = Blocks(objective, at.point, at.gradient), hessian(objective, at.point)
    assert blocks.are_exact
    if not fit_intercept:
        # what is not fitted only must not be singular
        idle = np.arange(expected.shape[0]) % at.point.shape[1] == at.point.shape[1] - 1
        expected[idle], expected[:, idle] = 0.0, 0.0
        expected[idle, idle] = blocks.diagonal.ravel()[idle]
    np.testing.assert_allclose(matrix(blocks, at.point.shape), expected, rtol=1e-5, atol=1e-6 * abs(expected).max())


@pytest.mark.parametrize("widest", [0, 1024])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_where_much_matters_each_class_has_its_block(name, form, widest, monkeypatch):
    monkeypatch.setattr(_blocks, "_MOST_TOGETHER", 0)
    monkeypatch.setattr(_blocks, "_WIDEST", widest)
    objective, at = made(name, X=form(rows()))
    blocks, expected = Blocks(objective, at.point, at.gradient), hessian(objective, at.point)
    assert not blocks.are_exact
    of_class = np.arange(expected.shape[0]) // at.point.shape[1]
    expected[of_class[:, None] != of_class] = 0.0
    np.testing.assert_allclose(matrix(blocks, at.point.shape), expected, rtol=1e-3, atol=1e-4 * abs(expected).max())


def test_pairs_teach_the_model_what_blocks_do_not_know():
    objective, at = made("labels")
    model = QuadraticModel(Blocks(objective, at.point, at.gradient))
    random, true = np.random.default_rng(0), hessian(objective, at.point) + 0.1 * np.eye(at.point.size)
    for _ in range(4):
        step = random.normal(size=at.point.shape)
        change = (true @ step.ravel()).reshape(step.shape)
        model.add(step, change)
        np.testing.assert_allclose(model.times(step), change, rtol=1e-6, atol=1e-6 * abs(change).max())
        np.testing.assert_allclose(model.renewed(model.blocks).times(step), model.times(step), rtol=1e-9)
    before = len(model)
    model.add(step, -change)
    assert len(model) == before


@pytest.mark.parametrize("pairs", [0, 3])
def test_the_minimum_of_a_model_with_kinks_is_that_of_a_general_solver(pairs):
    objective, at = made("labels")
    model, random = QuadraticModel(Blocks(objective, at.point, at.gradient)), np.random.default_rng(1)
    for _ in range(pairs):
        step = random.normal(size=at.point.shape)
        model.add(step, 1.5 * model.blocks.times(step))
    kinks, size = np.broadcast_to(objective.threshold, at.point.shape).ravel(), at.point.size

    def value(parts):
        step = (parts[:size] - parts[size:]).reshape(at.point.shape) - at.point
        slopes = (at.gradient + model.times(step)).ravel()
        smooth = np.vdot(at.gradient + 0.5 * model.times(step), step)
        return smooth + kinks @ (parts[:size] + parts[size:]), np.concatenate([slopes + kinks, kinks - slopes])

    start = np.concatenate([np.maximum(at.point.ravel(), 0.0), np.maximum(-at.point.ravel(), 0.0)])
    options = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10**4, "maxfun": 10**5}
    best = minimize(value, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start), options=options)
    found = minimise_model(model, at.point, at.gradient, objective.threshold).ravel()
    reached, _ = value(np.concatenate([np.maximum(found, 0.0), np.maximum(-found, 0.0)]))
    first, _ = value(start)
    assert reached - best.fun <= 0.02 * (first - best.fun)


@pytest.mark.parametrize("seed", range(6))
def test_units_far_apart_copies_and_little_penalty_are_no_trouble(seed):
    random = np.random.default_rng(seed)
    X = random.normal(size=(120, 40)) * 10.0 ** random.uniform(-3, 3, 40) + random.normal(size=40)
    X[:, 1], X[:, 2] = X[:, 0], 3.0
    y, C, l1_ratio = np.arange(120) % 4, 10.0 ** random.uniform(1, 4), random.choice([0.5, 0.999, 1.0])
    estimator, y = (SoftmaxRegression, y) if seed % 2 else (LogisticRegression, np.eye(4)[y])
    model = estimator(C=C, l1_ratio=l1_ratio, fit_intercept=seed < 3).fit(X, y)
    assert model.gap_ <= 1e-6 * model.objective_
    assert model.n_iter_ < 100
