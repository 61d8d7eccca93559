"""The functions under PyTorch's names: signatures, reductions, shapes, dtypes and words."""

from __future__ import annotations

import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from crossentropy.torch import functional as F  # noqa: N812
from tests.torch.drop_in_calls import CALLS, FUNCTIONS, arguments, differentiated, theirs

Tensor = torch.Tensor
INF, NAN = torch.inf, torch.nan


@pytest.fixture(autouse=True)
def means_of_divergences_warn_no_more() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "^reduction: 'mean' divides", UserWarning)  # PyTorch's
        warnings.filterwarnings("ignore", "^reduction: expected 'batchmean'", UserWarning)  # ours
        yield


@pytest.mark.parametrize("name", F.__all__)
def test_signatures_are_pytorchs(name: str) -> None:
    def bare(function: Any) -> list[inspect.Parameter]:
        parameters = inspect.signature(function).parameters.values()
        return [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]

    if name == "logsigmoid":  # compiled: its first line of documentation is all there is
        assert str(inspect.signature(F.logsigmoid)) == "(input: 'Tensor') -> 'Tensor'"
        assert (theirs(name).__doc__ or "").strip().startswith("logsigmoid(input) -> Tensor")
    else:
        assert bare(getattr(F, name)) == bare(theirs(name))


@pytest.mark.parametrize("call", CALLS, ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_promise_18_numbers_are_pytorchs_under_every_option(call: Any, reduction: str) -> None:
    tensors, options = arguments(call, torch.float64)
    ours = differentiated(getattr(F, call.name), tensors, **options, reduction=reduction)
    exact = differentiated(theirs(call.name), tensors, **options, reduction=reduction)
    for found, expected in zip(ours, exact, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("flags", list(itertools.product([None, True, False], repeat=2))[1:], ids=str)
def test_deprecated_flags_override_the_reduction_with_pytorchs_warning(name: str, flags: Any) -> None:
    call = next(call for call in CALLS if call.name == name)
    tensors, options = arguments(call, torch.float64)
    results = []
    for function in (getattr(F, name), theirs(name)):
        with pytest.warns(UserWarning) as caught:
            value = function(*tensors, **options, size_average=flags[0], reduce=flags[1], reduction="none")
        results.append((value, [str(warning.message) for warning in caught]))
    (value, words), (exact, expected) = results
    assert words == expected
    torch.testing.assert_close(value, exact)


def test_a_deprecated_word_is_still_known() -> None:
    z, y = torch.randn(3, 4), torch.tensor([0, 1, 2])
    with pytest.warns(UserWarning, match="^reduction='elementwise_mean' is deprecated"):
        assert F.cross_entropy(z, y, reduction="elementwise_mean") == F.cross_entropy(z, y)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("dtypes", list(itertools.product([torch.bfloat16, torch.float32, torch.float64], repeat=2)))
@pytest.mark.parametrize("autocast", [False, True])
def test_promise_19_the_dtype_is_what_pytorch_gives(name: str, dtypes: Any, autocast: bool) -> None:
    """Of input and target, wherever PyTorch takes the pair; under autocast as well."""
    for call in CALLS:
        if call.name != name:
            continue
        (x, target), options = arguments(call, *dtypes)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            try:
                expected = theirs(name)(x, target, **options)
            except RuntimeError as error:
                assert "ype" in str(error)  # of dtypes that do not go together
                continue
            found = getattr(F, name)(x, target, **options)
        # PyTorch would round to the target's dtype there, which the page of differences says
        wide = x.dtype if name == "binary_cross_entropy_with_logits" else expected.dtype
        assert found.dtype == torch.promote_types(expected.dtype, wide), call


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("dtype", [None, torch.float32, torch.float64])
def test_the_dtype_of_activations_is_what_pytorch_gives(name: str, autocast: bool, dtype: Any) -> None:
    x = torch.randn(3, 4, dtype=torch.bfloat16, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        found, expected = (f(x, 1, dtype=dtype) for f in (getattr(F, name), theirs(name)))
    assert found.dtype == expected.dtype
    found.sum().backward()
    assert x.grad is not None and x.grad.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        (lambda F, r: F.cross_entropy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), reduction=r), (0,)),
        (lambda F, r: F.cross_entropy(torch.zeros(0, 3), torch.zeros(0, 3), reduction=r), (0,)),
        (lambda F, r: F.cross_entropy(torch.zeros(2, 3, 0), torch.zeros(2, 0).long(), reduction=r), (2, 0)),
        (lambda F, r: F.nll_loss(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), reduction=r), (0,)),
        (lambda F, r: F.binary_cross_entropy(torch.zeros(0, 3), torch.zeros(0, 3), reduction=r), (0, 3)),
        (lambda F, r: F.binary_cross_entropy_with_logits(torch.zeros(0), torch.zeros(0), reduction=r), (0,)),
        (lambda F, r: F.soft_margin_loss(torch.zeros(0), torch.zeros(0), reduction=r), (0,)),
        (lambda F, r: F.multilabel_soft_margin_loss(torch.zeros(0, 3), torch.zeros(0, 3), reduction=r), (0,)),
        (lambda F, r: F.kl_div(torch.zeros(0, 3), torch.zeros(0, 3), reduction=r), (0, 3)),
    ],
)  # fmt: skip
def test_promise_22_of_nothing_the_mean_is_nan_the_sum_0(call: Callable[[Any, str], Tensor], shape: Any) -> None:
    for functions in (F, torch.nn.functional):
        assert call(functions, "mean").isnan()
        assert call(functions, "sum") == 0
        assert call(functions, "none").shape == shape


@pytest.mark.parametrize("options", [{}, {"weight": torch.tensor([1.0, 2.0])}], ids=["plain", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_promise_17_a_batch_of_ignored_rows_has_a_gradient_of_0(options: dict[str, Any], smoothing: float) -> None:
    z = torch.tensor([[1.0, 2.0], [NAN, INF]], requires_grad=True)
    value = F.cross_entropy(z, torch.tensor([-100, -100]), **options | {"label_smoothing": smoothing})
    value.backward()
    assert value.isnan() and z.grad is not None and z.grad.tolist() == [[0, 0], [0, 0]]


def test_promise_17_nll_loss_of_ignored_rows_has_a_gradient_of_0() -> None:
    x = torch.tensor([[1.0, NAN]], requires_grad=True)
    value = F.nll_loss(x, torch.tensor([7]), ignore_index=7)
    value.backward()
    assert value.isnan() and x.grad is not None and x.grad.tolist() == [[0, 0]]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.bool])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
def test_promise_11_labels_of_any_integer_type(name: str, dtype: torch.dtype) -> None:
    """-100 is no label of a type without sign, though 156 is what it would wrap to."""
    x, labels = torch.randn(3, 200).log_softmax(1), torch.tensor([0, 156, 1])
    labels = labels.clamp(max=1 if dtype == torch.bool else 100 if dtype == torch.int8 else 156)
    smoothed = {"label_smoothing": 0.1} if name == "cross_entropy" else {}
    for options in ({}, {"weight": torch.rand(200), **smoothed}):
        found = getattr(F, name)(x, labels.to(dtype), **options)
        torch.testing.assert_close(found, theirs(name)(x, labels, **options))


class Sizes(TorchDispatchMode):
    """How many tensors of at least a size the operations inside allocate."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size, self.large = size, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        given = {x.untyped_storage().data_ptr() for x in args if isinstance(x, Tensor)}
        for x in found if isinstance(found, tuple) else (found,):
            is_new = isinstance(x, Tensor) and x.untyped_storage().data_ptr() not in given
            self.large += is_new and x.numel() >= self.size
        return found


@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "kl_div"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_nothing_of_the_inputs_size_is_allocated_but_the_gradient(name: str, dtype: torch.dtype) -> None:
    for call in CALLS:
        if call.name != name or call.with_temporaries or len(call.shape) == 1:
            continue
        (x, target), options = arguments(call, dtype)
        x.requires_grad_()
        size = x.numel()
        with Sizes(size) as forward:
            value = getattr(F, name)(x, target, **options)
        with Sizes(size) as backward:
            value.backward()
        # nll_loss is of PyTorch's operations: zeros, and the slopes scattered into them
        assert (forward.large, backward.large) == (0, 2 if name == "nll_loss" else 1), call


def raised(call: Callable[[], Any]) -> str:
    with pytest.raises((ValueError, TypeError, IndexError)) as caught:
        call()
    return f"{type(caught.value).__name__}: {caught.value}"


def warned(call: Callable[[], Any]) -> str:
    with pytest.warns(UserWarning) as caught:
        call()
    assert caught[0].filename == __file__
    return f"{caught[0].category.__name__}: {caught[0].message}"


z, y = torch.zeros(2, 3), torch.tensor([0, 3])


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (lambda: raised(lambda: F.cross_entropy(z, y)),
         "IndexError: targets: expected class indices in [0, 3), got 3 in row 1; "
         "correct the label, or drop such rows with ignore_index=3"),
        (lambda: raised(lambda: F.nll_loss(z, y)),
         "IndexError: targets: expected class indices in [0, 3), got 3 in row 1; "
         "correct the label, or drop such rows with ignore_index=3"),
        (lambda: raised(lambda: F.cross_entropy(z, torch.full((2, 3), 1 / 3), ignore_index=0)),
         "ValueError: ignore_index: expected index targets, got soft targets; "
         "drop rows of such targets with sample_weight=0"),
        (lambda: raised(lambda: F.nll_loss(z, z)),
         "TypeError: target: expected class indices of an integer type for an input with a class axis, got float32 for "
         "an input of shape (2, 3); convert labels with .long(), or pass distributions to cross_entropy"),
        (lambda: raised(lambda: F.nll_loss(z, torch.tensor([0]))),
         "ValueError: target: expected shape (2,) (one class index for each row), got shape (1,); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
        (lambda: raised(lambda: F.nll_loss(z, y, weight=torch.ones(2))),
         "ValueError: weight: expected shape (3,) (one for each class), got shape (2,); "
         "reshape or broadcast it yourself, so that nothing is paired by accident"),
        (lambda: raised(lambda: F.binary_cross_entropy(z, z, weight=torch.ones(2))),
         "ValueError: weight: expected a shape that broadcasts to (2, 3), got shape (2,); "
         "reshape it, for example with .view(-1, 1, 1) for weights of channels"),
        (lambda: raised(lambda: F.binary_cross_entropy_with_logits(z, z, pos_weight=torch.ones(2))),
         "ValueError: pos_weight: expected a shape that broadcasts to (2, 3), got shape (2,); "
         "reshape it, for example with .view(-1, 1, 1) for weights of channels"),
        (lambda: raised(lambda: F.binary_cross_entropy_with_logits(z, z + 1.5, pos_weight=torch.ones(2, 1))),
         "ValueError: targets: expected targets in [0, 1], got 1.5 in row (0, 0); "
         "pass 1 for the positive class and 0 for the other"),
        (lambda: raised(lambda: F.soft_margin_loss(z, z, reduction="batchmean")),
         "ValueError: reduction: expected one of 'mean', 'sum', 'none', got 'batchmean'; pass one of these words"),
        (lambda: raised(lambda: F.kl_div(z, z, reduction="average")),
         "ValueError: reduction: expected one of 'mean', 'sum', 'none', 'batchmean', got 'average'; "
         "pass one of these words"),
        (lambda: warned(lambda: F.kl_div(z, z)),
         "UserWarning: reduction: expected 'batchmean', which averages the divergences of rows, got 'mean', which "
         "divides by the number of elements; pass 'batchmean', or divide a 'sum' yourself"),
        (lambda: warned(lambda: F.softmax(z)),
         "UserWarning: dim: expected an axis, got None, which is deprecated; pass dim=1"),
        (lambda: warned(lambda: F.log_softmax(z[0])),
         "UserWarning: dim: expected an axis, got None, which is deprecated; pass dim=0"),
    ],
)  # fmt: skip
def test_promise_24_mistakes_are_named(said: Callable[[], str], sentence: str) -> None:
    assert said() == sentence


@pytest.mark.parametrize("shape", [(), (3,), (3, 4), (2, 3, 4), (2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_an_axis_that_is_not_named_is_the_one_that_pytorch_takes(name: str, shape: Any) -> None:
    x = torch.randn(shape)
    with pytest.warns(UserWarning, match="^dim: expected an axis"):
        found = getattr(F, name)(x)
    with pytest.warns(UserWarning, match="Implicit dimension choice"):
        expected = theirs(name)(x)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("shapes", [((2, 5), (5,)), ((5,), (2, 5)), ((2, 1), (1, 5)), ((), (3,)), ((), ())], ids=str)
@pytest.mark.parametrize("log_target", [False, True])
@pytest.mark.parametrize("reduction", ["batchmean", "mean", "none"])
def test_kl_div_broadcasts_as_pytorchs(shapes: Any, log_target: bool, reduction: str) -> None:
    x, target = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
    results = []
    for function in (F.kl_div, torch.nn.functional.kl_div):
        given = target if log_target else target.exp()
        value = function(x, given, reduction=reduction, log_target=log_target)
        results.append((value, *torch.autograd.grad(value.sum(), (x, target))))
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("log_target", [False, True])
def test_promise_10_nan_stays_and_stays_in_its_element_of_kl_div(log_target: bool) -> None:
    x, target = torch.tensor([NAN, -1.0, NAN, -1.0]), torch.tensor([0.5, NAN, 0.0, -0.5])
    found = F.kl_div(x, target.log() if log_target else target, reduction="none", log_target=log_target)
    assert found.isnan().all()
    found = F.kl_div(torch.tensor([NAN, -1.0]), torch.tensor([0.5, 0.5]), reduction="none")
    assert found.isnan().tolist() == [True, False]
