"""Random calls of the public functions: the answer is the reference's, or the reference's error."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

import crossentropy as ce
from crossentropy._dispatch import IMPLEMENTATIONS
from crossentropy._loss import LOSSES
from tests.fuzz.guarded import Guarded
from tests.support.calls import Call, calls, quietly
from tests.support.expected import expected
from tests.support.mistakes import mistaken

_WILD: list[Any] = [np.nan, np.inf, -np.inf, -1, 0, 1e300, 2**70, "text", None, True, 1j, [], [[1.0]], np.zeros((2, 0))]


@st.composite
def wild_calls(draw: st.DrawFn) -> Call:
    """Right calls, calls with wrong numbers in their arrays, and calls with anything at all for an option."""
    loss = draw(st.sampled_from(list(LOSSES.values())))
    call: Call = draw(st.one_of(calls(loss), calls(loss), mistaken(loss)))
    if draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from([name for name in loss.contract.options if name != "axis"]))
        call = replace(call, options={**call.options, name: draw(st.sampled_from(_WILD))})
    return call


def _guarded(call: Call, guarded: Guarded) -> Call:
    def place(value: Any) -> Any:
        if isinstance(value, ce.SparseTargets):
            return ce.SparseTargets(place(value.indices), place(value.probabilities), tail=value.tail)
        return guarded.input(value, repeated=False) if isinstance(value, np.ndarray) else value

    options = {name: place(option) for name, option in call.options.items()}
    return replace(
        call, predictions=place(call.predictions), targets=place(call.targets), v=place(call.v), options=options
    )


def check(call: Call, random: np.random.Generator) -> None:
    """All results of a call into guarded memory, against the formulas; or its error, against the reference's."""
    guarded = Guarded(random)
    call = _guarded(call, guarded)
    dtype = call.predictions.dtype if call.predictions.dtype.kind in "fV" else np.dtype(np.float64)
    out = guarded.output(call.predictions.shape, dtype)

    def gradient() -> Any:
        return call.loss.value_and_grad(call.predictions, call.targets, out=out, **call.options)

    errors = []
    for implementation in IMPLEMENTATIONS:
        with ce.use_implementation(implementation):
            errors.append([_error(run) for run in (gradient, call, call.hvp, call.hessian_diagonal)])
    assert errors[0] == errors[1]
    if errors[0][0] is None:
        exact = quietly(lambda: expected(call))
        value, _ = quietly(gradient)
        exact["value"].check(value[0] if call.options.get("return_weight") else value)
        exact["gradient"].check(out)
        exact["hvp"].check(quietly(call.hvp))
        exact["hessian_diagonal"].check(quietly(call.hessian_diagonal))
    guarded.check()


def _error(run: Any) -> str | None:
    try:
        quietly(run)
    except (ValueError, TypeError, IndexError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def public_calls(seed: int, runs: int) -> None:
    """So many random calls; the first that fails is shown, made as simple as it can be."""

    @seeded(seed)
    @settings(max_examples=runs, database=None, derandomize=False, phases=[Phase.generate, Phase.shrink])
    @given(call=wild_calls(), arrangement=st.integers(0, 2**32 - 1))
    def each(call: Call, arrangement: int) -> None:
        check(call, np.random.default_rng(arrangement))

    each()
