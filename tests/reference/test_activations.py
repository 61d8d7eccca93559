"""The activations of the reference against mpmath, against their own differences, and against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from crossentropy.reference import activations
from crossentropy.testing import ulp_distance
from tests.oracle import Case, load

ELEMENTWISE = ("sigmoid", "log_sigmoid", "softplus")
OF_ROWS = ("softmax", "log_softmax", "logsumexp")
Z = np.random.default_rng(0).normal(size=(4, 5)) * 2.0


def function(name: str, result: str = "value") -> Any:
    return getattr(activations, name if result == "value" else f"{name}_{result}")


@pytest.mark.parametrize("case", load("activations"), ids=str)
def test_mpmath_table(case: Case) -> None:
    """Promises 6, 7, 9 and 20: every result within the stated ULP, at every extreme."""
    z, cotangent = case.inputs["z"], case.inputs["cotangent"]
    for result, exact in case.results.items():
        arguments = (z, cotangent) if result == "vjp" else (z,)
        actual = np.asarray(function(case.function, result)(*arguments))
        ulps = ulp_distance(actual, exact.pair, scale=exact.scale)
        assert actual.shape == exact.high.shape
        worst = ulps.argmax()
        assert ulps.flat[worst] <= activations.ACTIVATION_ULP, (
            f"{result}: got {actual.flat[worst]!r}, not {exact.high.flat[worst]!r}, off by {ulps.flat[worst]:.2f} ULP"
        )


def test_table_holds_every_activation() -> None:
    assert {case.function for case in load("activations")} == {*ELEMENTWISE, *OF_ROWS}


@pytest.mark.parametrize("name", [*ELEMENTWISE, *OF_ROWS])
def test_vjp_is_that_of_differences(name: str) -> None:
    """Promise 26."""
    f, step = function(name), 2.0**-17
    g = np.random.default_rng(1).normal(size=f(Z).shape)
    vjp = function(name, "vjp")(Z, g)
    for j in range(Z.shape[-1]):
        e = step * np.eye(Z.shape[-1])[j]
        slope = (f(Z + e) - f(Z - e)) / (2.0 * step) * g
        expected = slope if slope.ndim == 1 else slope.sum(axis=-1)
        np.testing.assert_allclose(vjp[:, j], expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", [*ELEMENTWISE, *OF_ROWS])
def test_batches_are_their_rows_and_inputs_stay_promise_23(name: str) -> None:
    z = Z.copy()
    z.flags.writeable = False
    f = function(name)
    np.testing.assert_array_equal(f(z.reshape(2, 2, 5)), np.reshape([f(row) for row in z], (2, 2, *f(z).shape[1:])))
    assert f(z[:0]).shape == (0, *f(z).shape[1:])
    vjp = function(name, "vjp")
    g = np.ones(f(z).shape)
    np.testing.assert_array_equal(vjp(z, g), [vjp(row, cotangent) for row, cotangent in zip(z, g, strict=True)])


def test_jacobian_holds_every_vjp() -> None:
    jacobian = activations.softmax_jacobian(Z)
    assert jacobian.shape == (4, 5, 5)
    np.testing.assert_array_equal(jacobian, np.swapaxes(jacobian, -1, -2))
    for i in range(5):
        cotangent = np.broadcast_to(np.eye(5)[i], Z.shape)
        np.testing.assert_allclose(jacobian[:, i], activations.softmax_vjp(Z, cotangent), rtol=1e-14, atol=1e-17)


def test_sigmoid_derivative_is_its_vjp_of_one() -> None:
    np.testing.assert_array_equal(activations.sigmoid_derivative(Z), activations.sigmoid_vjp(Z, np.ones_like(Z)))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_nan_stays_where_it_is_promise_10(name: str) -> None:
    np.testing.assert_array_equal(np.isnan(function(name)([np.nan, -np.inf, 0.0, np.inf])), [True, False, False, False])


def test_rows_without_a_distribution_promise_10() -> None:
    inf, nan = np.inf, np.nan
    z = np.array([[1.0, 2.0], [nan, 0.0], [-inf, -inf], [inf, inf], [inf, nan], [inf, -inf]])
    without = [False, True, True, True, True, False]
    for f in (activations.softmax, activations.log_softmax):
        np.testing.assert_array_equal(np.isnan(f(z)).all(axis=-1), without)
        np.testing.assert_array_equal(np.isnan(f(z)).any(axis=-1), without)
    np.testing.assert_array_equal(activations.logsumexp(z)[1:], [nan, -inf, inf, nan, inf])
    assert np.isnan(activations.softmax([-inf])).all()
    assert activations.logsumexp([-inf]) == -inf


def test_minus_infinity_is_a_class_of_probability_0_promise_6() -> None:
    np.testing.assert_array_equal(activations.softmax([0.0, -np.inf, 0.0]), [0.5, 0.0, 0.5])
    np.testing.assert_array_equal(activations.log_softmax([3.0, -np.inf]), [0.0, -np.inf])
    np.testing.assert_array_equal(activations.softmax([0.0, np.inf, -np.inf]), [0.0, 1.0, 0.0])


def test_softmax_of_two_classes_is_the_sigmoid_of_the_difference() -> None:
    z = np.linspace(-50.0, 50.0, 101)
    two_classes = np.stack([np.zeros_like(z), z], axis=-1)
    np.testing.assert_allclose(activations.softmax(two_classes)[:, 1], activations.sigmoid(z), rtol=1e-15)
    np.testing.assert_allclose(activations.log_softmax(two_classes)[:, 1], activations.log_sigmoid(z), rtol=1e-15)
    np.testing.assert_allclose(activations.logsumexp(two_classes), activations.softplus(z), rtol=1e-15)


@pytest.mark.parametrize("offset", [2.0**10, -(2.0**40), 2.0**49])
def test_common_offset_changes_nothing_promise_7(offset: float) -> None:
    z = np.array([0.25, -1.5, 3.0])
    np.testing.assert_array_equal(activations.softmax(z + offset), activations.softmax(z))
    np.testing.assert_array_equal(activations.log_softmax(z + offset), activations.log_softmax(z))
