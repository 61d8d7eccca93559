"""Derivatives that only the composite has: of targets and weights, of third order, in every transform."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import crossentropy as ce
import crossentropy.torch as ct
from crossentropy._loss import LOSSES
from crossentropy.torch._calls import Call as TensorCall
from crossentropy.torch._functions import Value
from tests.support.tensor_calls import NAMES, arguments, cases

Tensor = torch.Tensor


def soft(name: str) -> tuple[Tensor, Tensor]:
    """Predictions and free numbers that ``targets_of`` makes targets of."""
    x, _ = arguments(name)
    return x, torch.linspace(-1.0, 1.5, x.numel(), dtype=torch.float64).reshape(x.shape)


def inside(name: str, x: Tensor) -> Tensor:
    """What must sum to 1 does so after a step, too."""
    function = {"categorical_cross_entropy": torch.softmax, "negative_log_likelihood": torch.log_softmax}.get(name)
    return x if function is None else function(x, 1)


def targets_of(name: str, u: Tensor) -> Tensor:
    kinds = LOSSES[name].contract.target_kinds
    return u.softmax(1) if "index" in kinds else u.sigmoid() if "binary" in kinds else u


OF_FLOATS = [name for name in NAMES if name != "soft_margin"]  # whose targets are signs


@pytest.mark.parametrize("name", OF_FLOATS)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_targets_and_weights_have_derivatives_of_first_and_second_order(name: str, reduction: Any) -> None:
    x, u = soft(name)
    options = LOSSES[name].contract.options
    of_rows = "axis" in options
    shapes = {"class_weight": (5,), "pos_weight": (5,), "sample_weight": (4,) if of_rows else (4, 5)}
    weights = [weight for weight in shapes if weight in options]
    numbers = [
        torch.linspace(0.5, 2.0, int(np.prod(shapes[w])), dtype=torch.float64).reshape(shapes[w]) for w in weights
    ]

    def value(x: Tensor, u: Tensor, *given: Tensor) -> Any:
        targets = targets_of(name, u)
        return getattr(ct, name)(
            inside(name, x), targets, reduction=reduction, **dict(zip(weights, given, strict=True))
        )

    inputs = [tensor.detach().requires_grad_() for tensor in (x, u, *numbers)]
    assert gradcheck(value, inputs, check_forward_ad=True, check_batched_grad=True, fast_mode=True)
    assert gradgradcheck(value, inputs, fast_mode=True)


def test_sparse_probabilities_have_derivatives() -> None:
    x = torch.linspace(-1.0, 2.0, 10, dtype=torch.float64).reshape(2, 5)
    indices, u = torch.tensor([[0, 2], [4, 1]]), torch.tensor([[0.3, -1.0], [0.1, 0.2]], dtype=torch.float64)
    for tail in ("uniform", "absent"):

        def value(x: Tensor, u: Tensor, tail: Any = tail) -> Any:
            targets = ce.SparseTargets(indices, u.sigmoid() / 2, tail=tail)
            return ct.softmax_cross_entropy(x, targets, label_smoothing=0.1)

        assert gradcheck(value, (x.requires_grad_(), u.requires_grad_()))


@pytest.mark.parametrize(("name", "options"), cases())
def test_third_derivatives(name: str, options: dict[str, Any]) -> None:
    x, targets = arguments(name)

    def slope(z: Tensor) -> Tensor:
        with ct.use_implementation("composite"):
            value = getattr(ct, name)(inside(name, z), targets, **options)
        found: Tensor = torch.autograd.grad((value * value).sum(), z, create_graph=True)[0]
        return found

    assert gradgradcheck(slope, x.requires_grad_(), fast_mode=True)


def test_compiled_without_a_graph_break() -> None:
    x, u = soft("softmax_cross_entropy")

    def value(x: Tensor, u: Tensor) -> Tensor:
        found: Tensor = ct.softmax_cross_entropy(x * 2, u.softmax(1), softcap=5.0, label_smoothing=0.1)
        return found

    compiled = torch.compile(value, fullgraph=True, backend="aot_eager")
    found = []
    for function in (value, compiled):
        inputs = [tensor.detach().clone().requires_grad_() for tensor in (x, u)]
        function(*inputs).backward()
        found.append([tensor.grad for tensor in inputs])
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.jacfwd, torch.func.hessian])
def test_transforms_of_torch_func_with_respect_to_targets(transform: Any) -> None:
    x, u = soft("softmax_kl_divergence")

    def ours(u: Tensor) -> Tensor:
        found: Tensor = ct.softmax_kl_divergence(x, u.softmax(1))
        return found

    def theirs(u: Tensor) -> Tensor:
        return torch.nn.functional.kl_div(x.log_softmax(1), u.softmax(1), reduction="batchmean")

    torch.testing.assert_close(transform(ours)(u), transform(theirs)(u))


@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.jacfwd])
def test_transforms_inside_transforms_lose_no_derivative(transform: Any) -> None:
    """What is differentiated outside of a transform is seen inside it."""
    x, u = soft("softmax_kl_divergence")

    def each(loss: Any, u: Tensor) -> Tensor:
        found: Tensor = torch.vmap(loss)(x, u.softmax(1)).sum()
        return found

    def slope(loss: Any, u: Tensor) -> Tensor:
        found: Tensor = torch.func.grad(lambda x: loss(x, u.softmax(1)))(x).square().sum()
        return found

    def theirs(x: Tensor, t: Tensor) -> Tensor:
        return (t * (t.log() - x.log_softmax(-1))).sum() / x[..., 0].numel()

    for f in (each, slope):
        with_respect_to_u = [
            transform(lambda u, f=f, loss=loss: f(loss, u))(u) for loss in (ct.softmax_kl_divergence, theirs)
        ]
        torch.testing.assert_close(*with_respect_to_u)


@pytest.mark.parametrize("way", ["backward", "forward"])
def test_the_native_operator_forgets_no_derivative(way: str) -> None:
    x, t = torch.zeros(1, 2), torch.full((1, 2), 0.5)
    nothing, call = [None] * 5, "softmax_cross_entropy"
    message = (
        "targets and weights: expected tensors without derivative in the native core, got one with a gradient or a "
        "tangent; compute the loss inside \"with crossentropy.torch.use_implementation('composite'):\""
    )
    with pytest.raises(NotImplementedError) as caught:
        if way == "backward":
            torch.ops.crossentropy.value(x, t.requires_grad_(), *nothing, call)[0].backward()
        else:
            torch.func.jvp(lambda x, t: Value.apply(x, t, *nothing, TensorCall(call, ())), (x, t), (x, t))
    assert str(caught.value) == message


def test_a_batch_of_calls() -> None:
    x, u = soft("softmax_cross_entropy")
    with ct.use_implementation("composite"):
        together = torch.vmap(ct.softmax_cross_entropy)(x, u.softmax(1))
        alone = [ct.softmax_cross_entropy(x[i], u.softmax(1)[i]) for i in range(len(x))]
    torch.testing.assert_close(together, torch.stack(alone))
