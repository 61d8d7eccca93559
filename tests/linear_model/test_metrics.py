from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from crossentropy.linear_model._rows import RowsInMemory
from crossentropy.linear_model._softmax_objective import SoftmaxObjective
from crossentropy.linear_model._solvers import _class_blocks, _metrics
from crossentropy.linear_model._solvers._metrics import ClassMetric, DiagonalMetric, SharedMetric, metric_at
from crossentropy.linear_model._standardisation import Standardisation
from crossentropy.linear_model._survey import survey
from crossentropy.linear_model._targets import labels_to_targets

CLASSES, FEATURES = 5, 4


def of_labels(y, weight):
    return labels_to_targets(survey(y, weight, exclusive=True), class_weight=None, label_smoothing=0.0).of(y, weight)


def chosen(problem, point):
    curvatures = _class_blocks._Curvatures(problem, point)
    return _class_blocks._choose_rows(problem, curvatures, curvatures.total())


def objective(fit_intercept=True, rows=300, C=2.0):
    random = np.random.default_rng(1)
    X = random.normal(size=(rows, FEATURES)) @ random.normal(size=(FEATURES, FEATURES)) + 3.0
    y = np.arange(rows) % CLASSES
    targets = of_labels(y, random.random(rows))
    standard = Standardisation.of(X, targets.row_weight, centre=fit_intercept, names=None)
    return SoftmaxObjective(RowsInMemory(X, standard, targets), C=C, fit_intercept=fit_intercept)


def somewhere(problem):
    point = np.random.default_rng(2).normal(size=problem.first.point.shape)
    if not problem.fit_intercept:
        point[:, -1] = 0.0
    return point - point.mean(axis=0)


def hessian(problem, point):
    flat = point.size
    found = np.zeros((flat, flat))
    for i in range(flat):
        step = np.zeros(flat)
        step[i] = 1e-5
        above, below = (
            problem.evaluate(point + sign * step.reshape(point.shape), single=False).gradient for sign in (1, -1)
        )
        found[:, i] = (above - below).ravel() / 2e-5
    return found


def metrics(problem):
    return [
        ClassMetric(problem, None),
        ClassMetric(problem, somewhere(problem)),
        SharedMetric(problem, None),
        SharedMetric(problem, somewhere(problem)),
        DiagonalMetric(problem),
    ]


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("which", range(5))
def test_a_metric_and_its_transpose_belong_together(which, fit_intercept):
    problem = objective(fit_intercept)
    metric = metrics(problem)[which]
    random = np.random.default_rng(3)
    vector, gradient = random.normal(size=(2, CLASSES, FEATURES + 1))
    if not fit_intercept:
        vector[:, -1] = gradient[:, -1] = 0.0
    left, right = np.vdot(metric.step(vector), gradient), np.vdot(vector, metric.gradient(gradient))
    assert left == pytest.approx(right, rel=1e-5)
    np.testing.assert_allclose(metric.step(vector).sum(axis=0), 0.0, atol=1e-9)
    if not fit_intercept:
        np.testing.assert_array_equal(metric.step(vector)[:, -1], 0.0)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_at_the_start_the_shared_metric_and_that_of_the_classes_are_one(fit_intercept):
    problem = objective(fit_intercept)
    gradient = somewhere(problem)
    found = [
        metric.step(metric.gradient(gradient)) for metric in (ClassMetric(problem, None), SharedMetric(problem, None))
    ]
    np.testing.assert_allclose(*found, rtol=1e-3, atol=1e-5 * abs(found[0]).max())


def test_the_blocks_are_those_of_the_hessian():
    problem = objective()
    point = somewhere(problem)
    metric, full = ClassMetric(problem, point), hessian(problem, point)
    size = FEATURES + 1
    for k in range(CLASSES):
        block = full[k * size : (k + 1) * size, k * size : (k + 1) * size]
        factor = metric._inverse[k].astype(np.float64)
        np.testing.assert_allclose(factor @ block @ factor.T, np.eye(size), atol=1e-3)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_shared_metric_has_the_diagonals_of_the_hessian_about_the_means(fit_intercept, monkeypatch):
    monkeypatch.setattr(_metrics, "_ROWS_PER_NUMBER", 1000)  # every row
    problem = objective(fit_intercept)
    point = somewhere(problem)
    metric, full = SharedMetric(problem, point), hessian(problem, point)
    size = FEATURES + 1
    for k in range(CLASSES):
        # the metric's own coordinates of this class alone
        columns = np.zeros((size, CLASSES, size))
        columns[range(size), k, range(size)] = 1.0
        metric._without_offset = lambda values: values
        steps = np.array([metric.step(column)[k] for column in columns])
        block = full[k * size : (k + 1) * size, k * size : (k + 1) * size]
        if not fit_intercept:
            steps, block = steps[:-1, :-1], block[:-1, :-1]
        rotated = steps @ block @ steps.T
        np.testing.assert_allclose(np.diag(rotated), 1.0, atol=1e-3)
        np.testing.assert_allclose(rotated[-1, :-1], 0.0 if fit_intercept else rotated[-1, :-1], atol=1e-3)


def test_some_of_the_rows_stand_for_all(monkeypatch):
    problem = objective(rows=20_000)
    point = somewhere(problem)
    every = ClassMetric(problem, point)._inverse
    monkeypatch.setattr(_class_blocks, "_most_rows", lambda objective: 2000)
    assert all(len(rows) <= 2100 for _, _, rows, _ in chosen(problem, point))
    sampled = ClassMetric(problem, point)._inverse
    for a, b in zip(sampled.astype(np.float64), every.astype(np.float64), strict=True):
        ratio = a @ np.linalg.inv(b)  # its product with its transpose is 1 where both are the same
        assert abs(np.linalg.eigvalsh(ratio @ ratio.T) - 1.0).max() < 0.3


def test_chosen_rows_have_the_weight_of_all(monkeypatch):
    problem = objective(rows=20_000)
    point = somewhere(problem)
    total = sum(curvature.sum(axis=0) for _, parts in problem.curvatures(point) for _, curvature in parts)
    monkeypatch.setattr(_class_blocks, "_most_rows", lambda objective: 2000)
    for _, k, rows, weight in chosen(problem, point):
        assert np.all(np.diff(rows) > 0)
        assert weight.sum() == pytest.approx(total[k], rel=0.06)


@pytest.mark.parametrize(
    ("rows", "width", "classes", "most"),
    [
        (4096, 100, 2, 4096),  # few take no time
        (10**6, 100, 2, 102_400),  # 1024 for each feature say enough
        (10**5, 800, 10, 8000),  # as many as a few passes take
        (10**6, 100, 1000, 4194),  # all classes' together are 2²²
    ],
)
def test_how_many_rows_a_block_is_summed_over(rows, width, classes, most):
    objective = SimpleNamespace(rows=SimpleNamespace(shape=(rows, width - 1)), width=width - 1, classes=classes)
    assert _class_blocks._most_rows(objective) == most


def test_duplicated_and_constant_features_still_have_a_metric():
    X = np.repeat(np.random.default_rng(4).normal(size=(50, 1)), 3, axis=1)
    X[:, 2] = 7.0
    targets = of_labels(np.arange(50) % 3, np.ones(50))
    standard = Standardisation.of(X, targets.row_weight, centre=True, names=None)
    problem = SoftmaxObjective(RowsInMemory(X, standard, targets), C=1e12, fit_intercept=True)
    metric = metric_at(problem, problem.first.point)
    assert np.isfinite(metric.step(metric.gradient(problem.first.gradient))).all()


def test_which_metric_is_the_first(monkeypatch):
    problem = objective()
    assert isinstance(metric_at(problem, problem.first.point), ClassMetric)
    monkeypatch.setattr(_class_blocks, "MOST_BYTES", 100)
    assert isinstance(metric_at(problem, problem.first.point), SharedMetric)
    monkeypatch.setattr(_metrics, "_WIDEST", FEATURES - 1)
    assert isinstance(metric_at(problem, problem.first.point), DiagonalMetric)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda problem: ClassMetric(problem, None, lasts=True),
        lambda problem: ClassMetric(problem, somewhere(problem), lasts=True),
        lambda problem: SharedMetric(problem, None),
        lambda problem: SharedMetric(problem, somewhere(problem)),
        DiagonalMetric,
    ],
)
def test_at_another_penalty_a_metric_is_that_made_there_without_a_pass(make, fit_intercept):
    old = objective(fit_intercept, C=2.0)
    new, _ = old.at(70.0)
    fresh = make(objective(fit_intercept, C=70.0))
    changed = make(old).at(new)
    assert new.passes == 0.0
    vector = np.random.default_rng(5).normal(size=old.first.point.shape)
    np.testing.assert_allclose(changed.step(vector), fresh.step(vector), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(changed.gradient(vector), fresh.gradient(vector), rtol=1e-5, atol=1e-6)
