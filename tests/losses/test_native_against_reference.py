"""Every implementation against the formulas in float64, over every option, target kind, dtype and layout."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crossentropy as ce
from crossentropy._dispatch import IMPLEMENTATIONS
from crossentropy._loss import LOSSES
from tests.support.calls import Call, calls
from tests.support.expected import expected
from tests.support.layouts import LAYOUTS, lay
from tests.support.mistakes import mistaken

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
three_times_as_many = settings(max_examples=3 * settings.default.max_examples)


@every_loss
@three_times_as_many
@given(data=st.data())
def test_results_are_those_of_the_formulas(loss, engine, data):
    """Promises 20, 22 and 26: value and derivatives within the stated ULP, NaN and infinities in the same places."""
    call = data.draw(calls(loss))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the mean of no rows
        exact = expected(call)
        value, (same_value, gradient) = call(), call.value_and_grad()
        exact["gradient"].check(gradient)
        exact["hvp"].check(call.hvp())
        exact["hessian_diagonal"].check(call.hessian_diagonal())
    for result in (value, same_value):
        if call.options.get("return_weight"):
            result, weight = result
            exact["weight"].check(weight)
        exact["value"].check(result)


@every_loss
@given(data=st.data())
def test_errors_are_the_same(loss, data):
    """Promise 24: the first fault in row order is reported, in the same words, whatever computes."""
    call = data.draw(mistaken(loss))
    outcomes = []
    for implementation in IMPLEMENTATIONS:
        with ce.use_implementation(implementation):
            outcomes.append([_error(run) for run in (call, call.value_and_grad, call.hvp, call.hessian_diagonal)])
    assert outcomes[0] == outcomes[1]
    assert len(set(outcomes[0])) == 1


@every_loss
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@given(data=st.data())
def test_promise_23_a_call_that_raises_changes_no_input(loss, implementation, data):
    call = data.draw(mistaken(loss))
    dtype = np.dtype(np.float64) if call.predictions.dtype.kind in "iub" else call.predictions.dtype.newbyteorder("=")
    overwritten = np.array(call.predictions, dtype=dtype)
    before = overwritten.copy()
    with ce.use_implementation(implementation):
        error = _error(lambda: loss.value_and_grad(overwritten, call.targets, inplace=True, **call.options))
        assert error == _error(call.value_and_grad)
    if error != "no error":
        assert overwritten.tobytes() == before.tobytes()


def _error(run):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            run()
    except (ValueError, TypeError, IndexError) as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


@pytest.mark.usefixtures("instruction_set")
@every_loss
@given(data=st.data())
def test_any_layout_gives_the_same_bits(loss, data):
    """Promise 22: strided, read-only, memory-mapped, byte-swapped, unaligned, Fortran order."""
    call = data.draw(calls(loss))
    plain = _bits(call)
    for layout in LAYOUTS:
        targets = call.targets
        if isinstance(targets, ce.SparseTargets):
            targets = ce.SparseTargets(
                lay(targets.indices, layout), lay(targets.probabilities, layout), tail=targets.tail
            )
        else:
            targets = lay(targets, layout)
        options = {
            name: lay(option, layout) if isinstance(option, np.ndarray) else option
            for name, option in call.options.items()
        }
        again = Call(loss, lay(call.predictions, layout), targets, options, lay(call.v, layout))
        assert _bits(again) == plain, layout


def _bits(call: Call) -> list[bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        value, gradient = call.value_and_grad()
        values = value if isinstance(value, tuple) else (value,)
        results = (*values, gradient, call.hvp(), call.hessian_diagonal())
    return [np.asarray(result).tobytes() for result in results]
