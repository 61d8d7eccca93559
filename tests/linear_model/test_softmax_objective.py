from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from crossentropy.linear_model._objective import SoftmaxObjective
from crossentropy.linear_model._standardisation import Standardisation
from crossentropy.linear_model._targets import training_targets

ROWS, FEATURES, CLASSES = 40, 3, 4

TARGETS = {
    "labels": {},
    "weighted": {"sample_weight": np.random.default_rng(1).integers(0, 3, ROWS) + 0.5},
    "class weights": {"class_weight": {0: 3.0, 2: 0.25}},
    "smoothed": {"label_smoothing": 0.2, "class_weight": {1: 2.0}},
    "soft": {"soft": True, "class_weight": {1: 2.0}, "sample_weight": np.linspace(0.1, 2.0, ROWS)},
}


def rows():
    random = np.random.default_rng(2)
    return random.normal(size=(ROWS, FEATURES)) * [1.0, 100.0, 0.01] + [0.0, 50.0, 3.0]


def problem(targets="labels", *, fit_intercept=True, C=0.7, X=None):
    X = rows() if X is None else X
    random = np.random.default_rng(3)
    options = {"sample_weight": None, "class_weight": None, "label_smoothing": 0.0} | TARGETS[targets]
    y = random.dirichlet(np.ones(CLASSES), len(X)) if options.pop("soft", False) else np.arange(len(X)) % CLASSES
    _, found = training_targets(y, **options)
    features = Standardisation.of(X, found.row_weight, centre=fit_intercept, names=None)
    return SoftmaxObjective(features, found, C=C, fit_intercept=fit_intercept), y, options


def points(objective, count=8):
    random = np.random.default_rng(4)
    for size in np.logspace(-3, 1, count):
        point = size * random.normal(size=(CLASSES, FEATURES + 1))
        if not objective.fit_intercept:
            point[:, -1] = 0.0
        yield point - point.mean(axis=0)


def minimum(objective):
    """By a general solver, from the value and gradient alone."""
    shape = objective.first.point.shape

    def value(flat):
        found = objective.evaluate(flat.reshape(shape), single=False)
        return found.objective, found.gradient.ravel()

    best = min(
        minimize(value, objective.first.point.ravel(), jac=True, method=method, options=options).fun
        for method, options in (
            ("BFGS", {"gtol": 1e-9}),
            ("L-BFGS-B", {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10**4}),
        )
    )
    return best


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_value_is_the_formula_in_the_coefficients_themselves(targets, fit_intercept):
    objective, y, options = problem(targets, fit_intercept=fit_intercept)
    for point in points(objective):
        coef, intercept = objective.parameters(point)
        logits = rows() @ coef.T + intercept
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        t = y if y.ndim == 2 else np.eye(CLASSES)[y]
        t = (1.0 - options["label_smoothing"]) * t + options["label_smoothing"] / CLASSES
        w = np.array([(options["class_weight"] or {}).get(k, 1.0) for k in range(CLASSES)])
        s = np.ones(ROWS) if options["sample_weight"] is None else options["sample_weight"]
        loss = -float(np.sum(s[:, None] * w * t * log_p))
        found = objective.evaluate(point, single=False)
        assert found.objective == pytest.approx(0.7 * loss + 0.5 * np.sum(coef**2), rel=1e-11)
        assert found.cross_entropy == pytest.approx(loss / np.sum(s[:, None] * w * t), rel=1e-11)
        np.testing.assert_allclose(objective.parameters(objective.point(coef, intercept))[0], coef, rtol=1e-9)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_gradient_is_that_of_the_value(targets, fit_intercept):
    objective, *_ = problem(targets, fit_intercept=fit_intercept)
    for point in points(objective, 3):
        found = objective.evaluate(point, single=False)
        numeric = np.zeros(point.shape)
        for index in np.ndindex(point.shape if fit_intercept else point[:, :-1].shape):
            step = np.zeros(point.shape)
            step[index] = 1e-5
            above, below = (objective.evaluate(point + sign * step, single=False).objective for sign in (1, -1))
            numeric[index] = (above - below) / 2e-5
        np.testing.assert_allclose(found.gradient, numeric, rtol=1e-5, atol=1e-6 * abs(numeric).max())


def test_the_gradient_norm_is_that_in_the_coefficients_themselves():
    objective, *_ = problem()
    (point,) = points(objective, 1)
    coef, intercept = objective.parameters(point)

    def value(flat):
        coef, intercept = np.split(flat, [CLASSES * FEATURES])
        logits = rows() @ coef.reshape(CLASSES, FEATURES).T + intercept
        losses = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(ROWS), np.arange(ROWS) % CLASSES]
        return 0.7 * losses.sum() + 0.5 * coef @ coef

    numeric = approx_fprime(np.append(coef.ravel(), intercept), value, 1e-7)
    found = objective.evaluate(point, single=False).gradient_norm
    assert found == pytest.approx(np.linalg.norm(numeric), rel=1e-4)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("C", [1e-3, 0.7, 1e3])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_minimum_is_never_further_below_than_the_gap(targets, C, fit_intercept):
    objective, *_ = problem(targets, fit_intercept=fit_intercept, C=C)
    lowest = minimum(objective)
    for point in points(objective):
        found = objective.evaluate(point, single=False)
        assert found.objective - lowest <= found.gap * (1 + 1e-9)
    assert objective.first.objective - lowest <= objective.first.gap * (1 + 1e-9)


def test_the_gap_closes_with_the_square_of_the_distance_where_intercepts_are_best():
    objective, *_ = problem(fit_intercept=False)
    (point,) = points(objective, 1)
    shape = point.shape

    def value(flat):
        found = objective.evaluate(flat.reshape(shape), single=False)
        return found.objective, found.gradient.ravel()

    best = minimize(value, point.ravel(), jac=True, method="BFGS", options={"gtol": 1e-10}).x.reshape(shape)
    gaps = [objective.evaluate(best + size * point, single=False).gap for size in (1e-1, 1e-2, 1e-3)]
    assert gaps[0] / gaps[1] == pytest.approx(100.0, rel=0.1)
    assert gaps[1] / gaps[2] == pytest.approx(100.0, rel=0.1)


def test_the_curvature_of_the_intercepts_is_the_derivative_of_their_gradient():
    objective, *_ = problem("weighted")
    (point,) = points(objective, 1)
    numeric = np.zeros((CLASSES, CLASSES))
    for k in range(CLASSES):
        step = np.zeros(point.shape)
        step[k, -1] = 1e-5
        above, below = (objective.evaluate(point + sign * step, single=False).gradient[:, -1] for sign in (1, -1))
        numeric[:, k] = (above - below) / 2e-5
    np.testing.assert_allclose(objective.intercept_curvature(point), numeric, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_products_see_the_same_objective(dtype):
    objective, *_ = problem(X=(rows() + np.array([0.0, 1e4, 0.0])).astype(dtype))
    for point in points(objective):
        single, double = (objective.evaluate(point, single=is_single) for is_single in (True, False))
        assert single.objective == pytest.approx(double.objective, rel=1e-5)
        np.testing.assert_allclose(single.gradient, double.gradient, atol=1e-4 * abs(double.gradient).max())


def test_standardised_features_have_mean_0_and_size_1():
    X, weight = rows() + np.array([1e6, 0.0, 0.0]), np.random.default_rng(5).random(ROWS)
    found = Standardisation.of(X, weight, centre=True, names=None)
    standard = (X - found.shift) * found.scale
    # shift and scale are rounded to float32
    np.testing.assert_allclose(weight @ standard / weight.sum(), [0.0, 0.0, 0.0], atol=0.1)
    np.testing.assert_allclose(weight @ standard**2 / weight.sum(), [1.0, 1.0, 1.0], rtol=1e-2)
    np.testing.assert_allclose(found.sum, weight @ standard, rtol=1e-6, atol=1e-6)
    uncentred = Standardisation.of(X, weight, centre=False, names=None)
    np.testing.assert_array_equal(uncentred.shift, 0.0)
    np.testing.assert_allclose(weight @ (X * uncentred.scale) ** 2 / weight.sum(), [1.0, 1.0, 1.0], rtol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 7.0, 0.1, 1e10])
def test_a_constant_feature_is_left_as_it_is(constant):
    X = np.column_stack([np.arange(6.0), np.full(6, constant)])
    found = Standardisation.of(X, np.linspace(0.1, 0.7, 6), centre=True, names=None)
    assert found.scale[1] == 1.0


def test_the_passes_are_counted():
    objective, *_ = problem()
    assert objective.passes == 1.0
    objective.evaluate(objective.first.point, single=False)
    assert objective.passes == 2.0
