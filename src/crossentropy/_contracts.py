"""What a loss promises, as data: validation, docs and tests read it, so that a new loss is covered once registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

Domain = Literal["logits", "probabilities", "log-probabilities", "scores", "real numbers"]
TargetKind = Literal["index", "soft", "sparse", "binary", "sign", "real"]

#: Greatest error of a value or gradient, in units in the last place of the result's dtype (promise 20).
VALUE_ULP = GRADIENT_ULP = 4.0
#: The same for Hessian–vector products and Hessian diagonals, in ULP of the largest term of the row.
HESSIAN_ULP = 32.0


class Contract(NamedTuple):
    """What a loss takes and promises."""

    name: str
    arguments: tuple[str, str]
    formula: str
    domain: Domain
    target_kinds: tuple[TargetKind, ...]
    options: Mapping[str, Any]
    value_ulp: float = VALUE_ULP
    gradient_ulp: float = GRADIENT_ULP
    hessian_ulp: float = HESSIAN_ULP
