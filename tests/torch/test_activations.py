"""The activations on tensors: the numbers of those on arrays, and every way to differentiate them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import crossentropy as ce
import crossentropy.torch as ct
from crossentropy.torch._tensors import as_array

Tensor = torch.Tensor
OF_ELEMENTS = ["sigmoid", "log_sigmoid", "softplus"]
OF_ROWS = ["softmax", "log_softmax", "logsumexp"]
THEIRS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "log_sigmoid": torch.nn.functional.logsigmoid,
    "softplus": lambda z: -torch.nn.functional.logsigmoid(-z),
    "softmax": lambda z: torch.softmax(z, -1),
    "log_softmax": lambda z: torch.log_softmax(z, -1),
    "logsumexp": lambda z: torch.logsumexp(z, -1),
}

every = pytest.mark.parametrize("name", [*OF_ELEMENTS, *OF_ROWS])


def logits(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def axes(name: str) -> list[dict[str, Any]]:
    return [{}] if name in OF_ELEMENTS else [{}, {"axis": 0}, {"axis": 1}]


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.int32])
def test_values_and_gradients_are_those_of_arrays(name: str, dtype: torch.dtype) -> None:
    for given in axes(name):
        z = (3 * logits(2, 3, 5)).to(dtype)
        ours, arrays = getattr(ct, name), getattr(ce, name)
        np.testing.assert_array_equal(as_array(ours(z, **given)), arrays(as_array(z), **given))
        if dtype.is_floating_point:
            value = ours(z.requires_grad_(), **given)
            cotangent = torch.linspace(-1, 1, value.numel()).reshape(value.shape).to(dtype)
            (slopes,) = torch.autograd.grad(value, z, cotangent)
            np.testing.assert_array_equal(as_array(slopes), arrays.vjp(as_array(z), as_array(cotangent), **given))


@every
def test_any_stride_and_no_axis_at_all(name: str) -> None:
    z = logits(6, 4).T[::2]
    torch.testing.assert_close(getattr(ct, name)(z), getattr(ct, name)(z.contiguous()), rtol=0, atol=0)
    if name in OF_ELEMENTS:
        assert getattr(ct, name)(torch.tensor(0.5)).shape == ()


def test_logsumexp_keeps_its_axis() -> None:
    assert ct.logsumexp(logits(2, 3, 5), axis=1, keepdims=True).shape == (2, 1, 5)
    assert ct.logsumexp(logits(2, 3, 5), keepdims=True).shape == (2, 3, 1)


@every
def test_pytorchs_own_checks_of_three_orders(name: str) -> None:
    function = getattr(ct, name)
    for given in axes(name):
        z = logits(2, 3, 2).requires_grad_()

        def value(z: Tensor, given: dict[str, Any] = given) -> Any:
            return function(z, **given)

        def slope(z: Tensor, given: dict[str, Any] = given) -> Any:
            return torch.autograd.grad(function(z, **given).square().sum(), z, create_graph=True)[0]

        assert gradcheck(value, z, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True)
        assert gradgradcheck(value, z, check_fwd_over_rev=True, check_batched_grad=True)
        assert gradgradcheck(slope, z)


@every
def test_operators_pass_pytorchs_check(name: str) -> None:
    z, operators = logits(3, 4).requires_grad_(), torch.ops.crossentropy
    cotangent = torch.ones_like(getattr(ct, name)(z))
    for axis in (-1, -2) if name == "softmax" else (-1,):
        torch.library.opcheck(operators.activate.default, (z, name, axis))
        torch.library.opcheck(operators.activate_vjp.default, (z, cotangent, name, axis))


@every
@pytest.mark.parametrize("transform", [torch.func.jacrev, torch.func.jacfwd])
def test_transforms_of_torch_func(name: str, transform: Callable[..., Any]) -> None:
    z, ours, theirs = logits(2, 4), getattr(ct, name), THEIRS[name]
    torch.testing.assert_close(transform(ours)(z), transform(theirs)(z))
    torch.testing.assert_close(torch.vmap(ours, in_dims=1)(z), torch.vmap(theirs, in_dims=1)(z))
    for twice in (torch.func.hessian, lambda f: torch.func.jacrev(torch.func.jacfwd(f))):
        torch.testing.assert_close(*(twice(lambda z, f=f: f(z).square().sum())(z) for f in (ours, theirs)))


@every
def test_a_batch_of_cotangents_or_of_logits_alone(name: str) -> None:
    z, ours = logits(2, 4), getattr(ct, name)
    value, back = torch.func.vjp(ours, z)
    cotangents = torch.rand(3, *value.shape, dtype=torch.float64)
    (together,) = torch.vmap(back)(cotangents)
    torch.testing.assert_close(together, torch.stack([back(c)[0] for c in cotangents]))


@every
def test_compiled_without_a_graph_break(name: str) -> None:
    def value(z: Tensor) -> Tensor:
        found: Tensor = getattr(ct, name)(z * 2).square().sum()
        return found

    plain, graph = logits(3, 4).requires_grad_(), logits(3, 4).requires_grad_()
    value(plain).backward()
    torch.compile(value, fullgraph=True, backend="aot_eager")(graph).backward()
    torch.testing.assert_close(graph.grad, plain.grad, rtol=0, atol=0)


@every
def test_meta_tensors_have_shapes(name: str) -> None:
    found = getattr(ct, name)(torch.empty(3, 4, device="meta", dtype=torch.int8))
    assert found.shape == ((3,) if name == "logsumexp" else (3, 4)) and found.dtype == torch.float64


@pytest.mark.parametrize("size", [float("inf"), 1e4])
def test_promises_6_and_9_limits(size: float) -> None:
    """Values and slopes at both ends are exact, not NaN."""
    z = torch.tensor([-size, size], requires_grad=True)
    for name, values, slopes in (
        ("sigmoid", [0.0, 1.0], [0.0, 0.0]),
        ("log_sigmoid", [-size, 0.0], [1.0, 0.0]),
        ("softplus", [0.0, size], [0.0, 1.0]),
        ("softmax", [0.0, 1.0], [0.0, 0.0]),
        ("log_softmax", [-2 * size, 0.0], [1.0, -1.0]),
        ("logsumexp", size, [0.0, 1.0]),
    ):
        value = getattr(ct, name)(z)
        cotangent = torch.tensor([1.0, 0.0]) if name == "log_softmax" else torch.ones_like(value)
        (found,) = torch.autograd.grad(value, z, cotangent)
        assert (value.tolist(), found.tolist()) == (values, slopes), name


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: ct.softmax([1.0, 2.0]),  # type: ignore[arg-type]
            TypeError,
            "z: expected a tensor, got list; pass one, or call the function of this name in crossentropy itself",
        ),
        (
            lambda: ct.softmax(torch.zeros(2, 3), axis=2),
            ValueError,
            "axis: expected an axis of z, which has 2 dimensions, got 2; pass an array with that axis, or an axis in "
            "range",
        ),
        (
            lambda: ct.sigmoid(torch.zeros(2, dtype=torch.complex64)),
            TypeError,
            "z: expected a dense real tensor, got complex64, strided, on cpu; convert it first, for example with "
            ".to_dense() or .to(device)",
        ),
    ],
)
def test_mistakes_are_named_promise_24(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
