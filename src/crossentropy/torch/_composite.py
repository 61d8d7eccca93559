"""Every loss in PyTorch's own operations: any device, derivatives of any order in whatever is a float.

Computed in float64 on the CPU, elsewhere in float32 (in float64 for float64). Two habits keep infinities out of the
gradients: what is not to be used is replaced before it is computed with, not after; and what a row drops never enters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from crossentropy.torch import _composite_elements as elements
from crossentropy.torch import _composite_rows as rows
from crossentropy.torch._calls import TENSORS, Call, loss_dtype
from crossentropy.torch._composite_checks import check

Tensor = torch.Tensor

#: Each takes predictions in the working dtype, the call and its other tensors by name; returns losses and weights.
_FAMILIES: dict[str, Callable[[Tensor, Call, dict[str, Tensor]], tuple[Tensor, Tensor]]] = {
    "softmax_cross_entropy": rows.softmax_cross_entropy,
    "softmax_kl_divergence": rows.softmax_kl_divergence,
    "categorical_cross_entropy": rows.categorical_cross_entropy,
    "negative_log_likelihood": rows.negative_log_likelihood,
    "sigmoid_cross_entropy": elements.sigmoid_cross_entropy,
    "binary_cross_entropy": elements.binary_cross_entropy,
    "soft_margin": elements.soft_margin,
    "multilabel_soft_margin": elements.multilabel_soft_margin,
    "mean_squared_error": elements.mean_squared_error,
}


@torch.compiler.allow_in_graph
def value(predictions: Tensor, *rest: Any) -> tuple[Tensor, Tensor]:
    """The value and the sum of row weights; the arguments are those of the operator ``crossentropy::value``."""
    *tensors, text = rest
    call = Call.parse(text)
    check(call, predictions, tensors)
    given = {name: tensor for name, tensor in zip(TENSORS, tensors, strict=True) if tensor is not None}
    losses, weights = _FAMILIES[call.loss](predictions.to(working_dtype(predictions)), call, given)
    return reduced(losses, weights, call, loss_dtype(predictions))


def reduced(losses: Tensor, weights: Tensor, call: Call, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The value and the sum of row weights."""
    found, weight = losses, weights.sum()
    if call.option("reduction") != "none":
        found = losses.sum()
    if call.option("reduction") == "mean":
        found = _mean(found, weight, call)
    return found.to(dtype), weight


def _mean(total: Tensor, weight: Tensor, call: Call) -> Tensor:
    if call.option("normalizer") is not None:
        quotient: Tensor = total / call.option("normalizer")
        return quotient
    nothing, of_nothing = weight == 0.0, call.option("empty")
    mean = total / torch.where(nothing, 1.0, weight)
    return torch.where(nothing, float("nan") if of_nothing is None else of_nothing, mean)


def working_dtype(predictions: Tensor) -> torch.dtype:
    """What everything is computed in."""
    near = predictions.device.type in ("cpu", "meta")
    return torch.float64 if near or loss_dtype(predictions) is torch.float64 else torch.float32
