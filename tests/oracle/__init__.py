"""Frozen tables of exact results, each beside the mpmath program that wrote it.

``load("losses")`` and ``load("activations")`` read them; ``python -m tests.oracle.losses`` and
``python -m tests.oracle.activations``, run at the root of the repository, write them anew (minutes).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FOLDER = Path(__file__).parent
_DIGITS = Context(prec=60)


@dataclass(frozen=True, eq=False)
class Exact:
    """A result to 26 digits: high + low, and the power of two at or below the larger of its terms."""

    high: Array
    low: Array
    scale: Array

    @property
    def pair(self) -> tuple[Array, Array]:
        return self.high, self.low


@dataclass(frozen=True, eq=False)
class Case:
    """One call of a function and every result of it.

    A loss has the inputs predictions, targets (dense) and v, and the results value, gradient, hvp, hessian_diagonal and
    weight; an activation has the inputs z and cotangent, and the results value, vjp and derivative or jacobian.
    """

    name: str
    function: str
    dtype: str  # "float32" or "float64": the narrowest that holds all inputs exactly
    inputs: Mapping[str, Array]
    options: Mapping[str, Any]
    results: Mapping[str, Exact]

    def __str__(self) -> str:
        return f"{self.function}: {self.name}"


def load(table: str) -> list[Case]:
    """The cases of one table, which may lie in several files."""
    files = sorted(_FOLDER.glob(f"{table}*.json"))
    if not files:
        raise FileNotFoundError(f"no table {table!r} in {_FOLDER}")
    entries = [entry for file in files for entry in json.loads(file.read_text(encoding="utf-8"))["cases"]]
    return [
        Case(
            name=entry["name"],
            function=entry["function"],
            dtype=entry["dtype"],
            inputs={name: _floats(value) for name, value in entry["inputs"].items()},
            options={name: _option(value) for name, value in entry["options"].items()},
            results={name: _parsed(value["digits"], value["exponent"]) for name, value in entry["results"].items()},
        )
        for entry in entries
    ]


def _floats(value: Any) -> Array:
    return np.vectorize(float.fromhex, otypes=[np.float64])(np.array(value, dtype=object))


def _option(value: Any) -> Any:
    if isinstance(value, str):
        return float.fromhex(value)
    return np.array(value) if isinstance(value[0], bool) else _floats(value)


def _parsed(digits: Any, exponent: Any) -> Exact:
    text = np.array(digits, dtype=object)
    return Exact(
        high=np.vectorize(float, otypes=[np.float64])(text),
        low=np.vectorize(_remainder, otypes=[np.float64])(text),
        scale=np.ldexp(1.0, np.array(exponent)),
    )


def _remainder(text: str) -> float:
    high = Decimal(float(text))
    return float(_DIGITS.subtract(Decimal(text), high)) if high.is_finite() else 0.0
