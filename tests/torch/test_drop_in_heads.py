"""linear_cross_entropy and its module: PyTorch's answers, without the logits."""

from __future__ import annotations

import copy
import inspect
import itertools
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch

from crossentropy.torch import functional as F  # noqa: N812
from crossentropy.torch import nn
from tests.torch.test_drop_in_functions import Sizes, raised

Tensor = torch.Tensor
FEATURES, CLASSES, ROWS = 3, 5, 6
WEIGHT = torch.tensor([1.0, 2.0, 0.5, 0.0, 3.0], dtype=torch.float64)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"weight": WEIGHT},
    {"label_smoothing": 0.25},
    {"weight": WEIGHT, "label_smoothing": 0.25},
    {"ignore_index": 1},
    {"ignore_index": 1, "weight": WEIGHT, "label_smoothing": 0.25},
]
PEER = torch.nn.functional.linear_cross_entropy


class Case(NamedTuple):
    """Whether there is a batch, the positions of its heads, and the kind of target."""

    batched: bool = True
    positions: tuple[int, ...] = ()
    soft: bool = False

    def tensors(self, dtype: torch.dtype = torch.float64, rows: int = ROWS) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Input, weight, bias and target."""
        generator = torch.Generator().manual_seed(1)
        lead = (rows,) if self.batched else ()
        shapes = ((*lead, FEATURES), (CLASSES, *self.positions, FEATURES), (CLASSES, *self.positions))
        x, w, b = (torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes)
        if self.soft:
            drawn = torch.randn((*lead, *shapes[2]), generator=generator, dtype=torch.float64)
            return x, w, b, drawn.softmax(len(lead)).to(dtype)
        labels = torch.randint(0, CLASSES - 2, (*lead, *self.positions), generator=generator)
        return x, w, b, labels + (labels == 1)  # of rows that are not all ignored, and weigh something


CASES = [
    Case(batched, positions, soft)
    for batched, positions in ((False, ()), (True, ()), (True, (4,)), (True, (2, 3)))
    for soft in (False, True)
]
HEADS = [Case(), Case(positions=(4,)), Case(soft=True)]

each_case = pytest.mark.parametrize("case", CASES, ids=str)
each_head = pytest.mark.parametrize("case", HEADS, ids=str)


def differentiated(function: Any, x: Tensor, w: Tensor, b: Tensor | None, target: Tensor, **options: Any) -> Any:
    """The value, and the gradients of the parameters for a cotangent of several values."""
    leaves = [tensor.clone().requires_grad_() for tensor in (x, w, b) if tensor is not None]
    bias = None if b is None else leaves[2]
    value = function(leaves[0], leaves[1], target, linear_bias=bias, **options)
    cotangent = ((torch.arange(value.numel()) % 7 - 2) / 4).reshape(value.shape).to(value.dtype)
    return value.detach(), *torch.autograd.grad(value, leaves, cotangent)


@each_case
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("biased", [False, True])
def test_promise_18_numbers_are_pytorchs_under_every_option(case: Case, reduction: str, biased: bool) -> None:
    x, w, b, target = case.tensors()
    for options in OPTIONS:
        if case.soft and "ignore_index" in options:
            continue
        call = (x, w, b if biased else None, target)
        ours, exact = (differentiated(f, *call, reduction=reduction, **options) for f in (F.linear_cross_entropy, PEER))
        for found, expected in zip(ours, exact, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


@each_head
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("autocast", [False, True])
def test_promise_19_the_dtype_is_what_pytorch_gives(case: Case, dtype: torch.dtype, autocast: bool) -> None:
    x, w, b, target = case.tensors(dtype)
    targets = [target, case.tensors()[3]] if case.soft else [target]
    for given, reduction in itertools.product(targets, ["mean", "none"]):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            found, expected = (
                f(x, w, given, linear_bias=b, reduction=reduction) for f in (F.linear_cross_entropy, PEER)
            )
        assert found.dtype == expected.dtype
        torch.testing.assert_close(found, expected, rtol=0.05, atol=0.05)


def test_default_ignored_label_is_minus_100() -> None:
    x, w, _, target = Case().tensors()
    dropped = target.clone()
    dropped[2:] = -100
    assert F.linear_cross_entropy(x, w, dropped) == F.linear_cross_entropy(x[:2], w, target[:2])


@pytest.mark.parametrize("positions", [(), (4,), (2, 0)], ids=str)
@pytest.mark.parametrize("soft", [False, True])
def test_promise_22_of_nothing_the_mean_is_nan_the_sum_0(positions: tuple[int, ...], soft: bool) -> None:
    x, w, _, target = Case(positions=positions, soft=soft).tensors(rows=0)
    for function in (F.linear_cross_entropy, PEER):
        assert function(x, w, target).isnan()
        assert function(x, w, target, reduction="sum") == 0
        assert function(x, w, target, reduction="none").shape == (0, *positions)


@pytest.mark.parametrize("options", OPTIONS[:4], ids=lambda o: "-".join(o))
@pytest.mark.parametrize("positions", [(), (4,)], ids=str)
def test_promise_17_a_batch_of_ignored_rows_has_a_gradient_of_0(options: Any, positions: tuple[int, ...]) -> None:
    x, w, b, target = Case(positions=positions).tensors()
    value, *gradients = differentiated(F.linear_cross_entropy, x, w, b, torch.full_like(target, -100), **options)
    assert value.isnan()
    assert all((gradient == 0).all() for gradient in gradients)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.bool])
@pytest.mark.parametrize("options", OPTIONS[:4], ids=lambda o: "-".join(o))
def test_promise_11_labels_of_any_integer_type(dtype: torch.dtype, options: dict[str, Any]) -> None:
    x, w, _, target = Case().tensors()
    labels = target.clamp(max=1) if dtype == torch.bool else target
    found = F.linear_cross_entropy(x, w, labels.to(dtype), **options)
    torch.testing.assert_close(found, PEER(x, w, labels, **options))


@each_head
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_chunks_are_accepted_and_change_nothing(case: Case, reduction: str) -> None:
    x, w, b, target = case.tensors()
    chunks = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=2)
    plain, chunked = (
        differentiated(F.linear_cross_entropy, x, w, b, target, options=options, reduction=reduction)
        for options in (None, chunks)
    )
    assert all(map(torch.equal, plain, chunked))


@each_head
@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "weight": torch.ones(50)}], ids=["plain", "smooth"])
def test_no_tensor_has_the_size_of_the_logits(case: Case, options: dict[str, Any]) -> None:
    rows, classes = 40, 50
    x, w = torch.randn(rows, 2, requires_grad=True), torch.randn(classes, *case.positions, 2, requires_grad=True)
    target = torch.randint(0, classes, (rows, *case.positions))
    target = torch.nn.functional.one_hot(target, classes).float() if case.soft else target
    smallest = rows * classes  # the logits of one position
    with Sizes(smallest) as sizes:
        F.linear_cross_entropy(x, w, target, **options).backward()
    assert sizes.large == 0
    with Sizes(smallest) as sizes:
        PEER(x, w, target, **options).backward()
    assert sizes.large > 0


z, y = torch.zeros(2, 3), torch.tensor([0, 3])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: F.linear_cross_entropy(z, torch.zeros(3, 3), y),
         "IndexError: targets: expected class indices in [0, 3), got 3 in row 1; "
         "correct the label, or drop such rows with ignore_index=3"),
        (lambda: F.linear_cross_entropy(z, torch.zeros(3, 3), torch.full((2, 3), 1 / 3), ignore_index=0),
         "ValueError: ignore_index: expected index targets, got soft targets; "
         "drop rows of such targets with sample_weight=0"),
        (lambda: F.linear_cross_entropy(z, torch.zeros(3, 2), y),
         "ValueError: weight: expected shape (K, D) with K >= 1, for features of shape (..., D), got shape (3, 2) for "
         "features of shape (2, 3); pass one row of weights for each class, as torch.nn.Linear holds them"),
        (lambda: F.linear_cross_entropy(z[None], torch.zeros(3, 3), y[None]),
         "ValueError: linear_weight: expected shape (C, D) for an input (D,) or (N, D), or (C, d1, ..., D) for an "
         "input (N, D), got shape (3, 3) for an input of shape (1, 2, 3); flatten the axes of sequences in input and "
         "target, as in input.flatten(0, -2)"),
        (lambda: F.linear_cross_entropy(z[0], torch.zeros(3, 4, 3), torch.zeros(4).long()),
         "ValueError: linear_weight: expected shape (C, D) for an input (D,) or (N, D), or (C, d1, ..., D) for an "
         "input (N, D), got shape (3, 4, 3) for an input of shape (3,); flatten the axes of sequences in input and "
         "target, as in input.flatten(0, -2)"),
        (lambda: F.linear_cross_entropy(z, torch.zeros(3, 4, 3), y),
         "ValueError: target: expected shape (2, 4) (of a row at each position), got shape (2,); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
        (lambda: F.linear_cross_entropy(z, torch.zeros(3, 4, 3), torch.zeros(2, 4).long(), linear_bias=torch.zeros(3)),
         "ValueError: linear_bias: expected shape (3, 4) (one for each class at each position), got shape (3,); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
    ],
)  # fmt: skip
def test_promise_24_mistakes_are_named(call: Callable[[], Any], sentence: str) -> None:
    assert raised(call) == sentence


SETTINGS: list[dict[str, Any]] = [
    {},
    {"bias": True, "weight": WEIGHT, "label_smoothing": 0.1, "reduction": "sum"},
    {"out_features": (2, 3), "bias": True, "ignore_index": 2, "options": torch.nn.LinearCrossEntropyOptions()},
]
each_setting = pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: "-".join(s) or "plain")


def modules(settings: dict[str, Any]) -> tuple[Any, Any, tuple[Tensor, Tensor]]:
    """The module, PyTorch's with the same parameters, and what to call them with."""
    ours, theirs = (
        kind.LinearCrossEntropyLoss(FEATURES, CLASSES, dtype=torch.float64, **settings) for kind in (nn, torch.nn)
    )
    theirs.load_state_dict(ours.state_dict())
    x, _, _, target = Case(positions=settings.get("out_features", ())).tensors()
    return ours, theirs, (x, target)


def trained(module: Any, tensors: tuple[Tensor, Tensor]) -> list[Tensor]:
    """The value and the gradients of input and parameters."""
    x = tensors[0].clone().requires_grad_()
    value = module(x, tensors[1])
    return [value.detach(), *torch.autograd.grad(value, [x, *module.parameters()])]


def test_the_module_is_pytorchs_but_for_forward() -> None:
    ours, theirs = nn.LinearCrossEntropyLoss, torch.nn.LinearCrossEntropyLoss
    assert issubclass(ours, theirs)
    assert inspect.signature(ours) == inspect.signature(theirs)
    assert {key for key in vars(ours) if not key.startswith("__")} == {"forward"}
    assert list(inspect.signature(ours.forward).parameters) == list(inspect.signature(theirs.forward).parameters)


@each_setting
@pytest.mark.filterwarnings("ignore:linear_cross_entropy. ``options`` ignored")  # PyTorch's
def test_the_module_gives_pytorchs_numbers_and_exchanges_states(settings: dict[str, Any]) -> None:
    ours, theirs, tensors = modules(settings)
    assert repr(ours) == repr(theirs)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for found, expected in zip(trained(ours, tensors), trained(theirs, tensors), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
    for tensor in theirs.state_dict().values():
        tensor.mul_(2)
    ours.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(ours(*tensors), theirs(*tensors))


@each_setting
def test_copies_and_pickles_of_the_module_answer_alike(settings: dict[str, Any]) -> None:
    ours, _, tensors = modules(settings)
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert type(other) is type(ours)
        assert all(map(torch.equal, trained(other, tensors), trained(ours, tensors)))


@each_setting
def test_the_module_is_compiled_without_a_graph_break(settings: dict[str, Any]) -> None:
    ours, _, tensors = modules(settings)
    torch._dynamo.reset()
    compiled = torch.compile(ours, fullgraph=True, backend="aot_eager")
    for found, expected in zip(trained(compiled, tensors), trained(ours, tensors), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)


def test_a_weight_shared_with_an_embedding_is_one_parameter_with_one_gradient() -> None:
    results = []
    for kind in (nn, torch.nn):
        torch.manual_seed(0)
        embedding = torch.nn.Embedding(CLASSES, FEATURES, dtype=torch.float64)
        loss = kind.LinearCrossEntropyLoss(FEATURES, CLASSES, dtype=torch.float64)
        loss.linear.weight = embedding.weight
        model, tokens = torch.nn.ModuleList([embedding, loss]), torch.tensor([0, 3, 1, 4])
        assert [name for name, _ in model.named_parameters()] == ["0.weight"]
        loss(embedding(tokens[:-1]), tokens[1:]).backward()
        results.append(embedding.weight.grad)
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-14)


def test_where_pytorch_has_no_such_module_there_is_none() -> None:
    code = (
        "import torch; del torch.nn.LinearCrossEntropyLoss\n"
        "import crossentropy.torch.nn as nn; print('LinearCrossEntropyLoss' in nn.__all__)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
