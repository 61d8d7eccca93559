"""The modules under PyTorch's names: all but the forward pass is PyTorch's."""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
import torch

from crossentropy.torch import functional, nn
from tests.torch.drop_in_calls import CALLS, Call, arguments, differentiated

Tensor = torch.Tensor
FUNCTIONS = {
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "CrossEntropyLoss": "cross_entropy",
    "KLDivLoss": "kl_div",
    "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
    "NLLLoss": "nll_loss",
    "SoftMarginLoss": "soft_margin_loss",
}
MODULES = list(FUNCTIONS)
USES = [(name, call) for name in MODULES for call in CALLS if call.name == FUNCTIONS[name]]

each_module = pytest.mark.parametrize("name", MODULES)
each_use = pytest.mark.parametrize(("name", "call"), USES, ids=lambda x: str(x))


def made(name: str, call: Call, *, dtype: torch.dtype = torch.float64) -> tuple[Any, Any, tuple[Tensor, Tensor]]:
    """The module, PyTorch's, and what to call them with."""
    tensors, options = arguments(call, dtype)
    return getattr(nn, name)(reduction="sum", **options), getattr(torch.nn, name)(reduction="sum", **options), tensors


def richest(name: str) -> Call:
    """A use with as many tensors for options as there are."""
    return max((call for other, call in USES if other == name), key=lambda call: len(call.options))


def test_the_list_is_complete() -> None:
    with_parameters = {"LinearCrossEntropyLoss": "linear_cross_entropy"}  # tested in test_drop_in_heads.py
    assert {*MODULES, *with_parameters} == set(nn.__all__)
    functions = {*FUNCTIONS.values(), *with_parameters.values(), "softmax", "log_softmax", "logsigmoid"}
    assert functions == set(functional.__all__)


@each_module
def test_it_is_pytorchs_module_but_for_forward(name: str) -> None:
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    assert issubclass(ours, theirs)
    assert inspect.signature(ours) == inspect.signature(theirs)
    own = {key for key in vars(ours) if not key.startswith("__")}
    assert own == {"forward"}
    assert list(inspect.signature(ours.forward).parameters) == list(inspect.signature(theirs.forward).parameters)
    assert f"functional.{FUNCTIONS[name]}" in ours.__doc__ and FUNCTIONS[name] in ours.forward.__doc__


@each_use
def test_promise_18_modules_give_pytorchs_numbers(name: str, call: Call) -> None:
    ours, theirs, tensors = made(name, call)
    for found, expected in zip(differentiated(ours, tensors), differentiated(theirs, tensors), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)


@each_module
def test_states_are_exchanged_with_pytorchs(name: str) -> None:
    ours, theirs, tensors = made(name, richest(name))
    assert repr(ours) == repr(theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for tensor in theirs.state_dict().values():
        tensor.mul_(2)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(*tensors), theirs(*tensors))
    for tensor in ours.state_dict().values():
        tensor.mul_(3)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(*tensors), theirs(*tensors))


@each_module
def test_copies_and_pickles_answer_alike(name: str) -> None:
    ours, _, tensors = made(name, richest(name))
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert type(other) is type(ours)
        assert other(*tensors) == ours(*tensors)


@each_module
def test_buffers_move_with_the_module(name: str) -> None:
    ours, _, (x, target) = made(name, richest(name))
    ours.to(torch.float32)
    assert all(buffer.dtype == torch.float32 for buffer in ours.buffers())
    assert ours(x.float(), target.float() if target.is_floating_point() else target).dtype == torch.float32


@each_use
def test_compiled_without_a_graph_break(name: str, call: Call) -> None:
    ours, _, tensors = made(name, call)
    torch._dynamo.reset()
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager")
    plain, graph = differentiated(ours, tensors), differentiated(compiled, tensors)
    for found, expected in zip(graph, plain, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)


@each_module
def test_deprecated_flags_are_those_of_the_constructor(name: str) -> None:
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        module = getattr(nn, name)(size_average=False)
    assert module.reduction == "sum"
