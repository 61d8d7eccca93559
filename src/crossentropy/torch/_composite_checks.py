"""What the composite refuses: what the native core refuses, in its words wherever it can look at the numbers.

Shapes, dtypes and options are always checked in words. The numbers of tensors on the CPU are, too: the native core runs
over them first. So they are on other devices inside ``crossentropy.checked()``, which copies them. Outside it, and in
what torch.compile traces, an assertion runs along with the computation (``torch._assert_async``), without waiting for
it; its message names the argument, not the row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from crossentropy._checked import is_checked
from crossentropy._conventions import sum_tolerance
from crossentropy._loss import LOSSES
from crossentropy._targets import SparseTargets
from crossentropy._validation import sentence
from crossentropy.torch._calls import TENSORS, Call
from crossentropy.torch._functions import Value
from crossentropy.torch._tensors import Array, array_dtype, is_traced

Tensor = torch.Tensor


def check(call: Call, predictions: Tensor, tensors: Sequence[Tensor | None]) -> None:
    """Raise what the native core raises, or see to it that a wrong number stops the computation."""
    given = {name: tensor for name, tensor in zip(TENSORS, tensors, strict=True) if tensor is not None}
    if can_look(predictions):
        Value.apply(*(t if t is None else t.detach().cpu() for t in (predictions, *tensors)), call)
        return
    _check_shapes(call, predictions, dict(given))
    if predictions.device.type != "meta":
        assert_numbers(call, predictions, given)


def can_look(predictions: Tensor) -> bool:
    """Whether the numbers of tensors on this one's device are looked at before they are computed with."""
    return predictions.device.type != "meta" and not is_traced() and (_is_near(predictions) or is_checked())


def assert_numbers(call: Call, predictions: Tensor, given: dict[str, Tensor]) -> None:
    """See to it that a wrong number stops the computation, without waiting for it."""
    for name, fine, expected in _conditions(call, predictions, given):
        remedy = 'call it on the CPU, or inside "with crossentropy.checked():", to learn which'
        message = sentence(name, expected=expected, received="other numbers", remedy=remedy)
        torch._assert_async(fine.all(), message)


def _is_near(predictions: Tensor) -> bool:
    return predictions.device.type == "cpu"


def _check_shapes(call: Call, predictions: Tensor, given: dict[str, Any]) -> None:
    """The checks of the losses on arrays, on arrays of 1 that take no memory."""
    options = dict(call.options)
    tail = options.pop("tail", None)
    arrays = {name: ones(tensor) for name, tensor in given.items()}
    targets: Any = arrays.pop("targets")
    if tail is not None:
        targets = SparseTargets(targets, arrays.pop("probabilities"), tail=tail)
    LOSSES[call.loss]._problem((ones(predictions), targets), options | arrays)


def ones(tensor: Tensor) -> Array:
    """An array of the tensor's shape and dtype that takes no memory."""
    return np.broadcast_to(np.ones((), array_dtype(tensor)), tuple(int(size) for size in tensor.shape))


def _conditions(call: Call, predictions: Tensor, given: dict[str, Tensor]) -> Iterator[tuple[str, Tensor, str]]:
    """The argument, where its numbers are fine, and what is expected of them."""
    contract = LOSSES[call.loss].contract
    (name, of_targets), targets = contract.arguments, given["targets"]
    for weight in ("class_weight", "pos_weight", "sample_weight"):
        if weight in given:
            fine = (given[weight] >= 0) & given[weight].isfinite()
            yield weight, fine, "finite weights of at least 0"
    if "binary" in contract.target_kinds:
        yield of_targets, (targets >= 0) & (targets <= 1), "targets in [0, 1]"
    elif "sign" in contract.target_kinds:
        yield of_targets, targets.abs() == 1, "signs -1 or +1"
    elif "index" in contract.target_kinds:
        yield from _of_rows(call, predictions, given)
    if call.loss == "binary_cross_entropy":
        yield name, (predictions >= 0) & (predictions <= 1), "probabilities in [0, 1]"


def _of_rows(call: Call, predictions: Tensor, given: dict[str, Tensor]) -> Iterator[tuple[str, Tensor, str]]:
    (name, of_targets), targets = LOSSES[call.loss].contract.arguments, given["targets"]
    at, dropped = call.axis or 0, torch.zeros((), dtype=torch.bool, device=predictions.device)
    if "sample_weight" in given:
        dropped = given["sample_weight"] == 0
    if "probabilities" in given:
        p, indices = (given[key].movedim(at, -1) for key in ("probabilities", "targets"))
        whole = call.option("tail") == "uniform" and p.shape[-1] == predictions.shape[at]
        yield f"{of_targets}.probabilities", dropped | _sums_to_one(p, at_most=not whole), "distributions"
        inside = ((indices >= 0) & (indices < predictions.shape[at])).all(-1)
        ordered = indices.sort(-1).values
        once = (ordered[..., 1:] != ordered[..., :-1]).all(-1)
        yield f"{of_targets}.indices", dropped | (inside & once), f"class indices in [0, {predictions.shape[at]}), once"
    elif targets.is_floating_point():
        yield of_targets, dropped | _sums_to_one(targets.movedim(at, -1)), "distributions"
    else:
        classes = predictions.shape[at]
        if call.option("ignore_index") is not None:
            dropped = dropped | (targets == call.option("ignore_index"))
        yield of_targets, dropped | ((targets >= 0) & (targets < classes)), f"class indices in [0, {classes})"
    rows = predictions.movedim(at, -1)
    if call.loss == "categorical_cross_entropy":
        yield name, dropped | _sums_to_one(rows), "distributions"
    if call.loss == "negative_log_likelihood":
        mass = rows.double().exp().sum(-1)
        fine = (mass - 1.0).abs() <= sum_tolerance(array_dtype(rows))
        yield name, dropped | fine, "log-probabilities whose exponentials sum to 1"


def _sums_to_one(p: Tensor, *, at_most: bool = False) -> Tensor:
    excess = p.double().sum(-1) - 1.0
    return (p >= 0).all(-1) & ((excess if at_most else excess.abs()) <= sum_tolerance(array_dtype(p)))
