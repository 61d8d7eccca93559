"""A few of the random calls, and what they have found."""

from __future__ import annotations

import numpy as np
import pytest

from crossentropy._native import coded, core
from tests.fuzz.core_calls import one_call
from tests.fuzz.guarded import Guarded
from tests.fuzz.public_calls import public_calls

pytestmark = pytest.mark.usefixtures("instruction_set")


@pytest.mark.parametrize("seed", range(4))
def test_calls_of_the_core_are_served_or_refused(seed: int) -> None:
    outcomes = {one_call(np.random.default_rng([seed, i])) for i in range(100)}
    assert outcomes == {"done", "ValueError", "TypeError"}


def test_public_calls_are_as_the_reference() -> None:
    public_calls(seed=0, runs=100)


def test_the_guard_sees_what_is_written_beside_an_array_and_into_an_input() -> None:
    beside = 0
    for seed in range(20):
        guarded = Guarded(np.random.default_rng(seed))
        output, given = guarded.output((3, 4), np.float32), guarded._input(np.ones((3, 4)))
        output[...] = 0.0
        guarded.check()
        memory = output.base
        if memory.size > output.nbytes:
            kept = memory.copy()
            memory[...] = 0
            with pytest.raises(AssertionError, match="beside"):
                guarded.check()
            memory[...] = kept
            beside += 1
        given[1, 2] = 2.0
        with pytest.raises(AssertionError, match="changed"):
            guarded.check()
    assert beside > 5


def test_the_core_computes_no_rows_before_it_has_weighed_them() -> None:
    """An index of a sparse target outside the classes is a fault that weighing finds, and would be written to."""
    indices, probabilities = np.array([[7]]), np.array([[0.5]])
    for weigh_before in (False, True):
        rows = core.Rows(
            0, coded(np.zeros((1, 3))), 1e-8, 2, coded(indices), coded(probabilities), 1e-8, False,
            None, None, None, None, 0.0, 1.0, 0.0, 0.0, 0.0,
        )  # fmt: skip
        if weigh_before:
            assert rows.weigh()[1] != 0
        with pytest.raises(ValueError, match=r"^weigh first, and find no fault$"):
            rows.run(0, 1.0, None, None, None)


def test_a_linear_pass_takes_a_problem_only_if_its_rows_have_one_stride() -> None:
    """Groups of rows are cut from what has such rows; from other arrays they would reach beyond the memory."""
    leading, classes = (40, 40), 3
    shape = (*leading, classes)
    numbers, labels = coded(np.zeros(shape)), coded(np.zeros(leading, np.int64))
    crossed, mask = coded(np.zeros(shape, order="F")), coded(np.ones(shape, np.uint8, order="F"))
    listed, shares = coded(np.zeros((*leading, 1), np.int64)), coded(np.ones((*leading, 1), order="F"))
    for problem in (
        core.Rows(0, numbers, 1e-8, 0, labels, None, 1e-8, False, None, None, None, mask, 0.0, 1.0, 0.0, 0.0, 0.0),
        core.Rows(0, numbers, 1e-8, 2, listed, shares, 1e-8, False, None, None, None, None, 0.0, 1.0, 0.0, 0.0, 0.0),
        core.Elements(0, numbers, crossed, None, None, None, None, 0.0, 0.0),
        core.Elements(0, numbers, numbers, None, None, None, crossed, 0.0, 0.0),
    ):
        assert problem.weigh()[1] == 0
        features, coef, intercept = coded(np.zeros((*leading, 2))), np.zeros((classes, 2)), np.zeros(classes)
        with pytest.raises(ValueError, match="rows of one stride"):
            problem.run_linear(features, None, None, coef, intercept, coef.copy(), intercept.copy(), False)


@pytest.mark.parametrize(
    "out", [np.zeros((2, 2), np.float32), np.zeros((2, 4))[:, ::2], np.broadcast_to(0.0, (2, 2)), [[0.0] * 2] * 2]
)
def test_sums_are_not_added_to_a_copy(out: object) -> None:
    features, weight, zeros = coded(np.ones((3, 2))), np.ones(3), np.zeros((2, 2))
    elements = core.Elements(0, coded(np.zeros((3, 2))), coded(np.zeros((3, 2))), None, None, None, None, 0.0, 0.0)
    for call in (
        lambda: core.gram(features, None, None, None, weight, False, out),
        lambda: core.moments(features, weight, np.zeros(2), np.zeros(2), out),
        lambda: core.moments(features, weight, np.zeros(2), out, np.zeros(2)),
        lambda: elements.run_linear(features, None, None, zeros, np.zeros(2), out, np.zeros(2), False),
        lambda: elements.run_linear(features, None, None, zeros, np.zeros(2), zeros.copy(), out, False),
    ):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            call()
