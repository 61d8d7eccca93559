"""Differential entropy: of distributions by their formula, of densities by quadrature, of samples by an estimator."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from crossentropy._conventions import EPSILON, rounded, sum_tolerance
from crossentropy._measure_inputs import measure_dtype
from crossentropy._validation import as_axis, as_base, as_choice, as_floats, sentence

METHODS = ("vasicek", "van es", "ebrahimi", "correa", "auto")

_TOLERANCE = sum_tolerance(np.dtype(np.float64))
_FEWEST_SAMPLES = 5  # below that, the windows of scipy's estimators do not fit
_QUANTILES = (0.0, 0.001, 0.1, 0.5, 0.9, 0.999, 1.0)  # a distribution is integrated piece by piece between these


class _Piece(NamedTuple):
    """Part of a support, and the length that it is measured in."""

    lower: float
    upper: float
    unit: float


class _Integral(NamedTuple):
    value: float
    error: float


def differential_entropy(
    source: Any,
    *,
    support: tuple[float, float] | None = None,
    base: float | None = None,
    method: str | None = None,
    axis: int = -1,
    return_error: bool = False,
) -> Any:
    """Differential entropy of a continuous distribution, of a density, or estimated from samples.

    ``h = -∫ f(x) log f(x) dx`` with 0 log 0 = 0. Unlike entropy it may be negative, and it depends on the unit of x:
    h(c·x) = h(x) + log |c|.

    Args:
        source: one of
            a frozen continuous scipy distribution: its closed form where it has one, else quadrature;
            a density f, a function of one number, with ``support``: quadrature;
            samples, an array of real numbers, with ``method``: scipy's estimator of that name.
        support: (lower, upper), both may be infinite, outside of which the density is 0; for densities only.
        base: unit of the result: None for nats, 2 for bits, 10 for hartleys; above 1.
        method: "vasicek", "van es", "ebrahimi", "correa" or "auto" (chosen by the number of samples); for samples only,
            where it has to be named, because the estimates differ. Equal samples may make them -inf.
        axis: the axis of the samples; at least 5 along it.
        return_error: also return an estimate of the absolute error: that of the quadrature, or the rounding of a closed
            form. Samples have none.

    Returns:
        float64, or ``(value, error)``; for samples their shape without ``axis``, float32 unless they are float64 or
        integers.

    Accuracy: the error estimate of a quadrature is usually far too large; a result that may be off by more than 1.5e-8
    (relative, for entropies above 1) is refused.

    Raises:
        ValueError: a density that is negative or NaN somewhere or does not integrate to 1 within 1.5e-8; an integral
            that does not settle; samples too few or not finite; an argument that does not belong to the source.
        TypeError: a source of none of these kinds.
        ImportError: scipy is not installed.

    Example:
        >>> import crossentropy as ce
        >>> print(ce.differential_entropy(lambda x: 2.0, support=(0.0, 0.5)).round(6))
        -0.693147
        >>> from scipy.stats import norm
        >>> print(ce.differential_entropy(norm()).round(6), ce.differential_entropy(norm(), base=2).round(6))
        1.418939 2.047096
        >>> print(ce.differential_entropy([0.1, 0.4, 0.5, 0.9, 1.3, 1.4], method="vasicek").round(6))
        0.112862

    Source: Shannon, "A mathematical theory of communication", 1948; Vasicek, "A test for normality based on sample
    entropy", 1976.
    """
    unit = as_base(base)
    if _is_distribution(source):
        _refuse("support", support, "a distribution, which knows its own")
        _refuse("method", method, "a distribution")
        result = _of_distribution(source)
    elif callable(source):
        _refuse("method", method, "a density")
        result = _of_density(_checked(source), [_Piece(*_support(support), 1.0)])
    else:
        _refuse("support", support, "samples")
        if return_error:
            raise ValueError(
                sentence(
                    "return_error",
                    expected="False for samples",
                    received="True",
                    remedy="leave it out: these estimators state no error",
                )
            )
        return _of_samples(source, method, axis, unit)
    value, error = (np.float64(nats / unit) for nats in result)
    return (value, error) if return_error else value


def _is_distribution(source: Any) -> bool:
    """Whether this is a frozen continuous distribution; an error where it is one of another kind."""
    if not (hasattr(source, "entropy") and (hasattr(source, "pdf") or hasattr(source, "pmf"))):
        return False
    if callable(source):
        received, remedy = "one that is not frozen", "give it its parameters, for example scipy.stats.norm(0.0, 1.0)"
    elif not hasattr(source, "pdf") or "DiscreteDistribution" in (kind.__name__ for kind in type(source).__mro__):
        received, remedy = "a discrete one", "pass its probabilities to entropy"
    else:
        return True
    raise TypeError(sentence("source", expected="a frozen continuous distribution", received=received, remedy=remedy))


def _of_distribution(source: Any) -> _Integral:
    value = _closed_form(source)
    if value is not None:
        return _Integral(value, EPSILON["float64"] * abs(value))
    quantile = source.icdf if hasattr(source, "icdf") else source.ppf
    edges = [float(quantile(probability)) for probability in _QUANTILES]
    if any(math.isnan(edge) for edge in edges):
        raise ValueError(
            sentence(
                "source",
                expected="a distribution with valid parameters",
                received="one whose quantiles are NaN",
                remedy="correct its parameters",
            )
        )
    middle = edges[len(edges) // 2]
    pieces = [_Piece(lower, upper, _unit(lower, upper, middle)) for lower, upper in pairwise(edges)]
    return _of_density(_checked(np.errstate(all="ignore")(source.pdf)), pieces)


def _unit(lower: float, upper: float, middle: float) -> float:
    """A length to measure an unbounded piece in, so that heavy and light tails look alike to the quadrature."""
    if math.isinf(upper):
        return lower - middle
    return middle - upper if math.isinf(lower) else 1.0


def _closed_form(source: Any) -> float | None:
    """The distribution's own entropy; None where scipy would only integrate, without saying how well, or finds none."""
    formula: dict[str, str] = {}
    if hasattr(source, "dist"):
        if type(source.dist)._entropy is _scipy("stats").rv_continuous._entropy:
            return None
    elif hasattr(source, "icdf"):  # the newer kind of distribution, which has to be told not to integrate
        formula = {"method": "formula"}
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(source.entropy(**formula), dtype=np.float64)
    except NotImplementedError:
        return None
    if value.ndim > 0:
        raise ValueError(
            sentence(
                "source",
                expected="one distribution",
                received=f"{value.size} of them, in shape {value.shape}",
                remedy="freeze each with scalar parameters",
            )
        )
    return float(value) if np.isfinite(value) else None


def _support(support: Any) -> tuple[float, float]:
    try:
        lower, upper = (float(bound) for bound in support)
        good = lower < upper
    except (TypeError, ValueError):
        good = False
    if not good:
        raise ValueError(
            sentence(
                "support",
                expected="(lower, upper) with lower below upper, for a density",
                received=repr(support),
                remedy="name the interval outside of which the density is 0, for example (-math.inf, math.inf)",
            )
        )
    return lower, upper


def _checked(density: Callable[[float], Any]) -> Callable[[float], float]:
    """The density as a float, or an error where it is none."""

    def checked(x: float) -> float:
        value = float(np.asarray(density(x)).item())
        if not 0.0 <= value < math.inf:
            raise ValueError(
                sentence(
                    "source",
                    expected="a density, finite and at least 0",
                    received=f"{value:.6g} at x = {x:.9g}",
                    remedy="correct the function, or the support it is given on",
                )
            )
        return value

    return checked


def _of_density(density: Callable[[float], float], pieces: list[_Piece]) -> _Integral:
    def cost(x: float) -> float:
        f = density(x)
        return 0.0 if f == 0.0 else -f * math.log(f)

    mass = _integral(density, pieces)
    if not abs(mass.value - 1.0) <= _TOLERANCE + mass.error:
        raise ValueError(
            sentence(
                "source",
                expected=f"a density that integrates to 1 over its support (within {_TOLERANCE:.2g})",
                received=f"{mass.value:.9g}",
                remedy="divide it by its integral, or correct the support: narrow peaks want a narrow one",
            )
        )
    result = _integral(cost, pieces)
    if not result.error <= _TOLERANCE * max(1.0, abs(result.value)):
        raise ValueError(
            sentence(
                "source",
                expected=f"a density whose entropy integral settles (within {_TOLERANCE:.2g})",
                received=f"{result.value:.9g} with an error estimate of {result.error:.2g}",
                remedy="narrow the support to where the density is above 0, or use a closed form",
            )
        )
    return result


def _integral(function: Callable[[float], float], pieces: list[_Piece]) -> _Integral:
    quad = _scipy("integrate").quad
    value, error = [], []
    for lower, upper, unit in pieces:
        # With full_output, quad returns what it has to say instead of warning; its error estimate tells as much.
        found = quad(
            lambda x, unit=unit: unit * function(unit * x),
            lower / unit,
            upper / unit,
            epsabs=1e-13,
            epsrel=1e-11,
            limit=200,
            full_output=1,
        )
        value.append(found[0])
        error.append(found[1])
    return _Integral(math.fsum(value), math.fsum(error))


def _of_samples(source: Any, method: str | None, axis: int, unit: float) -> Any:
    method = as_choice("method", method, METHODS)
    samples = as_floats("source", source)
    axis = as_axis(axis, samples.ndim, "source")
    if samples.shape[axis] < _FEWEST_SAMPLES:
        raise ValueError(
            sentence(
                "source",
                expected=f"at least {_FEWEST_SAMPLES} samples along axis {axis}",
                received=str(samples.shape[axis]),
                remedy="pass more samples, or another axis",
            )
        )
    values = np.ascontiguousarray(np.moveaxis(samples, axis, -1), dtype=np.float64)
    if not np.isfinite(values).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(samples.astype(np.float64)))[0])
        raise ValueError(
            sentence(
                "source",
                expected="finite samples",
                received=f"{float(samples[where]):.6g} at index {where[0] if len(where) == 1 else where}",
                remedy="remove or correct that sample",
            )
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        nats = np.asarray(_scipy("stats").differential_entropy(values, method=method, axis=-1))
    if np.isnan(nats).any():
        raise ValueError(
            sentence(
                "source",
                expected=f"samples of a continuous distribution, for method {method!r}",
                received="so many equal ones that it is undefined",
                remedy="pass another method, or the counts to entropy with normalize=True",
            )
        )
    return rounded(nats / unit, measure_dtype(samples))


def _refuse(argument: str, value: Any, source: str) -> None:
    if value is not None:
        raise ValueError(
            sentence(argument, expected=f"None for {source}", received=repr(value), remedy=f"leave {argument} out")
        )


def _scipy(module: str) -> ModuleType:
    try:
        return import_module(f"scipy.{module}")
    except ImportError as error:
        raise ImportError(
            sentence(
                "differential_entropy",
                expected="scipy to integrate and estimate with",
                received="none that can be imported",
                remedy='run pip install "crossentropy[scipy]"',
            )
        ) from error
