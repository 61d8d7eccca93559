from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize

from crossentropy.linear_model._rows import RowsInMemory
from crossentropy.linear_model._sigmoid_objective import SigmoidObjective
from crossentropy.linear_model._softmax_objective import SoftmaxObjective
from crossentropy.linear_model._standardisation import Standardisation
from crossentropy.linear_model._survey import survey
from crossentropy.linear_model._targets import labels_to_elements, labels_to_targets, sample_weights

ROWS, FEATURES, CLASSES = 40, 3, 4

WEIGHTS = np.linspace(0.1, 2.0, ROWS)


def softmax_problem(*, soft=False, sample_weight=None, class_weight=None, label_smoothing=0.0):
    """The targets, the objective's class, and the formula of the loss's sum and weight."""
    y = np.random.default_rng(3).dirichlet(np.ones(CLASSES), ROWS) if soft else np.arange(ROWS) % CLASSES
    weight = sample_weights(sample_weight, ROWS)
    found = survey(y, weight, exclusive=True)
    targets = labels_to_targets(found, class_weight=class_weight, label_smoothing=label_smoothing).of(y, weight)
    t = y if soft else np.eye(CLASSES)[y]
    t = (1.0 - label_smoothing) * t + label_smoothing / CLASSES
    w = np.array([(class_weight or {}).get(k, 1.0) for k in range(CLASSES)])
    weighted = t * w * (1.0 if sample_weight is None else sample_weight[:, None])

    def loss(logits):
        log_p = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        return -float(np.sum(weighted * log_p)), float(weighted.sum())

    return targets, SoftmaxObjective, loss


def sigmoid_problem(*, outputs=CLASSES, soft=False, sample_weight=None, pos_weight=1.0):
    """The same of logistic regression."""
    y = np.random.default_rng(3).random((ROWS, outputs))
    y = y if soft else np.round(y)
    weight, given = sample_weights(sample_weight, ROWS), y if outputs > 1 else y[:, 0]
    found = survey(given, weight, exclusive=False)
    targets = labels_to_elements(found, pos_weight=pos_weight, fit_intercept=True).of(given, weight)
    p, s = np.broadcast_to(pos_weight, outputs), np.ones(ROWS) if sample_weight is None else sample_weight

    def loss(logits):
        losses = p * y * np.logaddexp(0.0, -logits) + (1.0 - y) * np.logaddexp(0.0, logits)
        return float(np.sum(s[:, None] * losses)), float(s.sum() * outputs)

    return targets, partial(SigmoidObjective, pos_weight=np.array(p)), loss


PROBLEMS = {
    "labels": softmax_problem,
    "weighted": partial(softmax_problem, sample_weight=np.random.default_rng(1).integers(0, 3, ROWS) + 0.5),
    "class weights": partial(softmax_problem, class_weight={0: 3.0, 2: 0.25}),
    "smoothed": partial(softmax_problem, label_smoothing=0.2, class_weight={1: 2.0}),
    "soft": partial(softmax_problem, soft=True, class_weight={1: 2.0}, sample_weight=WEIGHTS),
    "binary": partial(sigmoid_problem, outputs=1),
    "multi-label": partial(sigmoid_problem, sample_weight=WEIGHTS, pos_weight=np.array([3.0, 0.2, 1.0, 7.0])),
    "soft multi-label": partial(sigmoid_problem, soft=True, pos_weight=2.0),
}


def rows():
    random = np.random.default_rng(2)
    return random.normal(size=(ROWS, FEATURES)) * [1.0, 100.0, 0.01] + [0.0, 50.0, 3.0]


def problem(name="labels", *, fit_intercept=True, C=0.7, X=None, l1_ratio=0.0):
    X = rows() if X is None else X
    targets, objective, loss = PROBLEMS[name]()
    standard = Standardisation.of(X, targets.row_weight, centre=fit_intercept, names=None)
    return objective(RowsInMemory(X, standard, targets), C=C, fit_intercept=fit_intercept, l1_ratio=l1_ratio), loss


def points(objective, count=8):
    random = np.random.default_rng(4)
    for size in np.logspace(-3, 1, count):
        point = size * random.normal(size=objective.first.point.shape)
        if not objective.fit_intercept:
            point[:, -1] = 0.0
        yield objective.without_offset(point)


def minimum(objective):
    """By a general solver, from the value and gradient alone; where |W| counts, of two parts that are at least 0."""
    start, kinks = objective.first.point, np.broadcast_to(objective.threshold, objective.first.point.shape).ravel()
    if not kinks.any():
        options = {"BFGS": {"gtol": 1e-9}, "L-BFGS-B": {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 500}}
        return min(
            minimize(smooth(objective), start.ravel(), jac=True, method=m, options=options[m]).fun for m in options
        )

    def value(parts):
        above, below = np.split(parts, 2)
        found, gradient = smooth(objective)(above - below)
        found += kinks @ (above + below - abs(above - below))
        return found, np.concatenate([gradient + kinks, kinks - gradient])

    parts = np.concatenate([np.maximum(start.ravel(), 0.0), np.maximum(-start.ravel(), 0.0)])
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 10**4, "maxfun": 10**5}
    return minimize(value, parts, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(parts), options=options).fun


def smooth(objective):
    """The value of a flat point, and the gradient of its smooth part."""
    shape = objective.first.point.shape

    def value(flat):
        found = objective.evaluate(flat.reshape(shape), single=False)
        return found.objective, found.gradient.ravel()

    return value


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_value_is_the_formula_in_the_coefficients_themselves(name, fit_intercept, l1_ratio):
    objective, loss = problem(name, fit_intercept=fit_intercept, l1_ratio=l1_ratio)
    for point in points(objective):
        coef, intercept = objective.parameters(point)
        total, weight = loss(rows() @ coef.T + intercept)
        found = objective.evaluate(point, single=False)
        penalty = (1.0 - l1_ratio) / 2.0 * np.sum(coef**2) + l1_ratio * np.sum(abs(coef))
        assert found.objective == pytest.approx(0.7 * total + penalty, rel=1e-11)
        assert found.cross_entropy == pytest.approx(total / weight, rel=1e-11)
        np.testing.assert_allclose(objective.parameters(objective.point(coef, intercept))[0], coef, rtol=1e-9)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_gradient_is_that_of_the_value(name, fit_intercept):
    objective, _ = problem(name, fit_intercept=fit_intercept)
    for point in points(objective, 3):
        found = objective.evaluate(point, single=False)
        numeric = np.zeros(point.shape)
        for index in np.ndindex(point.shape if fit_intercept else point[:, :-1].shape):
            step = np.zeros(point.shape)
            step[index] = 1e-5
            above, below = (objective.evaluate(point + sign * step, single=False).objective for sign in (1, -1))
            numeric[index] = (above - below) / 2e-5
        np.testing.assert_allclose(found.gradient, numeric, rtol=1e-5, atol=1e-6 * abs(numeric).max())


@pytest.mark.parametrize("name", ["labels", "multi-label"])
def test_the_gradient_norm_is_that_in_the_coefficients_themselves(name):
    objective, loss = problem(name)
    (point,) = points(objective, 1)
    coef, intercept = objective.parameters(point)

    def value(flat):
        coef, intercept = np.split(flat, [CLASSES * FEATURES])
        total, _ = loss(rows() @ coef.reshape(CLASSES, FEATURES).T + intercept)
        return 0.7 * total + 0.5 * coef @ coef

    numeric = approx_fprime(np.append(coef.ravel(), intercept), value, 1e-7)
    found = objective.evaluate(point, single=False).gradient_norm
    assert found == pytest.approx(np.linalg.norm(numeric), rel=1e-4)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(("C", "l1_ratio"), [(1e-3, 0.0), (0.7, 0.0), (1e3, 0.0), (0.7, 0.3), (0.1, 1.0), (30.0, 1.0)])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_minimum_is_never_further_below_than_the_gap(name, C, l1_ratio, fit_intercept):
    objective, _ = problem(name, fit_intercept=fit_intercept, C=C, l1_ratio=l1_ratio)
    lowest = minimum(objective)
    for point in points(objective):
        found = objective.evaluate(point, single=False)
        assert found.objective - lowest <= found.gap * (1 + 1e-9)
    assert objective.first.objective - lowest <= objective.first.gap * (1 + 1e-9)


def test_the_gap_closes_with_the_square_of_the_distance_where_intercepts_are_best():
    objective, _ = problem(fit_intercept=False)
    (point,) = points(objective, 1)
    found = minimize(smooth(objective), point.ravel(), jac=True, method="BFGS", options={"gtol": 1e-10})
    best = found.x.reshape(point.shape)
    gaps = [objective.evaluate(best + size * point, single=False).gap for size in (1e-1, 1e-2, 1e-3)]
    assert gaps[0] / gaps[1] == pytest.approx(100.0, rel=0.1)
    assert gaps[1] / gaps[2] == pytest.approx(100.0, rel=0.1)


@pytest.mark.parametrize("name", ["weighted", "multi-label"])
def test_the_curvature_of_the_intercepts_is_the_derivative_of_their_gradient(name):
    objective, _ = problem(name)
    (point,) = points(objective, 1)
    numeric = np.zeros((CLASSES, CLASSES))
    for k in range(CLASSES):
        step = np.zeros(point.shape)
        step[k, -1] = 1e-5
        above, below = (objective.evaluate(point + sign * step, single=False).gradient[:, -1] for sign in (1, -1))
        numeric[:, k] = (above - below) / 2e-5
    np.testing.assert_allclose(objective.intercept_curvature(point), numeric, rtol=1e-4, atol=1e-5)


def total_curvature(objective, point):
    return sum(curvature.sum(axis=0) for _, parts in objective.curvatures(point) for _, curvature in parts)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_curvatures_of_the_logits_make_the_hessian_of_the_intercepts(name):
    objective, _ = problem(name)
    for point in (objective.first.point, *points(objective, 3)):
        found = total_curvature(objective, point)
        np.testing.assert_allclose(0.7 * found, np.diag(objective.intercept_curvature(point)), rtol=1e-4)
    at_first = total_curvature(objective, objective.first.point)
    np.testing.assert_allclose(objective.first_curvature()[:, 0], at_first, rtol=1e-5)


@pytest.mark.parametrize("name", ["labels", "multi-label"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_float32_products_see_the_same_objective(dtype, name):
    objective, _ = problem(name, X=(rows() + np.array([0.0, 1e4, 0.0])).astype(dtype))
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
    objective, _ = problem()
    assert objective.passes == 1.0
    objective.evaluate(objective.first.point, single=False)
    assert objective.passes == 2.0


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", PROBLEMS)
def test_at_another_penalty_it_needs_no_pass_to_know_what_it_is_worth(name, fit_intercept):
    before, _ = problem(name, fit_intercept=fit_intercept)
    for C in (1e-6, 0.7, 1e6):
        fresh, _ = problem(name, fit_intercept=fit_intercept, C=C)
        for point in points(before):
            after, (found,) = before.at(C, before.evaluate(point, single=False))
            for there, expected in ((found, fresh.evaluate(point, single=False)), (after.first, fresh.first)):
                assert after.passes == 0.0
                np.testing.assert_array_equal(there.point, expected.point)
                np.testing.assert_allclose(there.gradient, expected.gradient, rtol=1e-9, atol=1e-10 * max(C, 1.0))
                for value in ("objective", "cross_entropy", "gradient_norm", "coef_gap", "gap"):
                    wanted = getattr(expected, value)
                    assert getattr(there, value) == pytest.approx(wanted, rel=1e-7, abs=1e-9 * expected.objective)
    assert before.C == 0.7
