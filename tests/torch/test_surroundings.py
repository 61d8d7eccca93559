"""The drop-ins inside what PyTorch puts around a loss: transforms, autocast, checkpoints, export, processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from crossentropy.torch import functional, nn
from tests.torch import data_parallel
from tests.torch.drop_in_calls import CALLS, FUNCTIONS, Call, arguments, theirs

Tensor = torch.Tensor
#: One call of each function, with weights where it has such.
TYPICAL = [
    max((c for c in CALLS if c.name == name and len(c.shape) == 2), key=lambda c: len(c.options)) for name in FUNCTIONS
]

each_function = pytest.mark.parametrize("call", TYPICAL, ids=str)


def pair(call: Call, reduction: str = "sum") -> tuple[Any, Any, Tensor]:
    """The function and PyTorch's of the input alone, and an input."""
    (x, target), options = arguments(call, torch.float64)

    def of(function: Any) -> Any:
        return lambda z, t=target: function(z, t, **options, reduction=reduction)

    return of(getattr(functional, call.name)), of(theirs(call.name)), x


@each_function
def test_backward_twice_and_through_the_gradient(call: Call) -> None:
    results = []
    ours, exact, x = pair(call)
    for function in (ours, exact):
        z = x.clone().requires_grad_()
        value = function(z)
        (first,) = torch.autograd.grad(value, z, create_graph=True)
        second = torch.zeros_like(z)
        if first.requires_grad:  # the gradient of a linear loss is a constant
            (second,) = torch.autograd.grad((first * x).square().sum(), z, retain_graph=True)
        value.backward(retain_graph=True)
        value.backward()
        results.append((first, second, z.grad))
    for found, expected in zip(*results, strict=True):
        # PyTorch adds 1e-12 to p (1 - p) in the second derivative of binary_cross_entropy
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)


@each_function
@pytest.mark.filterwarnings("ignore:There is a performance drop")  # in PyTorch's soft_margin_loss
def test_jacobians_and_gradients_of_single_rows(call: Call) -> None:
    ours, exact, x = pair(call, "none")
    torch.testing.assert_close(torch.func.jacrev(ours)(x), torch.func.jacrev(exact)(x), rtol=1e-12, atol=1e-13)
    (x, target), options = arguments(call, torch.float64)
    options = {key: w for key, w in options.items() if not isinstance(w, Tensor) or w.dim() < 2}

    def of_a_row(function: Any) -> Any:
        return torch.func.grad(lambda z, t: function(z, t, **options, reduction="sum"))

    each = [torch.vmap(of_a_row(f))(x, target) for f in (getattr(functional, call.name), theirs(call.name))]
    torch.testing.assert_close(*each, rtol=1e-12, atol=1e-13)


@each_function
def test_a_checkpoint_computes_again_what_was_computed(call: Call) -> None:
    ours, _, x = pair(call)
    plain, again = (x.clone().requires_grad_() for _ in range(2))
    ours(plain / 2).backward()
    checkpoint(lambda z: ours(z / 2), again, use_reentrant=False).backward()
    assert plain.grad is not None and again.grad is not None
    assert torch.equal(plain.grad, again.grad)


@pytest.fixture
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@each_function
def test_deterministic_mode_finds_nothing_to_refuse(call: Call, deterministic: None) -> None:
    ours, _, x = pair(call)
    gradients = []
    for _ in range(2):
        z = x.clone().requires_grad_()
        ours(z).backward()
        gradients.append(z.grad)
    assert torch.equal(*gradients)


@pytest.mark.parametrize("name", nn.__all__)
def test_an_exported_model_answers_alike(name: str) -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(3, 5)
            sizes = (5, 5) if name == "LinearCrossEntropyLoss" else ()
            self.loss = getattr(nn, name)(*sizes, reduction="sum")

        def forward(self, x: Tensor, target: Tensor) -> Tensor:
            z = self.linear(x)
            found: Tensor = self.loss(z.sigmoid() if name == "BCELoss" else z, target)
            return found

    model, x = Model(), torch.randn(4, 3)
    of_labels = name in ("CrossEntropyLoss", "LinearCrossEntropyLoss", "NLLLoss")
    target = torch.tensor([0, 4, 2, 2]) if of_labels else torch.ones(4, 5)
    rows = torch.export.Dim("rows")
    shapes = {"x": {0: rows}, "target": {0: rows}}
    exported = torch.export.export(model, (x, target), dynamic_shapes=shapes).module()
    for part in (slice(None), slice(0, 3)):
        torch.testing.assert_close(exported(x[part], target[part]), model(x[part], target[part]), rtol=0, atol=0)


def test_a_model_under_autocast_learns_as_with_pytorch() -> None:
    torch.manual_seed(0)
    x, y, results = torch.randn(8, 4), torch.randint(0, 3, (8,)), []
    for losses in (nn, torch.nn):
        torch.manual_seed(0)
        model = torch.nn.Linear(4, 3)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(x)
            loss = losses.CrossEntropyLoss(label_smoothing=0.1)(logits, y)
        loss.backward()
        assert (logits.dtype, loss.dtype) == (torch.bfloat16, torch.float32)
        results.append((loss, model.weight.grad, model.bias.grad))
    for found, expected in zip(*results, strict=True):
        # the same bfloat16 products around it: a step of bfloat16 may fall the other way
        torch.testing.assert_close(found, expected, rtol=2.0**-7, atol=1e-3)
    torch.testing.assert_close(results[0][0], results[1][0], rtol=1e-6, atol=0)


def test_compiled_under_autocast_the_loss_is_float32_too() -> None:
    z, y = torch.randn(4, 3, dtype=torch.bfloat16), torch.tensor([0, 1, 2, 0])
    compiled = torch.compile(nn.CrossEntropyLoss(), fullgraph=True, backend="aot_eager")
    for enabled, dtype in ((True, torch.float32), (False, torch.bfloat16)):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            assert compiled(z, y).dtype == dtype


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(data_parallel.work, (str(tmp_path),), data_parallel.PROCESSES)
    losses, *gradients = zip(*(torch.load(tmp_path / f"{rank}.pt") for rank in range(2)), strict=True)
    model, x, y = data_parallel.batch()
    loss = data_parallel.step(model, x, y)
    torch.testing.assert_close(sum(losses) / 2, loss, rtol=1e-14, atol=0)
    for found, parameter in zip(gradients, model.parameters(), strict=True):
        torch.testing.assert_close(found[0], parameter.grad, rtol=1e-13, atol=1e-16)
        assert torch.equal(*found)
