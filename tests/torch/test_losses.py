"""The losses on tensors: the numbers of the losses on arrays, and PyTorch's ways to differentiate them."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import crossentropy as ce
import crossentropy.torch as ct
from crossentropy.torch._losses import TensorLoss
from tests.support.tensor_calls import CLASSES, NAMES, ROWS, arguments, cases

Tensor = torch.Tensor


def of_arrays(name: str, x: Tensor, targets: Tensor, options: dict[str, Any]) -> Any:
    def array(value: Any) -> Any:
        return value.numpy() if isinstance(value, Tensor) else value

    return getattr(ce, name), (array(x), array(targets)), {key: array(value) for key, value in options.items()}


@pytest.mark.parametrize("name", NAMES)
def test_names_and_signatures_are_those_of_the_losses_on_arrays(name: str) -> None:
    assert inspect.signature(getattr(ct, name)) == inspect.signature(getattr(ce, name))
    assert name in (getattr(ct, name).__doc__ or "")


def test_every_loss_is_there() -> None:
    assert set(NAMES) == {name for name in ce.__all__ if hasattr(getattr(ce, name), "contract")}


@pytest.mark.parametrize(("name", "options"), cases())
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_those_of_arrays(name: str, options: dict[str, Any], dtype: torch.dtype) -> None:
    x, targets = arguments(name, dtype)
    loss, arrays, given = of_arrays(name, x, targets, options)
    expected, gradient = loss.value_and_grad(*arrays, **given)
    x.requires_grad_()
    value = getattr(ct, name)(x, targets, **options)
    np.testing.assert_array_equal(value.detach().numpy(), expected)
    value.sum().backward()
    np.testing.assert_allclose(x.grad, gradient, rtol=1e-6 if dtype == torch.float32 else 1e-14, atol=1e-30)


@pytest.mark.parametrize(("name", "options"), cases())
def test_pytorchs_own_checks_of_first_and_second_derivatives(name: str, options: dict[str, Any]) -> None:
    x, targets = arguments(name)
    # what must sum to 1 does so after a step, too
    inside = {"categorical_cross_entropy": torch.softmax, "negative_log_likelihood": torch.log_softmax}.get(name)

    def value(z: Tensor) -> Tensor:
        found: Tensor = getattr(ct, name)(z if inside is None else inside(z, 1), targets, **options)
        return found

    x.requires_grad_()
    assert gradcheck(value, x, check_forward_ad=True, check_batched_grad=True, check_batched_forward_grad=True)
    assert gradgradcheck(value, x, check_fwd_over_rev=True, check_batched_grad=True)


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "sigmoid_cross_entropy"])
def test_operators_pass_pytorchs_check(name: str) -> None:
    x, targets = arguments(name)
    call = f"{name}\nreduction='none'"
    shape = (ROWS,) if name == "softmax_cross_entropy" else (ROWS, CLASSES)
    cotangent = torch.rand(shape, dtype=torch.float64)
    others = (targets, *([None] * 5), call)
    operators = torch.ops.crossentropy
    torch.library.opcheck(operators.value.default, (x.requires_grad_(), *others))
    torch.library.opcheck(operators.gradient.default, (cotangent, x, *others))
    torch.library.opcheck(operators.curvature.default, (cotangent, x.detach(), x.detach(), *others))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_halves_give_a_loss_in_float32_and_a_gradient_in_their_dtype_promise_19(dtype: torch.dtype) -> None:
    x, targets = arguments("softmax_cross_entropy", dtype)
    array = x.float().numpy().astype(np.float16 if dtype == torch.float16 else ml_dtypes.bfloat16)
    expected, gradient = ce.softmax_cross_entropy.value_and_grad(array, targets.numpy())
    x.requires_grad_()
    value = ct.softmax_cross_entropy(x, targets)
    value.backward()
    assert value.dtype == torch.float32 and x.grad is not None and x.grad.dtype == dtype
    assert value.item() == expected
    np.testing.assert_array_equal(x.grad.float(), gradient.astype(np.float32))


@pytest.mark.parametrize("stride", ["transposed", "steps", "expanded"])
def test_any_stride_is_read_where_it_lies(stride: str) -> None:
    x = torch.randn(CLASSES, ROWS).T if stride == "transposed" else torch.randn(2 * ROWS, 2 * CLASSES)[::2, ::2]
    x = torch.randn(1, CLASSES).expand(ROWS, CLASSES) if stride == "expanded" else x
    labels = torch.tensor([0, 2, 1, 4])
    assert ct.softmax_cross_entropy(x, labels) == ct.softmax_cross_entropy(x.contiguous(), labels)


def test_images_have_their_classes_on_any_axis() -> None:
    x, labels = torch.randn(2, CLASSES, 3, 4, requires_grad=True), torch.randint(0, CLASSES, (2, 3, 4))
    ct.softmax_cross_entropy(x, labels, axis=1).backward()
    ours, x.grad = x.grad, None
    torch.nn.functional.cross_entropy(x, labels).backward()
    torch.testing.assert_close(ours, x.grad)


@pytest.mark.parametrize("tail", ["uniform", "absent"])
def test_sparse_targets(tail: Any) -> None:
    x = torch.randn(2, CLASSES, dtype=torch.float64, requires_grad=True)
    given = ([[0, 2], [1, 4]], [[0.7, 0.2], [0.5, 0.25]])
    value = ct.softmax_cross_entropy(x, ce.SparseTargets(*map(torch.as_tensor, map(np.array, given)), tail=tail))
    value.backward()
    plain = ce.softmax_cross_entropy.value_and_grad(x.detach().numpy(), ce.SparseTargets(*given, tail=tail))
    assert value.item() == pytest.approx(plain[0], rel=1e-7)
    np.testing.assert_allclose(x.grad, plain[1], rtol=1e-6)


@pytest.mark.parametrize("cotangent", [1.0, 0.25, 0.0, -2.0, float("nan"), float("inf")])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_whatever_comes_from_above_is_a_factor(cotangent: float, reduction: Any) -> None:
    x, labels = arguments("softmax_cross_entropy")
    x.requires_grad_()
    value = ct.softmax_cross_entropy(x, labels, reduction=reduction)
    (of_one,) = torch.autograd.grad(value, x, torch.ones_like(value), retain_graph=True)
    (given,) = torch.autograd.grad(value, x, torch.full_like(value, cotangent))
    torch.testing.assert_close(given, of_one * cotangent, equal_nan=True)


def test_weight_is_returned_beside_the_value() -> None:
    x, labels = arguments("softmax_cross_entropy")
    value, weight = ct.softmax_cross_entropy(
        x.requires_grad_(), labels, class_weight=torch.arange(1.0, 6.0), return_weight=True
    )
    assert weight.dtype == torch.float64 and weight.item() == 1 + 3 + 2 + 5 and not weight.requires_grad
    value.backward()
    assert x.grad is not None


def peers() -> tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], Tensor]:
    x, labels = arguments("softmax_cross_entropy")
    return (
        lambda z: ct.softmax_cross_entropy(z, labels),
        lambda z: torch.nn.functional.cross_entropy(z, labels),
        x,
    )


@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.hessian, torch.func.jacrev, torch.func.jacfwd])
def test_transforms_of_torch_func(transform: Callable[..., Any]) -> None:
    ours, theirs, x = peers()
    torch.testing.assert_close(transform(ours)(x), transform(theirs)(x))


def test_reverse_over_reverse_and_per_sample_gradients() -> None:
    ours, theirs, x = peers()
    torch.testing.assert_close(torch.func.jacrev(torch.func.jacrev(ours))(x), torch.func.hessian(theirs)(x))
    labels = torch.tensor([0, 2, 1, 4])
    each = [
        torch.vmap(torch.func.grad(f))(x, labels) for f in (ct.softmax_cross_entropy, torch.nn.functional.cross_entropy)
    ]
    torch.testing.assert_close(*each)


def test_backward_twice_and_a_graph_of_the_gradient() -> None:
    ours, theirs, x = peers()
    results = []
    for loss in (ours, theirs):
        z = x.clone().requires_grad_()
        value = loss(z)
        (first,) = torch.autograd.grad(value, z, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), z, retain_graph=True)
        value.backward(retain_graph=True)
        value.backward()
        results.append((first, second, z.grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def bare_operator(z: Tensor) -> Tensor:
    found: Tensor = torch.ops.crossentropy.value(z, torch.tensor([0, 2, 1, 4]), *[None] * 5, "softmax_cross_entropy")[0]
    return found


@pytest.mark.parametrize("ours", [peers()[0], bare_operator], ids=["loss", "operator"])
def test_a_third_derivative_is_refused_not_forgotten(ours: Callable[[Tensor], Tensor]) -> None:
    _, _, x = peers()
    z = x.clone().requires_grad_()
    (first,) = torch.autograd.grad(ours(z), z, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), z, create_graph=True)
    with pytest.raises(NotImplementedError) as caught:
        second.sum().backward()
    assert str(caught.value) == (
        "predictions: expected derivatives of first and second order, got a third one; compute the loss inside "
        "\"with crossentropy.torch.use_implementation('composite'):\", or detach the predictions before the second "
        "derivative is taken"
    )


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_compiled_without_a_graph_break(reduction: Any) -> None:
    x, labels = arguments("softmax_cross_entropy")

    def value(z: Tensor) -> Tensor:
        found: Tensor = ct.softmax_cross_entropy(z * 2, labels, label_smoothing=0.1, reduction=reduction).sum()
        return found

    compiled = torch.compile(value, fullgraph=True, backend="aot_eager")
    plain, graph = x.clone().requires_grad_(), x.clone().requires_grad_()
    value(plain).backward()
    compiled(graph).backward()
    torch.testing.assert_close(graph.grad, plain.grad, rtol=0, atol=0)


def test_meta_tensors_have_shapes() -> None:
    x, labels = torch.empty(3, CLASSES, 7, device="meta"), torch.empty(3, 7, dtype=torch.int64, device="meta")
    assert ct.softmax_cross_entropy(x, labels, axis=1, reduction="none").shape == (3, 7)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: ct.softmax_cross_entropy([[1.0, 2.0]], torch.tensor([0])),
            TypeError,
            "logits: expected a tensor, got list; pass one, or call the function of this name in crossentropy itself",
        ),
        (
            lambda: ct.softmax_cross_entropy(torch.zeros(1, 2), torch.tensor([2])),
            IndexError,
            "targets: expected class indices in [0, 2), got 2 in row 0; ",
        ),
        (
            lambda: ct.softmax_cross_entropy(torch.zeros(1, 2), torch.tensor([0]).to_sparse()),
            TypeError,
            "targets: expected a dense real tensor on cpu, got int64, sparse_coo, on cpu; ",
        ),
        (
            lambda: ct.softmax_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), reduction="a;b=c"),
            ValueError,
            "reduction: expected one of 'mean', 'sum', 'none', got 'a;b=c'; pass one of these words",
        ),
        (
            lambda: ct.softmax_cross_entropy(torch.zeros(1, 2), torch.tensor([0]), temperature=torch.ones(())),
            TypeError,
            "temperature: expected a Python number, a word or None, got Tensor; pass one, for example with .item()",
        ),
    ],
)
def test_mistakes_are_named_promise_24(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", NAMES)
def test_losses_are_pickled_and_copied_as_functions_are(name: str) -> None:
    loss = getattr(ct, name)
    assert isinstance(loss, TensorLoss)
    assert pickle.loads(pickle.dumps(loss)) is loss and copy.deepcopy(loss) is loss
    assert repr(loss) == f"<crossentropy.torch loss {name}>"
