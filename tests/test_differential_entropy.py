"""Differential entropy by formula, by quadrature and from samples."""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats

import crossentropy as ce
from crossentropy._differential_entropy import METHODS
from tests.support.layouts import FLOATS, LAYOUTS, lay

SAMPLES = np.random.default_rng(1976).normal(size=(3, 200))
NORMAL = 0.5 * math.log(2.0 * math.pi * math.e)
INFINITE = (-math.inf, math.inf)


def bell(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda: ce.differential_entropy(stats.norm()), 1.4189385),
        (lambda: ce.differential_entropy(bell, support=INFINITE), 1.4189385),
        (lambda: ce.differential_entropy(stats.norm(), base=2), 2.0470956),
        (lambda: ce.differential_entropy(bell, support=INFINITE, base=2), 2.0470956),
        (lambda: ce.differential_entropy(stats.uniform(0.0, 0.5)), -0.6931472),
        (lambda: ce.differential_entropy(lambda x: 2.0, support=(0, 0.5)), -0.6931472),
        (lambda: ce.differential_entropy(lambda x: 2.0, support=(0, 0.5), base=2), -1.0),
        (lambda: ce.differential_entropy(stats.multivariate_normal([0.0, 0.0])), 2.8378771),
    ],
)
def test_promise_5_worked_number(value: Callable[[], float], expected: float) -> None:
    assert value().round(7) == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("density", "support", "expected"),
    [
        (lambda x: math.exp(-x), (0.0, math.inf), 1.0),
        (lambda x: math.exp(x), (-math.inf, 0.0), 1.0),
        (lambda x: 2.0 * x, (0.0, 1.0), 0.5 - math.log(2.0)),
        (lambda x: 0.5 / math.sqrt(x), (0.0, 1.0), math.log(2.0) - 1.0),  # infinite at 0
        (lambda x: -math.log(x), (0.0, 1.0), np.euler_gamma - 1.0),
        (lambda x: 1.0 / (math.pi * (1.0 + x * x)), INFINITE, math.log(4.0 * math.pi)),
        (lambda x: 0.5 if 0.0 <= x <= 2.0 else 0.0, (-1.0, 3.0), math.log(2.0)),  # 0 on half of its support
        (stats.norm(3.0, 2.0).pdf, INFINITE, NORMAL + math.log(2.0)),
        (lambda x: np.array([1.0]), (0.0, 1.0), 0.0),  # as scipy's kernel density estimates answer
    ],
)
def test_density_by_quadrature(density: Callable[[float], Any], support: tuple[float, float], expected: float) -> None:
    value, error = ce.differential_entropy(density, support=support, return_error=True)
    assert value.dtype == np.float64
    assert abs(value - expected) <= error + 1e-14
    assert error <= 1.5e-8 * max(1.0, abs(value))
    assert ce.differential_entropy(density, support=support) == value


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (stats.norm(5.0, 3.0), NORMAL + math.log(3.0)),
        (stats.expon(scale=2.0), 1.0 + math.log(2.0)),
        (stats.laplace(), 1.0 + math.log(2.0)),
        (stats.Normal(mu=5.0, sigma=3.0), NORMAL + math.log(3.0)),
        (stats.cauchy(), math.log(4.0 * math.pi)),
    ],
)
def test_distribution_by_its_closed_form(distribution: Any, expected: float) -> None:
    value, error = ce.differential_entropy(distribution, return_error=True)
    assert value == distribution.entropy()
    assert abs(value - expected) <= 4.0 * error
    assert error == 2.0**-52 * abs(value)


@pytest.mark.parametrize(
    ("distribution", "expected"),
    [
        (stats.levy(), 0.5 * (1.0 + 3.0 * np.euler_gamma + math.log(16.0 * math.pi))),
        (stats.levy_l(), 0.5 * (1.0 + 3.0 * np.euler_gamma + math.log(16.0 * math.pi))),
        (stats.skewnorm(0.0, 100.0, 1e-3), NORMAL + math.log(1e-3)),
        (stats.skewcauchy(0.0), math.log(4.0 * math.pi)),
        (stats.rice(0.0), 1.0 + 0.5 * (np.euler_gamma - math.log(2.0))),
        (stats.Mixture([stats.Uniform(a=0.0, b=1.0), stats.Uniform(a=1.0, b=3.0)]), 0.5 * math.log(8.0)),
        (stats.moyal(), 0.5 * (1.0 + np.euler_gamma + math.log(4.0 * math.pi))),
    ],
)
def test_distribution_without_a_closed_form_by_quadrature(distribution: Any, expected: float) -> None:
    value, error = ce.differential_entropy(distribution, return_error=True)
    assert abs(value - expected) <= error + 1e-9 * abs(expected)
    assert 0.0 < error <= 1.5e-8 * max(1.0, abs(value))


@pytest.mark.parametrize("shift", [0.0, -4.0])
@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_promise_5_scaling_adds_a_logarithm(shift: float, scale: float) -> None:
    density = stats.gamma(3.0, shift, scale).pdf
    value = ce.differential_entropy(density, support=(shift, shift + 60.0 * scale))
    assert value == pytest.approx(stats.gamma(3.0).entropy() + math.log(scale), abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_promise_5_samples_by_the_estimator_of_that_name(method: str) -> None:
    value = ce.differential_entropy(SAMPLES, method=method)
    np.testing.assert_array_equal(value, stats.differential_entropy(SAMPLES, axis=-1, method=method))
    assert np.abs(value - NORMAL).max() < 0.35
    np.testing.assert_array_equal(ce.differential_entropy(SAMPLES.T, method=method, axis=0), value)
    np.testing.assert_allclose(ce.differential_entropy(SAMPLES, method=method, base=2), value / math.log(2), rtol=1e-15)
    assert ce.differential_entropy(SAMPLES[0].tolist(), method=method) == pytest.approx(value[0], rel=1e-14)


def test_promise_5_docstring_lists_the_methods() -> None:
    text = inspect.getdoc(ce.differential_entropy)
    assert text is not None
    assert all(f'"{method}"' in text for method in METHODS)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_promises_19_and_22_samples_of_any_dtype_and_layout(dtype: str, layout: str) -> None:
    samples = SAMPLES[:, :20].astype(FLOATS[dtype])
    value = ce.differential_entropy(lay(samples, layout), method="vasicek")
    exact = ce.differential_entropy(samples.astype(np.float64), method="vasicek")
    expected = exact.astype(np.float64 if dtype == "float64" else np.float32)
    assert value.dtype == expected.dtype
    np.testing.assert_array_equal(value, expected)


def test_promise_22_no_rows_of_samples() -> None:
    assert ce.differential_entropy(np.empty((0, 5)), method="vasicek").shape == (0,)


def test_equal_samples_may_make_an_estimate_minus_infinity() -> None:
    assert ce.differential_entropy(np.ones(20), method="vasicek") == -math.inf


LIST = "'vasicek', 'van es', 'ebrahimi', 'correa', 'auto'"
NAME = "name the interval outside of which the density is 0, for example (-math.inf, math.inf)"
DENSITY = "correct the function, or the support it is given on"
MASS = "divide it by its integral, or correct the support: narrow peaks want a narrow one"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: ce.differential_entropy(SAMPLES),
            f"method: expected one of {LIST}, got None; pass one of these words",
        ),
        (
            lambda: ce.differential_entropy(SAMPLES, method="histogram"),
            f"method: expected one of {LIST}, got 'histogram'; pass one of these words",
        ),
        (
            lambda: ce.differential_entropy(SAMPLES, method="correa", return_error=True),
            "return_error: expected False for samples, got True; leave it out: these estimators state no error",
        ),
        (
            lambda: ce.differential_entropy(SAMPLES, method="correa", support=(0, 1)),
            "support: expected None for samples, got (0, 1); leave support out",
        ),
        (
            lambda: ce.differential_entropy(SAMPLES[:, :4], method="correa"),
            "source: expected at least 5 samples along axis 1, got 4; pass more samples, or another axis",
        ),
        (
            lambda: ce.differential_entropy([[0.0, 1.0, 2.0, 3.0, math.nan]], method="correa"),
            "source: expected finite samples, got nan at index (0, 4); remove or correct that sample",
        ),
        (
            lambda: ce.differential_entropy([0, 1, 2, 3, math.inf, 5], method="vasicek"),
            "source: expected finite samples, got inf at index 4; remove or correct that sample",
        ),
        (
            lambda: ce.differential_entropy(np.ones(20), method="correa"),
            "source: expected samples of a continuous distribution, for method 'correa', "
            "got so many equal ones that it is undefined; "
            "pass another method, or the counts to entropy with normalize=True",
        ),
        (
            lambda: ce.differential_entropy(bell),
            f"support: expected (lower, upper) with lower below upper, for a density, got None; {NAME}",
        ),
        (
            lambda: ce.differential_entropy(bell, support=(1.0, 0.0)),
            f"support: expected (lower, upper) with lower below upper, for a density, got (1.0, 0.0); {NAME}",
        ),
        (
            lambda: ce.differential_entropy(bell, support=(0.0, math.nan)),
            f"support: expected (lower, upper) with lower below upper, for a density, got (0.0, nan); {NAME}",
        ),
        (
            lambda: ce.differential_entropy(bell, support=INFINITE, method="vasicek"),
            "method: expected None for a density, got 'vasicek'; leave method out",
        ),
        (
            lambda: ce.differential_entropy(stats.norm(), support=INFINITE),
            "support: expected None for a distribution, which knows its own, got (-inf, inf); leave support out",
        ),
        (
            lambda: ce.differential_entropy(stats.norm(), method="auto"),
            "method: expected None for a distribution, got 'auto'; leave method out",
        ),
        (
            lambda: ce.differential_entropy(lambda x: x, support=(-2.0, -1.0)),
            f"source: expected a density, finite and at least 0, got -1.5 at x = -1.5; {DENSITY}",
        ),
        (
            lambda: ce.differential_entropy(lambda x: math.nan, support=(0.0, 1.0)),
            f"source: expected a density, finite and at least 0, got nan at x = 0.5; {DENSITY}",
        ),
        (
            lambda: ce.differential_entropy(lambda x: 1.0, support=(0.0, 2.0)),
            f"source: expected a density that integrates to 1 over its support (within 1.5e-08), got 2; {MASS}",
        ),
        (
            lambda: ce.differential_entropy(stats.norm(1e6, 1e-3).pdf, support=INFINITE),
            f"source: expected a density that integrates to 1 over its support (within 1.5e-08), got 0; {MASS}",
        ),
        (
            lambda: ce.differential_entropy(stats.norm([0.0, 1.0])),
            "source: expected one distribution, got 2 of them, in shape (2,); freeze each with scalar parameters",
        ),
        (
            lambda: ce.differential_entropy(stats.norm(scale=-1.0)),
            "source: expected a distribution with valid parameters, got one whose quantiles are NaN; "
            "correct its parameters",
        ),
        (
            lambda: ce.differential_entropy(stats.norm(), base=0.5),
            "base: expected a base above 1, got 0.5; pass 2 for bits, 10 for hartleys",
        ),
    ],
)
def test_promise_24_value_error(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


def test_promise_24_an_entropy_that_does_not_settle() -> None:
    message = (
        r"^source: expected a density whose entropy integral settles \(within 1\.5e-08\), "
        r"got -0\.3\d+ with an error estimate of 0\.\d+; "
        r"narrow the support to where the density is above 0, or use a closed form$"
    )
    with pytest.raises(ValueError, match=message):
        ce.differential_entropy(lambda x: 1.0 + math.sin(1e4 * math.pi * x), support=(0.0, 1.0))


FREEZE = "give it its parameters, for example scipy.stats.norm(0.0, 1.0)"


@pytest.mark.parametrize(
    ("source", "received"),
    [
        (stats.poisson(2.0), "a discrete one; pass its probabilities to entropy"),
        (stats.norm, f"one that is not frozen; {FREEZE}"),
        (stats.bernoulli, f"one that is not frozen; {FREEZE}"),
        (stats.multivariate_normal, f"one that is not frozen; {FREEZE}"),
    ],
)
def test_promise_24_other_distributions(source: Any, received: str) -> None:
    with pytest.raises(TypeError) as caught:
        ce.differential_entropy(source)
    assert str(caught.value) == f"source: expected a frozen continuous distribution, got {received}"


@pytest.mark.parametrize("source", ["numbers", None])
def test_promise_24_no_source_at_all(source: Any) -> None:
    with pytest.raises(TypeError, match=r"^source: expected real numbers"):
        ce.differential_entropy(source, method="vasicek")


@pytest.mark.parametrize("source", [bell, SAMPLES])
def test_without_scipy_an_import_error_says_what_to_install(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {"support": INFINITE} if callable(source) else {"method": "vasicek"}
    for module in ("scipy", "scipy.integrate", "scipy.stats"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError) as caught:
        ce.differential_entropy(source, **options)
    assert str(caught.value) == (
        "differential_entropy: expected scipy to integrate and estimate with, got none that can be imported; "
        'run pip install "crossentropy[scipy]"'
    )
