"""Heads on tensors: the library's, PyTorch's two ways, and the bare matrix products, which are the floor of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Array, Inputs, Sample
from crossentropy.torch._tensors import as_array, from_array

CHUNKED = "PyTorch, in chunks"
#: Rows × classes × width beyond which PyTorch's chunks would take minutes.
_LARGEST = 10**11


def ours(name: str, case: Case, inputs: Inputs) -> Contestant:
    """The library's head, under the name that it has among contestants."""
    import crossentropy.torch as ct

    options = {"filter_eps": inputs.options["filter_eps"]} if case.option else {}
    return _contestant(name, case, inputs, lambda *xwy: ct.linear_softmax_cross_entropy(*xwy, **options))


def peers(case: Case, inputs: Inputs, *, eager: str, floor: str) -> list[Contestant]:
    """PyTorch's linear layer and loss; its head in chunks; one product for the value, three with the gradients."""
    import torch
    from torch.nn.functional import cross_entropy, linear, linear_cross_entropy

    def unfused(x: Any, w: Any, y: Any) -> Any:
        return cross_entropy(linear(x, w), y)

    def chunked(x: Any, w: Any, y: Any) -> Any:
        return linear_cross_entropy(x, w, y, options=torch.nn.LinearCrossEntropyOptions())

    found = [_contestant(eager, case, inputs, unfused)]
    if np.prod(case.shape, dtype=float) < _LARGEST and case.wants != "value":
        found.append(_contestant(CHUNKED, case, inputs, chunked))
    return [*found, Contestant(floor, _products(case, inputs))]


def sampled_classes(labels: Array) -> Array:
    """The classes on which errors of the weight's gradient are measured."""
    return np.union1d(labels, np.arange(20))


def _contestant(name: str, case: Case, inputs: Inputs, loss: Callable[[Any, Any, Any], Any]) -> Contestant:
    import torch

    x, w, y = from_array(inputs.predictions), from_array(inputs.options["weight"]), torch.from_numpy(inputs.targets)

    def value() -> Any:
        with torch.no_grad():
            return loss(x, w, y)

    def gradients(x: Any = x, y: Any = y) -> tuple[Any, Any]:
        leaves = x.detach().requires_grad_(), w.detach().requires_grad_()
        loss(*leaves, y).backward()
        return leaves[0].grad, leaves[1].grad

    def outcome(sample: Sample) -> Outcome:
        """Of the sample's rows alone."""
        rows = from_array(sample(inputs.predictions)), torch.from_numpy(sample(inputs.targets))
        losses = [loss(row[None], w, label[None]).detach() for row, label in zip(*rows, strict=True)]
        values = as_array(torch.stack(losses).to(x.dtype))
        if case.wants == "value":
            return Outcome(values)
        of_features, of_weight = gradients(*rows)
        parts = as_array(of_features), as_array(of_weight[torch.from_numpy(sampled_classes(sample(inputs.targets)))])
        return Outcome(values, np.concatenate([part.ravel() for part in parts]))

    return Contestant(name, value if case.wants == "value" else gradients, outcome)


def _products(case: Case, inputs: Inputs) -> Callable[[], Any]:
    import torch

    x, w = from_array(inputs.predictions), from_array(inputs.options["weight"])
    logits, of_x, of_w = x.new_empty(len(x), len(w)), torch.empty_like(x), torch.empty_like(w)

    def products() -> None:
        torch.mm(x, w.T, out=logits)
        if case.wants != "value":
            torch.mm(logits, w, out=of_x)
            torch.mm(logits.T, x, out=of_w)

    return products
