"""Turning what the caller passed into arrays and numbers, or into an error that says what to do (promise 24)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crossentropy._conventions import REDUCTIONS, is_supported_float, nats_per_unit, sum_tolerance

Array = NDArray[Any]

_CPU_DEVICES = (1, 3)  # DLPack's kDLCPU and kDLCUDAHost (pinned, readable by the CPU)


def sentence(argument: str, *, expected: str, received: str, remedy: str) -> str:
    """The one form of every message: argument, expected, received, what to do."""
    return f"{argument}: expected {expected}, got {received}; {remedy}"


def as_array(argument: str, value: Any) -> Array:
    """Any array-like, or DLPack tensor on the CPU, as a NumPy array in native byte order, copied only if it must be."""
    array = value if isinstance(value, np.ndarray) else _from_elsewhere(argument, value)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return array


def _from_elsewhere(argument: str, value: Any) -> Array:
    if hasattr(value, "__dlpack_device__") and not isinstance(value, np.generic):
        device = int(value.__dlpack_device__()[0])
        if device not in _CPU_DEVICES:
            raise TypeError(
                sentence(
                    argument,
                    expected="an array on the CPU",
                    received=f"{type(value).__name__} on DLPack device type {device}",
                    remedy="move it to the CPU first",
                )
            )
        try:
            return np.from_dlpack(value)
        except (BufferError, RuntimeError, TypeError):
            pass  # a dtype or a read-only flag that DLPack has no word for: the array protocol may still take it
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            sentence(
                argument,
                expected="an array-like of numbers",
                received=f"{type(value).__name__}, which NumPy cannot convert ({error})",
                remedy="pass a rectangular list, an array or a CPU tensor",
            )
        ) from error


def as_floats(argument: str, value: Any) -> Array:
    """Real numbers as float16, bfloat16, float32 or float64; integers and bools become float64 (promise 22)."""
    array = as_array(argument, value)
    if is_supported_float(array.dtype):
        return array
    if array.dtype.kind in "iub" or (array.size == 0 and array.dtype.kind == "f"):
        return array.astype(np.float64)
    raise TypeError(
        sentence(
            argument,
            expected="real numbers (float16, bfloat16, float32, float64, integers)",
            received=f"dtype {array.dtype}",
            remedy="convert it, for example with .astype('float64')",
        )
    )


def as_axis(axis: Any, ndim: int, argument: str) -> int:
    """A valid axis of ``argument``, made non-negative."""
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(
            sentence("axis", expected="an integer", received=repr(axis), remedy="name one axis of the array")
        )
    if ndim == 0 or not -ndim <= axis < ndim:
        raise ValueError(
            sentence(
                "axis",
                expected=f"an axis of {argument}, which has {ndim} dimension{'' if ndim == 1 else 's'}",
                received=str(axis),
                remedy="pass an array with that axis, or an axis in range",
            )
        )
    return int(axis) % ndim


def axis_last(array: Array, axis: int) -> Array:
    """A view with ``axis`` (non-negative) moved to the end."""
    return array if axis == array.ndim - 1 else np.moveaxis(array, axis, -1)


def as_number(
    argument: str,
    value: Any,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    at_most: float = math.inf,
) -> float:
    """A finite real number within bounds."""
    if type(value) is float and above < value < math.inf and at_least <= value <= at_most and value > -math.inf:
        return value  # as nearly always
    number = float(value) if isinstance(value, int | float | np.integer | np.floating) else math.nan
    if type(value) is not bool and math.isfinite(number) and above < number and at_least <= number <= at_most:
        return number
    bounds = []
    if above > -math.inf:
        bounds.append(f"above {above:g}")
    if at_least > -math.inf:
        bounds.append(f"at least {at_least:g}")
    if at_most < math.inf:
        bounds.append(f"at most {at_most:g}")
    expected = "a finite number" + (" " + " and ".join(bounds) if bounds else "")
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    raise (ValueError if is_number else TypeError)(
        sentence(argument, expected=expected, received=repr(value), remedy="pass one such number")
    )


def as_count(argument: str, value: Any, *, at_least: int) -> int:
    """An integer of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < at_least:
        raise (ValueError if isinstance(value, int | np.integer) and not isinstance(value, bool) else TypeError)(
            sentence(
                argument,
                expected=f"an integer of at least {at_least}",
                received=repr(value),
                remedy="pass one such number",
            )
        )
    return int(value)


def as_base(base: Any) -> float:
    """Nats per unit of a logarithm's base."""
    if base is None:
        return 1.0
    number = as_number("base", base, above=0.0)
    if number == 1.0:
        raise ValueError(
            sentence("base", expected="a base other than 1", received="1", remedy="pass 2 for bits, 10 for hartleys")
        )
    if number < 1.0:  # would turn every measure negative
        raise ValueError(
            sentence("base", expected="a base above 1", received=repr(base), remedy="pass 2 for bits, 10 for hartleys")
        )
    return nats_per_unit(number)


def as_choice(argument: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of a closed list of words."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            sentence(
                argument,
                expected="one of " + ", ".join(repr(choice) for choice in choices),
                received=repr(value),
                remedy="pass one of these words",
            )
        )
    return value


def as_reduction(reduction: Any) -> str:
    return as_choice("reduction", reduction, REDUCTIONS)


def check_shape(argument: str, shape: tuple[int, ...], expected: tuple[int, ...], meaning: str) -> None:
    """``argument`` must have exactly this shape; ``meaning`` says where the shape comes from."""
    if shape != expected:
        raise ValueError(
            sentence(
                argument,
                expected=f"shape {expected} ({meaning})",
                received=f"shape {shape}",
                remedy="reshape or broadcast it yourself, so that nothing is paired by accident",
            )
        )


def check_rows_sum_to_one(argument: str, rows: Array, sums: NDArray[np.float64], remedy: str) -> None:
    """``rows`` (…, K) must be distributions; ``sums`` (…) their sums, or NaN where an entry is negative or NaN."""
    tolerance = sum_tolerance(rows.dtype)
    wrong = ~(np.abs(sums - 1.0) <= tolerance)
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise not_a_distribution(argument, rows[where], where, remedy)


def not_a_distribution(
    argument: str, row: Array, where: tuple[int, ...], remedy: str, *, at_most: bool = False
) -> ValueError:
    """The error for one row (K,) at index ``where`` that is no distribution: names the row, its entry or its sum.

    ``at_most``: the row may also sum to less than 1.
    """
    values = row.astype(np.float64)
    place = argument if not where else f"{argument}, row {where[0] if len(where) == 1 else where}"
    bad = ~(values >= 0.0)
    if bad.any():
        first = int(np.argmax(bad))
        expected, received = "probabilities of at least 0", f"{values[first]:.6g} at class {first}"
        remedy = "remove or correct that entry"
    else:
        tolerance = sum_tolerance(row.dtype)
        total = "at most 1" if at_most else "1"
        expected, received = (
            f"probabilities that sum to {total} (within {tolerance:.2g})",
            f"a sum of {values.sum():.9g}",
        )
    return ValueError(sentence(place, expected=expected, received=received, remedy=remedy))
