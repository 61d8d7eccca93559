"""Both implementations against the formulas in float64, over every option, target kind, dtype and layout."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

import crossentropy as ce
from crossentropy._dispatch import IMPLEMENTATIONS
from crossentropy._loss import LOSSES
from tests.support.calls import calls
from tests.support.expected import expected


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@given(data=st.data())
def test_results_are_those_of_the_formulas(loss, implementation, data):
    """Promises 20, 22 and 26: value and derivatives within the stated ULP, NaN and infinities in the same places."""
    call = data.draw(calls(loss))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no rows
        exact = expected(call)
        with ce.use_implementation(implementation):
            value, (same_value, gradient) = call(), call.value_and_grad()
            exact["hvp"].check(call.hvp())
            exact["hessian_diagonal"].check(call.hessian_diagonal())
    exact["gradient"].check(gradient)
    for result in (value, same_value):
        if call.options.get("return_weight"):
            result, weight = result
            exact["weight"].check(weight)
        exact["value"].check(result)
