"""How numbers and units are written in a derivation."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def written(value: float) -> str:
    """Six decimals, or five significant digits where six decimals would hide the number."""
    if value == 0.0:
        return "0.000000"  # also for -0.0
    if not math.isfinite(value) or 1e-4 <= abs(value) < 1e6:
        return f"{value:.6f}"
    return f"{value:.4e}"


def floats(row: NDArray[np.float64]) -> tuple[float, ...]:
    """A row as Python floats, without negative zeros."""
    return tuple(float(value) + 0.0 for value in row)


def unit_name(base: float | None) -> str:
    """The name of one unit of a logarithm's base."""
    if base is None or base == math.e:
        return "nats"
    return {2.0: "bits", 10.0: "hartleys"}.get(base, f"units of base {base:g}")


def logarithm(base: float | None) -> str:
    """The logarithm's name in a formula: log, log₂, log₁₀."""
    return "log" if unit_name(base) == "nats" else "log" + f"{base:g}".translate(_SUBSCRIPTS)


def per_unit(base: float | None) -> str:
    """What a formula in nats is divided by, written out; nothing for nats."""
    return "" if unit_name(base) == "nats" else f" / log {base:g}"
