"""Calls with something wrong in the targets or the predictions, drawn from the contract of their loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

import crossentropy as ce
from crossentropy._loss import Loss
from tests.support.calls import Call, calls
from tests.support.layouts import Array

#: What no loss of that domain takes as a prediction. Every logit, score and number is taken.
_PREDICTIONS = {"probabilities": [-0.5, 1.5, np.nan], "log-probabilities": [np.nan, 1.5, 800.0, np.inf]}
_FLOATS = [-0.25, 1.75, np.nan, np.inf]
_INTEGERS = [-1, 2, 40, 127]


@st.composite
def mistaken(draw: st.DrawFn, loss: Loss[...]) -> Call:
    """A call with a few wrong numbers put in; where they fall on dropped rows, or nowhere, there is no error."""
    call: Call = draw(calls(loss))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def spoil(array: Array, wrong: list[Any]) -> Array:
        spoilt = np.array(array)
        fitting = [x for x in wrong if spoilt.dtype.kind in "fV" or np.can_cast(np.min_scalar_type(x), spoilt.dtype)]
        if fitting:
            spoilt[random.random(spoilt.shape) < draw(st.sampled_from([0.1, 0.5]))] = draw(st.sampled_from(fitting))
        return spoilt

    places = ["targets", "predictions"] if loss.contract.domain in _PREDICTIONS else ["targets"]
    for place in draw(st.lists(st.sampled_from(places), min_size=1, max_size=2, unique=True)):
        if place == "predictions":
            call = replace(call, predictions=spoil(call.predictions, _PREDICTIONS[loss.contract.domain]))
        elif isinstance(call.targets, ce.SparseTargets):
            indices, probabilities = call.targets.indices, call.targets.probabilities
            if draw(st.booleans()):
                indices = spoil(indices, [*_INTEGERS, 0])
            else:
                probabilities = spoil(probabilities, _FLOATS)
            call = replace(call, targets=ce.SparseTargets(indices, probabilities, tail=call.targets.tail))
        else:
            integers = np.asarray(call.targets).dtype.kind in "iub"
            call = replace(call, targets=spoil(call.targets, _INTEGERS if integers else _FLOATS))
    return call
