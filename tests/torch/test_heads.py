"""The head on tensors: the numbers of the head on arrays, and PyTorch's ways to differentiate them."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch.autograd import gradcheck, gradgradcheck
from torch.utils.checkpoint import checkpoint

import crossentropy as ce
import crossentropy.torch as ct
from crossentropy.torch._head_functions import Value
from crossentropy.torch._tensors import from_array
from tests.support.calls import quietly
from tests.support.head_calls import Case, agree, cases
from tests.support.tensor_calls import OF_LOGITS, OPTIONS

Tensor = torch.Tensor
head, on_arrays = ct.linear_softmax_cross_entropy, ce.linear_softmax_cross_entropy
OUTPUTS = ("negative_log_likelihood", "logsumexp", "entropy", "predicted", "correct")
ROWS, CLASSES, WIDTH = 4, 5, 3
LABELS = torch.tensor([0, 2, 1, 4])

each_set_of_options = pytest.mark.parametrize("options", (OPTIONS | OF_LOGITS).values(), ids=(OPTIONS | OF_LOGITS))


def parameters(dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Features, weight and bias that need gradients."""
    generator = torch.Generator().manual_seed(2)
    shapes = ((ROWS, WIDTH), (CLASSES, WIDTH), (CLASSES,))
    return [torch.randn(shape, generator=generator).to(dtype).requires_grad_() for shape in shapes]


def ours(x: Tensor, w: Tensor, b: Tensor, **options: Any) -> Any:
    return head(x, w, LABELS, bias=b, **options)


def theirs(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(torch.nn.functional.linear(x, w, b), LABELS)


def tensors_of(case: Case) -> tuple[list[Tensor | None], Any, dict[str, Any]]:
    """Features, weight and bias, which need gradients; targets; options."""

    def tensor(value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value
        if not value.flags.writeable or any(step < 0 for step in value.strides):
            value = value.copy()  # PyTorch has no such tensors, nor other byte orders than the machine's
        return from_array(value.astype(value.dtype.newbyteorder("="), copy=False))

    targets = case.targets
    if isinstance(targets, ce.SparseTargets):
        targets = ce.SparseTargets(*map(tensor, (targets.indices, targets.probabilities)), tail=targets.tail)
    given = [None if a is None else tensor(a).requires_grad_() for a in (case.x, case.w, case.b)]
    options = {name: tensor(value) for name, value in case.options.items() if name != "bias"}
    return given, tensor(targets), options


@given(cases())
def test_values_gradients_and_outputs_are_those_of_arrays(case: Case) -> None:
    """Of the native core in float64, and of the composite (promise 25)."""
    expected, gradients = quietly(lambda: on_arrays.value_and_grad(*case.arguments, **case.options, outputs=OUTPUTS))
    (_, _, _), targets, options = tensors_of(case)
    for implementation in ("native", "composite"):
        x, w, b = tensors_of(case)[0]
        with ct.use_implementation(implementation):  # type: ignore[arg-type]
            found = quietly(lambda x=x, w=w, b=b: head(x, w, targets, bias=b, outputs=OUTPUTS, **options))
        for name in found._fields:
            one, other = getattr(found, name), getattr(expected, name)
            assert (one is None) == (other is None)
            if one is not None:
                agree(one.detach(), other)
        found.loss.sum().backward()
        for tensor, gradient in zip((x, w, b), gradients, strict=True):
            if tensor is not None and bool(torch.isfinite(found.loss).all()):
                agree(tensor.grad, gradient)


def test_the_signature_is_that_of_the_head_on_arrays() -> None:
    assert inspect.signature(head) == inspect.signature(on_arrays)


@each_set_of_options
def test_pytorchs_own_checks_of_first_and_second_derivatives(options: dict[str, Any]) -> None:
    def value(*given: Tensor) -> Any:
        return ours(*given, **options, block_bytes=2 * CLASSES * 8)

    assert gradcheck(value, parameters(), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(value, parameters(), check_fwd_over_rev=True, check_batched_grad=True)


@pytest.mark.parametrize("outputs", [("logsumexp",), ("entropy",), ("entropy", "predicted", "logsumexp")])
def test_pytorchs_own_checks_of_outputs(outputs: tuple[str, ...]) -> None:
    def value(*given: Tensor) -> Any:
        found = ours(*given, outputs=outputs, temperature=0.7, softcap=5.0)
        return tuple(t for t in found if t is not None and t.is_floating_point())

    assert gradcheck(value, parameters(), check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(value, parameters(), check_fwd_over_rev=True, check_batched_grad=True)


@pytest.mark.parametrize("needed", [(True, False, False), (False, True, False), (True, False, True), (False,) * 3])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_only_what_needs_a_gradient_has_one(needed: tuple[bool, ...], reduction: str) -> None:
    everything, some = parameters(), [p.detach().requires_grad_(n) for p, n in zip(parameters(), needed, strict=True)]
    ours(*everything, reduction=reduction).sum().backward()
    value = ours(*some, reduction=reduction).sum()
    assert value.requires_grad == any(needed)
    if any(needed):
        value.backward()
    for tensor, whole, asked in zip(some, everything, needed, strict=True):
        assert (tensor.grad is not None) == asked
        if asked:
            torch.testing.assert_close(tensor.grad, whole.grad, rtol=1e-12, atol=1e-14)


def test_operators_pass_pytorchs_check() -> None:
    """Fake kernels, registrations, gradients: all of them."""
    given, text = parameters(), "linear_softmax_cross_entropy\nreduction='none'\noutputs=('logsumexp', 'entropy')"
    plain = [tensor.detach() for tensor in given]
    cotangents = [torch.rand(ROWS, dtype=torch.float64) for _ in range(3)]
    rest, wanted, operators = (LABELS, None, None, None, None, text), [True] * 3, torch.ops.crossentropy
    torch.library.opcheck(operators.head.default, (*given, *rest, [False] * 3))
    torch.library.opcheck(operators.head.default, (*given, *rest[:-1], "linear_softmax_cross_entropy", wanted))
    torch.library.opcheck(operators.head_gradient.default, (*cotangents, *given, *rest, wanted))
    torch.library.opcheck(operators.head_curvature.default, (*cotangents, *plain, *plain, *rest))
    torch.library.opcheck(operators.head_tangent.default, (*plain, *plain, *rest))


@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.hessian, torch.func.jacrev, torch.func.jacfwd])
@pytest.mark.parametrize("argument", [0, 1, 2])
def test_transforms_of_torch_func(transform: Callable[..., Any], argument: int) -> None:
    given = [tensor.detach() for tensor in parameters()]
    found, expected = (transform(f, argnums=argument)(*given) for f in (ours, theirs))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)


def test_gradients_of_single_rows() -> None:
    x, w, _ = (tensor.detach() for tensor in parameters())

    def of_a_row(function: Any) -> Any:
        return torch.vmap(torch.func.grad(function, argnums=1), in_dims=(0, None, 0))(x, w, LABELS)

    expected = of_a_row(lambda x, w, y: torch.nn.functional.cross_entropy(w @ x, y))
    torch.testing.assert_close(of_a_row(head), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("factor", [1.0, 0.25, 1 / 3, -2.0, 0.0])
def test_backward_twice_with_any_factor(factor: float) -> None:
    """The gradients computed beside the value are given away once, then computed again."""
    given = parameters()
    (factor * theirs(*given)).backward()
    expected = [tensor.grad for tensor in given]
    again = parameters()
    value = factor * ours(*again)
    value.backward(retain_graph=True)
    first = [tensor.grad.clone() for tensor in again if tensor.grad is not None]
    value.backward()
    for one, tensor, right in zip(first, again, expected, strict=True):
        torch.testing.assert_close(one, right, rtol=1e-12, atol=1e-14)
        assert tensor.grad is not None and torch.equal(tensor.grad, 2 * one)  # the same bits both times


def test_what_is_kept_is_nobody_elses() -> None:
    """A gradient that became ``.grad`` does not change with the next one."""
    x, w, b = parameters()
    value = ours(x, w, b)
    value.backward(retain_graph=True)
    held = w.grad
    assert held is not None
    before, w.grad = held.clone(), None
    (3 * ours(x, w, b)).backward()
    value.backward()
    assert torch.equal(held, before)


def test_a_change_before_backward_is_noticed() -> None:
    x, w, b = parameters()
    value = ours(x, w, b)
    with torch.no_grad():
        w += 1.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        value.backward()


def test_a_third_derivative_is_refused_not_forgotten() -> None:
    x, w, b = parameters()
    (first,) = torch.autograd.grad(ours(x, w, b), x, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum(), x, create_graph=True)
    with pytest.raises(NotImplementedError) as caught:
        second.sum().backward()
    assert str(caught.value) == (
        "features: expected derivatives of first and second order, got a third one; compute the loss inside "
        "\"with crossentropy.torch.use_implementation('composite'):\", or detach the features before the second "
        "derivative is taken"
    )


def test_the_composite_has_third_derivatives_and_those_of_targets() -> None:
    x, w, b = parameters()
    target = torch.randn(ROWS, CLASSES, dtype=torch.float64).requires_grad_()

    def value(x: Tensor, w: Tensor, b: Tensor, u: Tensor) -> Any:
        return head(x, w, u.softmax(1), bias=b, block_bytes=CLASSES * 8)

    assert ct.implementation(x, target) == "composite"
    assert gradcheck(value, (x, w, b, target))
    assert gradgradcheck(value, (x, w, b, target))
    with ct.use_implementation("composite"):
        results = [torch.func.jacrev(torch.func.hessian(lambda z, f=f: f(z, w, b)))(x.detach()) for f in (ours, theirs)]
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("outputs", [(), ("logsumexp", "correct")])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_compiled_without_a_graph_break(outputs: tuple[str, ...], reduction: str) -> None:
    def value(*given: Tensor) -> Tensor:
        found = ours(*given, outputs=outputs, label_smoothing=0.1, reduction=reduction)
        loss = found.loss + found.logsumexp.sum() if outputs else found
        total: Tensor = (loss / 3).sum()
        return total

    compiled, results = torch.compile(value, fullgraph=True, backend="aot_eager"), []
    for function in (value, compiled):
        given = parameters()
        function(*given).backward()
        results.append([tensor.grad for tensor in given])
    torch.testing.assert_close(*results, rtol=1e-14, atol=1e-15)


def test_an_exported_head_answers_alike() -> None:
    class Model(torch.nn.Module):
        def forward(self, x: Tensor, w: Tensor) -> Any:
            return head(x, w, LABELS, outputs=("correct",))

    x, w, _ = parameters()
    model = Model()
    for one, other in zip(torch.export.export(model, (x, w)).module()(x, w), model(x, w), strict=True):
        assert (one is None and other is None) or torch.equal(one, other)


def test_meta_tensors_have_shapes() -> None:
    x, w = torch.empty(2, 7, 3, device="meta"), torch.empty(9, 3, device="meta")
    y = torch.empty(2, 7, dtype=torch.int64, device="meta")
    found = head(x, w, y, reduction="none", shift=2, outputs=OUTPUTS)
    assert {tensor.shape for tensor in found if tensor is not None} == {(2, 5)}
    assert found.predicted.dtype == torch.int64 and found.correct.dtype == torch.bool


def test_a_checkpoint_computes_again_what_was_computed() -> None:
    plain, again = parameters(), parameters()
    ours(*plain).backward()
    checkpoint(ours, *again, use_reentrant=False).backward()
    for one, other in zip(plain, again, strict=True):
        assert one.grad is not None and other.grad is not None and torch.equal(one.grad, other.grad)


def test_autocast_casts_as_for_a_linear_layer() -> None:
    given = parameters(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        value = ours(*given)
    assert value.dtype == torch.float32
    rounded = [tensor.detach().bfloat16() for tensor in given]
    assert torch.equal(value, ours(*rounded))
    value.backward()
    assert {tensor.grad.dtype for tensor in given if tensor.grad is not None} == {torch.float32}
    wide = parameters()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours(*wide), theirs(*wide).detach()) or ours(*wide).dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@pytest.mark.parametrize("blocks", [1, 3])
def test_halves_sum_weight_gradients_in_float32(dtype: torch.dtype, blocks: int) -> None:
    """However many blocks the rows come in, the gradient is rounded once (promise 19)."""
    rows, classes, width = 96, 50, 8
    generator = torch.Generator().manual_seed(0)
    x, w = (torch.randn(shape, generator=generator).to(dtype) for shape in ((rows, width), (classes, width)))
    y = torch.randint(0, classes, (rows,), generator=generator)
    x, w = x.requires_grad_(), w.requires_grad_()
    head(x, w, y, block_bytes=10**6 if blocks == 1 else 4 * (rows // blocks) * classes).backward()
    # what the slopes are: those of the logits as they were rounded
    logits = (x.detach() @ w.detach().T) if dtype is torch.bfloat16 else x.detach().float() @ w.detach().float().T
    slopes = ce.softmax_cross_entropy.value_and_grad(logits.float().numpy(), y.numpy())[1]
    g, wide = torch.from_numpy(slopes).to(logits.dtype).double(), (x.detach().double(), w.detach().double())
    parts = torch.stack([s.T @ r for s, r in zip(g.chunk(blocks), wide[0].chunk(blocks), strict=True)])
    # bfloat16 products of a block have bfloat16's digits; those of several are summed in float32
    roundings = parts.abs().sum(0) if dtype is torch.bfloat16 and blocks > 1 else 0.0
    for found, expected, more in ((w.grad, parts.sum(0), roundings), (x.grad, g @ wide[1], 0.0)):
        assert found is not None and found.dtype == dtype
        eps = torch.finfo(dtype).eps if dtype is not torch.float32 else 4e-5
        assert ((found.double() - expected).abs() <= 0.51 * eps * (expected.abs() + more) + 1e-7).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_filtered_classes_cost_the_gradient_no_more_than_stated(dtype: torch.dtype) -> None:
    """Of a peaked head, whose weights of classes that are nobody's label get nothing."""
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(300, 64, generator=generator)
    y = torch.randint(0, 40, (60,), generator=generator)
    x, eps = 0.7 * w[y], 1e-6
    x, w = (tensor.to(dtype).requires_grad_() for tensor in (x, w))
    results = []
    for filter_eps in (0.0, eps):
        x.grad = w.grad = None
        value = head(x, w, y, filter_eps=filter_eps, block_bytes=20 * 300 * 8)
        (3.0 * value).backward()
        results.append((value.detach(), x.grad.double(), w.grad.double()))  # type: ignore[union-attr]
    (one, of_x, of_w), (other, x_less, w_less) = results
    assert torch.equal(one, other)
    bound = 3.0 / 60 * eps
    for whole, less, other_factor in ((of_x, x_less, w), (of_w, w_less, x)):
        rounding = 4 * torch.finfo(dtype).eps * whole.abs().max(-1, keepdim=True).values
        assert ((whole - less).abs() <= bound * other_factor.detach().double().abs().sum(0) + rounding).all()
    assert (of_w[40:] != 0).any() and (w_less[40:] == 0).all()


def test_a_loss_scaler_lifts_gradients_of_float16_in_time() -> None:
    x, w = torch.ones(1, 2, dtype=torch.float16), torch.zeros(2, 2, dtype=torch.float16)
    x, w = x.requires_grad_(), (w + torch.tensor([[0.0], [-10.0]])).half().requires_grad_()
    (head(x, w, torch.tensor([0])) * 65536).backward()
    p = 1 / (1 + np.exp(20.0))  # 2e-9, where float16 ends at 6e-8
    assert w.grad is not None and w.grad[1, 0].item() == pytest.approx(65536 * p, rel=2.0**-10)


def test_it_is_pickled_and_copied_as_functions_are() -> None:
    assert pickle.loads(pickle.dumps(head)) is head and copy.deepcopy(head) is head
    assert repr(head) == "<crossentropy.torch head linear_softmax_cross_entropy>"


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda x, w: head(x.detach().numpy(), w, LABELS),
            TypeError,
            "features: expected a tensor, got ndarray; pass one, or call the function of this name in crossentropy",
        ),
        (
            lambda x, w: head(x, w[:, :2], LABELS),
            ValueError,
            "weight: expected shape (K, D) with K >= 1, for features of shape (..., D), got shape (5, 2) for features "
            "of shape (4, 3); pass one row of weights for each class, as torch.nn.Linear holds them",
        ),
        (
            lambda x, w: head(x, w, torch.tensor([0, 5, 1, 1])),
            IndexError,
            "targets: expected class indices in [0, 5), got 5 in row 1; ",
        ),
        (
            lambda x, w: head(x, w.to("meta"), LABELS),
            TypeError,
            "weight: expected a dense real tensor on cpu, got float64, strided, on meta; ",
        ),
        (
            lambda x, w: head(x, w, LABELS, outputs=("loss",)),
            ValueError,
            "outputs: expected names among 'negative_log_likelihood', 'logsumexp', 'entropy', 'predicted', 'correct', "
            "got 'loss'; pass a tuple of such names",
        ),
        (
            lambda x, w: head(x, w, LABELS, softcap=torch.ones(())),
            TypeError,
            "softcap: expected a Python number, a word or None, got Tensor; pass one, for example with .item()",
        ),
    ],
)
@pytest.mark.parametrize("implementation", ["native", "composite"])
def test_mistakes_are_named_promise_24(
    call: Callable[..., Any], kind: type[Exception], message: str, implementation: Any
) -> None:
    x, w, _ = parameters()
    with ct.use_implementation(implementation), pytest.raises(kind) as caught:
        call(x, w)
    assert str(caught.value).startswith(message)


def test_what_the_core_cannot_differentiate_is_refused_where_it_is_forced() -> None:
    x, w, _ = parameters()
    with ct.use_implementation("native"), pytest.raises(ValueError, match=r"^sample_weight: expected a tensor that "):
        head(x, w, LABELS, sample_weight=torch.ones(4, requires_grad=True))


def test_functions_tell_themselves_by_name() -> None:
    assert type(ours(*parameters()).grad_fn).__name__ == f"{Value.__name__}Backward"
