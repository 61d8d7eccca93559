"""The table of functions, from what they declare."""

from __future__ import annotations

from inspect import signature
from typing import Any

import crossentropy as ce
from benchmarks.documents._blocks import table as markdown
from crossentropy._heads import LinearLoss
from crossentropy._loss import Loss

_TARGETS = {
    "index": "class index, one-hot",
    "soft": "soft",
    "sparse": "sparse top-k",
    "binary": "0/1",
    "sign": "−1/+1",
    "real": "numbers",
}
#: Public names that compute nothing.
NO_FUNCTIONS = ("SparseTargets", *ce.__all__[ce.__all__.index("checked") :])  # and the choices and facts at the end


def table() -> str:
    """Losses, heads, activations, measures: input, targets, and what each computes."""
    headings = ["function", "of", "targets", "value", "gradient", "Hessian"]
    return markdown(headings, [_row(name) for name in ce.__all__ if name not in NO_FUNCTIONS])


def _row(name: str) -> list[str]:
    function: Any = getattr(ce, name)
    if isinstance(function, Loss):
        kinds = ", ".join(_TARGETS[kind] for kind in function.contract.target_kinds)
        return [
            f"`{name}`",
            function.contract.domain,
            kinds,
            "✓",
            _methods(function, "value_and_grad"),
            _methods(function, "hvp", "hessian_diagonal"),
        ]
    if isinstance(function, LinearLoss):
        kinds = ", ".join(_TARGETS[kind] for kind in ce.softmax_cross_entropy.contract.target_kinds)
        return [f"`{name}`", "features", kinds, "✓", _methods(function, "value_and_grad"), _methods(function, "hvp")]
    if hasattr(function, "vjp"):
        return [f"`{name}`", "logits", "", "✓", _methods(function, "vjp", "derivative", "jacobian"), ""]
    return [f"`{name}`", _measured(function), "", "✓", "", ""]


def _methods(function: Any, *names: str) -> str:
    return ", ".join(f"`.{name}`" for name in names if hasattr(function, name))


def _measured(function: Any) -> str:
    """What a measure is of, by its first argument."""
    first = next(iter(signature(function).parameters))
    return {"joint": "joint tables", "source": "densities, samples"}.get(first, "distributions")
