"""What is fitted is the minimum of what is stated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq, minimize
from scipy.special import log_softmax, softmax

import crossentropy as ce
from crossentropy._problems import IndexTargets, SoftTargets
from crossentropy.calibration import MatrixScaling, TemperatureScaling, VectorScaling
from crossentropy.calibration import _as_linear as as_linear
from crossentropy.calibration._newton import Objective
from crossentropy.calibration._rows import Rows
from crossentropy.calibration._temperature import derivatives, look

REGULARISED = [VectorScaling, MatrixScaling]
SCALINGS = [TemperatureScaling, *REGULARISED]
KINDS = pytest.mark.parametrize("kind", ["labels", "soft labels"])
WITH_IMPOSSIBLE = pytest.mark.parametrize("with_impossible", [False, True])


def data(rows=200, classes=4, seed=0):
    """Overconfident logits, their labels, and weights."""
    random = np.random.default_rng(seed)
    y = np.append(np.arange(classes), random.integers(0, classes, rows - classes))
    logits = 2.0 * random.normal(size=(rows, classes)) + random.normal(size=(rows, 1))
    logits[np.arange(rows), y] += 2.0
    return logits, y, random.integers(0, 4, rows) / 2.0


def exact(scaling):
    """One whose parameters are near their best too: of a gap they are off by its root."""
    return scaling(tol=1e-13 if scaling is TemperatureScaling else 1e-22)


def soft(rows=200, classes=4):
    logits, _, _ = data(rows, classes)
    return 0.7 * softmax(logits / 3.0, axis=1) + 0.3 * np.random.default_rng(1).dirichlet(np.ones(classes), rows)


def unpacked(parameters, classes, scaling):
    if scaling is VectorScaling:
        return np.diag(parameters[:classes]), parameters[classes:]
    return parameters[:-classes].reshape(classes, classes), parameters[-classes:]


def plain(parameters, logits, t, s, C, scaling):
    """The stated objective and its gradient, all rows at once."""
    matrix, offsets = unpacked(parameters, logits.shape[1], scaling)
    z = logits - logits.mean(axis=1, keepdims=True)
    calibrated = z @ matrix.T + offsets
    away = matrix - np.eye(len(matrix))
    value = C * np.sum(s[:, None] * -t * log_softmax(calibrated, axis=1)) + (np.sum(away**2) + np.sum(offsets**2)) / 2
    slopes = C * s[:, None] * (softmax(calibrated, axis=1) - t)
    of_matrix = slopes.T @ z + away
    flat = np.diag(of_matrix) if scaling is VectorScaling else of_matrix.ravel()
    return value, np.append(flat, slopes.sum(axis=0) + offsets)


@KINDS
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("scaling", REGULARISED)
def test_it_is_the_minimum_that_scipy_finds(scaling, C, kind):
    logits, y, s = data()
    t = np.eye(4)[y] if kind == "labels" else soft()
    model = scaling(C=C, tol=1e-18).fit(logits, y if kind == "labels" else t, s)
    start = np.append(np.ones(4) if scaling is VectorScaling else np.eye(4), np.zeros(4))
    arguments = (logits, t, s, C, scaling)
    best = minimize(plain, start, arguments, jac=True, method="BFGS", options={"gtol": 1e-11, "maxiter": 5000})
    matrix, offsets = unpacked(best.x, 4, scaling)
    np.testing.assert_allclose(model.coef_, np.diag(matrix) if scaling is VectorScaling else matrix, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, offsets, atol=1e-8)
    assert model.objective_ == pytest.approx(best.fun, rel=1e-12)
    assert model.intercept_.sum() == pytest.approx(0.0, abs=1e-10)
    if scaling is MatrixScaling:
        np.testing.assert_allclose(model.coef_.sum(axis=1), 1.0, rtol=1e-10)


@KINDS
def test_the_temperature_is_where_the_slope_is_zero(kind):
    logits, y, s = data()
    t = np.eye(4)[y] if kind == "labels" else soft()

    def slope(inverse):
        return np.sum(s[:, None] * (softmax(inverse * logits, axis=1) - t) * logits)

    model = TemperatureScaling(tol=1e-15).fit(logits, y if kind == "labels" else t, s)
    assert 1.0 / model.temperature_ == pytest.approx(brentq(slope, 1e-3, 10.0, xtol=1e-14), rel=1e-8)
    cross_entropy = np.sum(s[:, None] * -t * log_softmax(logits / model.temperature_, axis=1))
    assert model.objective_ == pytest.approx(cross_entropy, rel=1e-12)


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("tol", [0.1, 1e-3, 1e-6])
def test_it_is_as_near_the_minimum_as_it_says(scaling, tol):
    for seed in range(5):
        logits, y, s = data(seed=seed)
        model, best = scaling(tol=tol).fit(logits, y, s), scaling(tol=1e-14).fit(logits, y, s)
        assert -1e-12 <= model.objective_ - best.objective_ <= model.gap_ + 1e-12
        assert model.gap_ <= tol * model.objective_


def impossible(logits, targets):
    """Some logits of -inf where the target has no mass."""
    logits, targets = logits.copy(), targets.copy()
    logits[::3, 1] = -np.inf
    if targets.ndim == 1:
        targets[::3] = np.where(targets[::3] == 1, 0, targets[::3])
    else:
        targets[::3, 0] += targets[::3, 1]
        targets[::3, 1] = 0.0
    return logits, targets


def some_rows(kind, *, with_impossible):
    logits, y, s = data(30, 3)
    targets = y if kind == "labels" else soft(30, 3)
    if with_impossible:
        logits, targets = impossible(logits, targets)
    return Rows(logits, IndexTargets(targets) if kind == "labels" else SoftTargets(targets), s)


@KINDS
@WITH_IMPOSSIBLE
def test_derivatives_of_vector_scaling_are_those_of_the_value(kind, with_impossible):
    objective = Objective(some_rows(kind, with_impossible=with_impossible), C=0.7)
    random = np.random.default_rng(3)
    point, direction, h = random.normal(size=(3, 2)), random.normal(size=(3, 2)), 1e-5
    ahead, behind = objective.evaluate(point + h * direction), objective.evaluate(point - h * direction)
    at = objective.evaluate(point)
    assert np.vdot(at.gradient, direction) == pytest.approx((ahead.objective - behind.objective) / (2 * h), rel=1e-7)
    np.testing.assert_allclose(
        objective.product(point, direction), (ahead.gradient - behind.gradient) / (2 * h), rtol=1e-6, atol=1e-6
    )


@KINDS
def test_matrix_scaling_as_a_linear_model_is_the_stated_objective(kind):
    rows = some_rows(kind, with_impossible=False)
    t = np.eye(3)[rows.targets.labels] if kind == "labels" else rows.targets.values
    objective = as_linear.FromIdentity(as_linear.LogitsAsFeatures(rows), C=0.7)
    point = objective.point(np.random.default_rng(3).normal(size=(3, 3)), np.zeros(3))
    away, offsets = as_linear.unpacked(objective.parameters(point)[0])
    matrix = np.eye(3) + away
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, rtol=1e-12)
    at = objective.evaluate(point, single=False)
    value, slopes = plain(np.append(matrix, offsets), rows.logits, t, rows.weight, 0.7, MatrixScaling)
    assert at.objective == pytest.approx(value, rel=1e-12)
    assert at.gradient_norm == pytest.approx(np.linalg.norm(slopes), rel=1e-12)
    assert at.gap == pytest.approx(0.5 * slopes @ slopes, rel=1e-12)
    # the metric is made of these
    ((_, ((_, curvature),)),) = ((block, tuple(parts)) for block, parts in objective.curvatures(point))
    z = rows.logits - rows.logits.mean(axis=1, keepdims=True)
    p = softmax(z @ matrix.T + offsets, axis=1)
    np.testing.assert_allclose(curvature, rows.weight[:, None] * p * (1.0 - p), rtol=1e-4, atol=1e-6)


@KINDS
@WITH_IMPOSSIBLE
def test_derivatives_by_the_inverse_temperature(kind, with_impossible):
    rows, h = some_rows(kind, with_impossible=with_impossible), 1e-5
    value, slope, curvature = derivatives(rows, 0.4)
    ahead, behind = derivatives(rows, 0.4 + h), derivatives(rows, 0.4 - h)
    assert slope == pytest.approx((ahead[0] - behind[0]) / (2 * h), rel=1e-8)
    assert curvature == pytest.approx((ahead[1] - behind[1]) / (2 * h), rel=1e-8)
    # what one look says of the ends
    at_ends = look(rows)
    assert at_ends[:3] == pytest.approx(derivatives(rows, 1e-13), rel=1e-9)
    assert at_ends.last_slope == pytest.approx(derivatives(rows, 1e4)[1], rel=1e-9)
    assert value > 0.4 * at_ends.last_slope


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_row_of_weight_2_is_that_row_twice(scaling):
    logits, y, _ = data()
    s = np.random.default_rng(4).integers(0, 3, len(y))
    weighted = exact(scaling).fit(logits, y, s)
    repeated = exact(scaling).fit(logits.repeat(s, axis=0), y.repeat(s))
    np.testing.assert_allclose(weighted.predict_proba(logits), repeated.predict_proba(logits), rtol=1e-9)
    assert weighted.objective_ == pytest.approx(repeated.objective_, rel=1e-12)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_label_is_the_distribution_that_is_all_there(scaling):
    logits, y, s = data()
    of_labels, of_one_hot = (exact(scaling).fit(logits, t, s) for t in (y, np.eye(4)[y]))
    np.testing.assert_allclose(of_labels.predict_proba(logits), of_one_hot.predict_proba(logits), rtol=1e-9)
    assert of_one_hot.classes_.tolist() == [0, 1, 2, 3]
    mixed = exact(scaling).fit(logits, soft(), s)
    # each row once for each class, weighted by the class's share
    spread = exact(scaling).fit(logits.repeat(4, axis=0), np.tile(np.arange(4), 200), (s[:, None] * soft()).ravel())
    np.testing.assert_allclose(mixed.predict_proba(logits), spread.predict_proba(logits), rtol=1e-8)


@pytest.mark.parametrize("offset", [1.0, 1e6, 1e9])
@pytest.mark.parametrize("scaling", SCALINGS)
def test_promise_7_a_common_offset_of_a_row_changes_nothing(scaling, offset):
    logits, y, s = data()
    logits = np.round(logits * 1024) / 1024  # so that the offset rounds nothing off
    moved = logits + offset * np.arange(len(y))[:, None]
    plain, other = exact(scaling).fit(logits, y, s), exact(scaling).fit(moved, y, s)
    np.testing.assert_allclose(other.predict_proba(moved), plain.predict_proba(logits), rtol=1e-9)
    np.testing.assert_allclose(other.predict_proba(logits), plain.predict_proba(logits), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 7.0, 1e6])
def test_larger_logits_have_a_temperature_larger_by_as_much(scale):
    logits, y, s = data()
    model, scaled = TemperatureScaling().fit(logits, y, s), TemperatureScaling().fit(scale * logits, y, s)
    assert scaled.temperature_ == pytest.approx(scale * model.temperature_, rel=1e-12)
    assert scaled.n_iter_ == model.n_iter_ <= 6


@pytest.mark.parametrize("scaling", REGULARISED)
def test_without_weight_on_the_data_logits_stay_as_they_are(scaling):
    logits, y, s = data()
    model = scaling(C=1e-12).fit(logits, y, s)
    np.testing.assert_allclose(model.coef_, 1.0 if scaling is VectorScaling else np.eye(4), atol=1e-9)
    np.testing.assert_allclose(model.predict_proba(logits), softmax(logits, axis=1), rtol=1e-9)


@pytest.mark.parametrize("scaling", REGULARISED)
def test_there_is_a_minimum_where_all_rows_are_right_or_wrong(scaling):
    for y in (np.arange(3), np.array([1, 2, 0])):
        model = scaling().fit(np.eye(3), y)
        assert model.gap_ <= 1e-6 * model.objective_


def test_a_temperature_far_from_1_is_found():
    """One row wrong by little among many that are right by much, and right rows that hardly tell."""
    logits = np.eye(3)[np.arange(3000) % 3] * 10.0
    y = np.arange(3000) % 3
    y[0] = 1
    model = TemperatureScaling(tol=1e-12).fit(logits, y)
    # 1/3000 of the rows are wrong: in the optimum, that is what all others of a row get
    wrong = 1.0 - model.predict_proba(logits)[0, 0]
    assert wrong == pytest.approx(1.0 / 3000.0, rel=1e-5)
    logits[0] = [1.0, 1.0 - 1e-9, 0.0]
    steep = TemperatureScaling().fit(logits, y)
    assert steep.gap_ <= 1e-6 * steep.objective_
    assert steep.temperature_ < 1.0
    y = np.arange(3000) // 3 % 3
    y[:300] = np.arange(300) % 3
    faint = TemperatureScaling(tol=1e-9).fit(np.eye(3)[np.arange(3000) % 3] * 1e-6, y)
    assert faint.gap_ <= 1e-9 * faint.objective_
    assert faint.temperature_ < 1.0


@pytest.mark.parametrize("scaling", SCALINGS)
def test_promise_21_the_same_bits_with_any_number_of_threads(scaling):
    logits, y, s = data(20_000, 30)
    first = scaling().fit(logits, y, s)
    before = ce.get_num_threads()
    try:
        for threads in (1, 3):
            ce.set_num_threads(threads)
            np.testing.assert_array_equal(scaling().fit(logits, y, s).transform(logits), first.transform(logits))
    finally:
        ce.set_num_threads(before)


def test_many_classes_need_no_hessian():
    """Of 160 000 parameters: the Hessian's numbers would take 200 GB."""
    logits, y, s = data(1200, 400, seed=2)
    model = MatrixScaling(C=0.01).fit(logits, y, s)
    assert model.coef_.shape == (400, 400)
    assert model.gap_ <= 1e-6 * model.objective_


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e3])
@pytest.mark.parametrize("scaling", REGULARISED)
def test_logits_may_be_of_any_size(scaling, scale):
    """The smallest would need a factor so large that no penalty lets it be."""
    logits, y, s = data()
    model = scaling().fit(scale * logits, y, s)
    assert model.gap_ <= 1e-6 * model.objective_
    assert model.n_iter_ <= (20 if scaling is MatrixScaling else 6)
