"""Plain calls, which take one step, are what they would be on the general way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx

import crossentropy as ce
import crossentropy.torch as ct
from crossentropy.torch import _plain
from crossentropy.torch import functional as drop_ins
from tests.support.tensor_calls import NAMES, arguments

Tensor = torch.Tensor
F = torch.nn.functional
OPTIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "sum": {"reduction": "sum"},
    "ignored": {"ignore_index": 2, "axis": 1},
    "normalizer": {"normalizer": 7.5, "axis": -1},
    "empty": {"empty": float("nan"), "ignore_index": 2, "axis": 1},
    "all": {"ignore_index": 0, "normalizer": 0.5, "reduction": "mean"},
}


@pytest.fixture(params=["kept", "computed again"])
def kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whether gradients are small enough to be kept from forward to backward."""
    if request.param != "kept":
        monkeypatch.setattr(_plain, "_KEPT", 0)
    found: str = request.param
    return found


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether each call took one step."""
    steps: list[bool] = []
    whole = _plain.plain_value

    def counted(*args: Any) -> Any:
        found = whole(*args)
        steps.append(found is not None)
        return found

    for caller in ("_losses", "functional._rows"):
        monkeypatch.setattr(f"crossentropy.torch.{caller}.plain_value", counted)
    yield steps


def general(name: str, x: Tensor, targets: Tensor, **options: Any) -> Any:
    """The call with an option that does nothing, but is none of a plain call."""
    return getattr(ct, name)(x, targets, return_weight=True, **options)[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("factor", [1.0, -0.5, float("inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients(
    name: str, options: str, factor: float, dtype: torch.dtype, kept: str, taken: list[bool]
) -> None:
    given = OPTIONS[options]
    if not given.keys() <= ce.__dict__[name].contract.options.keys():
        given = {}
    x, targets = arguments(name, dtype)
    found = []
    for loss in (getattr(ct, name), lambda *a, **k: general(name, *a, **k)):
        z = x.clone().requires_grad_()
        value = loss(z, targets, **given)
        (value * factor).backward()
        found.append((value.detach(), z.grad))
    torch.testing.assert_close(*found, rtol=1e-6 if dtype == torch.float32 else 1e-14, atol=0, equal_nan=True)
    assert taken == [True] and found[0][0].dtype == dtype


@pytest.mark.parametrize(
    "call",
    [
        lambda x, y: ct.softmax_cross_entropy(x, y, label_smoothing=0.1),
        lambda x, y: ct.softmax_cross_entropy(x.T.contiguous().T, y),
        lambda x, y: ct.softmax_cross_entropy(x.half(), y),
        lambda x, y: ct.softmax_cross_entropy(x, y, reduction="none"),
        lambda x, y: ct.softmax_cross_entropy(x.T, y, axis=0),
        lambda x, y: torch.func.grad(ct.softmax_cross_entropy)(x, y),
        lambda x, y: torch.func.jvp(lambda x: ct.softmax_cross_entropy(x, y), (x,), (x,)),
        lambda x, y: make_fx(lambda x, y: ct.softmax_cross_entropy(x, y), tracing_mode="real")(x, y),
    ],
)
def test_what_is_not_plain_goes_the_general_way(call: Callable[[Tensor, Tensor], Any], taken: list[bool]) -> None:
    call(torch.randn(4, 5), torch.tensor([0, 2, 1, 4]))
    assert not any(taken)


def test_forced_implementations_and_checked_mode_go_the_general_way(taken: list[bool]) -> None:
    x, y = torch.randn(4, 5), torch.tensor([0, 2, 1, 4])
    for mode in (ct.use_implementation("composite"), ce.use_implementation("reference"), ce.checked()):
        with mode:
            ct.softmax_cross_entropy(x, y)
    with torch.autograd.forward_ad.dual_level():
        ct.softmax_cross_entropy(torch.autograd.forward_ad.make_dual(x, x), y)
    assert not any(taken) and len(taken) == 4


def test_a_traced_call_is_an_operator_not_a_constant() -> None:
    def value(x: Tensor, y: Tensor) -> Tensor:
        found: Tensor = ct.softmax_cross_entropy(x, y)
        return found

    traced = make_fx(value, tracing_mode="real")(torch.randn(4, 5), torch.tensor([0, 2, 1, 4]))
    x, y = torch.randn(4, 5), torch.tensor([1, 1, 0, 3])
    torch.testing.assert_close(traced(x, y), ct.softmax_cross_entropy(x, y))


def test_a_mean_of_nothing_is_what_was_said(taken: list[bool]) -> None:
    x, y = torch.zeros(1, 2), torch.tensor([1])
    assert ct.softmax_cross_entropy(x, y, ignore_index=1, empty=2.5).item() == 2.5
    with pytest.raises(TypeError, match=r"^empty: expected a number, got 'nan'"):
        ct.softmax_cross_entropy(x, y, empty="nan")
    assert taken == [False, False]


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_drop_ins_take_one_step(reduction: str, taken: list[bool]) -> None:
    x, y = torch.randn(4, 5), torch.tensor([0, 2, 1, 4])
    drop_ins.cross_entropy(x, y, reduction=reduction)
    drop_ins.cross_entropy(x, x.softmax(1), reduction=reduction)
    drop_ins.cross_entropy(x[0], y[0], reduction=reduction)
    drop_ins.binary_cross_entropy(x.sigmoid(), x.sigmoid(), reduction=reduction)
    drop_ins.binary_cross_entropy_with_logits(x, x.sigmoid(), reduction=reduction)
    drop_ins.soft_margin_loss(x, x.sign(), reduction=reduction)
    drop_ins.multilabel_soft_margin_loss(x, x.sigmoid(), reduction=reduction)
    assert taken == [True] * 7


def test_what_changes_before_backward_is_noticed(kept: str) -> None:
    for changed in range(2):
        x, y = torch.randn(4, 5, requires_grad=True), torch.tensor([0, 2, 1, 4])
        z = x * 1
        value = ct.softmax_cross_entropy(z, y)
        (z, y)[changed].mul_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            value.backward()


def test_what_changes_unseen_has_the_words_of_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_plain, "_KEPT", 0)
    labels = torch.tensor([0, 2])
    value = ct.softmax_cross_entropy(torch.zeros(2, 3, requires_grad=True), labels)
    labels.data[0] = 3  # past PyTorch's count of changes
    with pytest.raises(IndexError, match=r"^targets: expected class indices in \[0, 3\), got 3 in row 0; "):
        value.backward()


def test_backward_twice_and_a_graph_of_the_gradient(kept: str) -> None:
    found = []
    for loss in (ct.softmax_cross_entropy, F.cross_entropy):
        z = torch.linspace(-1, 2, 20, dtype=torch.float64).reshape(4, 5).requires_grad_()
        value = loss(z, torch.tensor([0, 2, 1, 4]))
        value.backward(retain_graph=True)
        value.backward(retain_graph=True)
        (first,) = torch.autograd.grad(value, z, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), z, retain_graph=True)
        value.backward()
        with pytest.raises(RuntimeError, match="a second time"):
            value.backward()
        found.append((first, second, z.grad))
    torch.testing.assert_close(*found)


def test_a_gradient_that_is_kept_is_not_shared() -> None:
    z = torch.randn(4, 5, requires_grad=True)
    value = ct.softmax_cross_entropy(z, torch.tensor([0, 2, 1, 4]))
    value.backward(retain_graph=True)
    assert z.grad is not None
    first = z.grad.clone()
    z.grad.zero_()
    value.backward()
    torch.testing.assert_close(z.grad, first, rtol=1e-6, atol=1e-9)


def test_a_batch_of_cotangents(kept: str) -> None:
    z = torch.randn(4, 5, requires_grad=True)
    value = ct.softmax_cross_entropy(z, torch.tensor([0, 2, 1, 4]))
    (one,) = torch.autograd.grad(value, z, retain_graph=True)
    (both,) = torch.autograd.grad(value, z, torch.tensor([1.0, -2.0]), is_grads_batched=True)
    torch.testing.assert_close(both, torch.stack([one, -2 * one]))


def test_faults_have_the_words_of_the_general_way() -> None:
    x = torch.zeros(1, 2, requires_grad=True)
    with pytest.raises(IndexError, match=r"^targets: expected class indices in \[0, 2\), got 2 in row 0; "):
        ct.softmax_cross_entropy(x, torch.tensor([2]), ignore_index=-100)
    with pytest.raises(TypeError, match=r"^axis: expected an integer, got True"):
        ct.softmax_cross_entropy(x, torch.tensor([1]), axis=True)
    with pytest.warns(RuntimeWarning, match="the mean is NaN"):
        ct.softmax_cross_entropy(x, torch.tensor([1]), ignore_index=1).backward()
    assert x.grad is not None and bool((x.grad == 0).all())
