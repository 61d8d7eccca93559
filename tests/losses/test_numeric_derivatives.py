"""Derivatives against numeric ones: complex steps through the plain formulas, differences of the public values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossentropy._loss import LOSSES
from tests.support.calls import calls, quietly
from tests.support.expected import prepared
from tests.support.formulas import FORMULAS

pytestmark = pytest.mark.usefixtures("instruction_set")

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
# what distributions are moved by must leave them distributions
loss_of_free_predictions = pytest.mark.parametrize(
    "loss",
    [loss for loss in LOSSES.values() if "probabilities" not in loss.contract.domain],
    ids=lambda loss: loss.__name__,
)
STEP, REACH = 1e-30, 1e-6


def units(shape, of_rows):
    """Directions that together reach every prediction: rows do not meet, nor do elements."""
    if not of_rows:
        return [np.ones(shape)]
    return [np.broadcast_to(unit, shape) for unit in np.eye(shape[-1])]


def numeric(call, along):
    """The gradient of the formula, or what ``along`` makes of gradients elsewhere: d -> the gradient at x + d."""
    found = prepared(call)
    reference, x = found.reference, found.reference.predictions
    formula, of_rows = FORMULAS[reference.family], found.problem.loss_shape != x.shape
    result = np.zeros(x.shape)
    for unit in units(x.shape, of_rows):

        def gradient(d, unit=unit):
            losses = formula(x + d + 1j * STEP * unit, reference.targets, **reference.options).imag / STEP
            return losses[..., np.newaxis] if of_rows else losses.reshape(x.shape)

        with np.errstate(divide="ignore", invalid="ignore"):  # rows whose classes are all masked
            result += unit * along(gradient)
    result = np.where(found.row_weight == 0.0, 0.0, found.row_weight * result)
    return np.moveaxis(result, -1, found.problem.axis) if of_rows else result


@every_loss
@given(data=st.data())
def test_gradient_is_the_complex_step_of_the_formula(loss, data):
    """Promise 26: exact to rounding, since Im f(x + ih)/h has no difference in it."""
    call = data.draw(calls(loss, dtypes=("float64",), tame=True))
    exact = numeric(call, lambda gradient: gradient(0.0))
    np.testing.assert_allclose(quietly(call.value_and_grad)[1], exact, rtol=1e-11, atol=1e-14)


@every_loss
@given(data=st.data())
def test_hvp_is_the_change_of_the_gradient(loss, data):
    """Promise 26: complex steps again, differenced along v."""
    call = data.draw(calls(loss, dtypes=("float64",), tame=True))
    reach = REACH * prepared(call).problem.inside(np.asarray(call.v, dtype=np.float64))
    change = numeric(call, lambda gradient: (gradient(reach) - gradient(-reach)) / (2.0 * REACH))
    np.testing.assert_allclose(quietly(call.hvp), change, rtol=1e-5, atol=1e-7)


@every_loss
@given(data=st.data())
def test_hessian_diagonal_is_that_of_the_hessian_products(loss, data):
    """Promise 26: the products with unit vectors."""
    call = data.draw(calls(loss, dtypes=("float64",), tame=True))
    problem = prepared(call).problem
    diagonal, columns = problem.inside(quietly(call.hessian_diagonal)), 0.0
    for unit in units(diagonal.shape, problem.loss_shape != diagonal.shape):
        v = np.empty(call.predictions.shape)
        problem.inside(v)[...] = unit
        columns = columns + unit * problem.inside(quietly(replace(call, v=v).hvp))
    np.testing.assert_allclose(columns, diagonal, rtol=1e-10, atol=1e-13)


@loss_of_free_predictions
@given(data=st.data())
def test_gradient_is_the_slope_of_the_public_value(loss, data):
    """Promise 26: the gradient has the same reduction as the value."""
    call = data.draw(calls(loss, dtypes=("float64",), tame=True, without=("class_mask", "return_weight")))
    v = np.asarray(call.v, dtype=np.float64)
    there, back = (quietly(replace(call, predictions=call.predictions + d * v)) for d in (REACH, -REACH))
    slope, gradient = np.sum((there - back) / (2.0 * REACH)), quietly(call.value_and_grad)[1]
    empty = np.isnan(there).all()  # the mean of no rows
    assert np.sum(gradient * v) == pytest.approx(0.0 if empty else slope, rel=1e-6, abs=1e-6)
