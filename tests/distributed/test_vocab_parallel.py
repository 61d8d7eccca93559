"""Split over ranks, head and loss give what they give in one process."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch

import crossentropy as ce
import crossentropy.torch as ct
from crossentropy.distributed import _split, vocab_parallel
from crossentropy.torch import _composite_checks
from tests.distributed import calls
from tests.distributed.calls import BLOCK, BOTH, HEAD, SIZES, SLICED
from tests.distributed.worlds import World

Tensor = torch.Tensor


def joined(found: list[dict[str, Tensor]], soft: bool) -> dict[str, Tensor]:
    """Slices put together; of what all ranks have, that of the first, if they agree to the last bit."""
    whole = {}
    for name, first in found[0].items():
        of, parts = name.removeprefix("of "), [results[name] for results in found]
        if of != name and (of in SLICED or (of == "targets" and soft)):
            whole[name] = torch.cat(parts, SLICED.get(of, -1))
        else:
            torch.testing.assert_close(parts, [first] * len(parts), rtol=0, atol=0, equal_nan=True)
            whole[name] = first
    return whole


def answers(world: World, work: Any, *args: Any) -> list[Any]:
    """What the ranks return; what one raises is raised here."""
    found = world.run(work, *args)
    for result in found:
        if isinstance(result, Exception):
            raise result
    return found


def check(
    world: World, title: str, dtype: torch.dtype, of_logits: bool, implementation: Any, **tolerance: float
) -> None:
    given = calls.arguments(title, dtype, of_logits=of_logits)
    found = answers(world, calls.split_results, title, dtype, of_logits, SIZES[world.size])
    with ct.use_implementation(implementation):
        expected = calls.results(given)
    torch.testing.assert_close(joined(found, soft=True), expected, equal_nan=True, **tolerance)


@pytest.mark.parametrize("title", HEAD)
def test_the_head_in_slices_is_the_head(world: World, title: str) -> None:
    check(world, title, torch.float64, False, "automatic", rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("title", BOTH)
def test_the_loss_in_slices_is_the_loss(world: World, title: str) -> None:
    check(world, title, torch.float64, True, "automatic", rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("of_logits", [False, True])
@pytest.mark.parametrize("title", ["plain", "everything", "soft", "sparse, uniform"])
def test_promise_19_float32_and_bfloat16(world: World, title: str, of_logits: bool) -> None:
    """Both are computed in float64 on the CPU; gradients of features are added up over the ranks before rounding."""
    check(world, title, torch.float32, of_logits, "composite", rtol=2.0**-22, atol=1e-8)
    check(world, title, torch.float32, of_logits, "automatic", rtol=1e-5, atol=1e-6)
    check(world, title, torch.bfloat16, of_logits, "composite", rtol=2.0**-7, atol=1e-8)


def along_axis_1(rank: int, sizes: list[int]) -> Any:
    z = torch.linspace(-2.0, 3.0, 2 * 7 * 3, dtype=torch.float64).sin().reshape(2, 7, 3).requires_grad_()
    labels = torch.tensor([[0, 3, 6], [5, 1, 2]])
    mask = torch.arange(2 * 7 * 3).reshape(2, 7, 3) % 5 != 2
    options: dict[str, Any] = {"axis": 1, "label_smoothing": 0.1}
    exact = ct.softmax_cross_entropy(z, labels, class_mask=mask, **options)
    part = slice(sum(sizes[:rank]), sum(sizes[: rank + 1]))
    found = vocab_parallel.softmax_cross_entropy(z[:, part], labels, class_mask=mask[:, part], **options)
    slopes = [torch.autograd.grad(value, z)[0][:, part] for value in (found, exact)]
    return found.detach(), exact.detach(), *slopes


def test_classes_on_another_axis(world: World) -> None:
    for found, exact, slopes, exact_slopes in answers(world, along_axis_1, SIZES[world.size]):
        torch.testing.assert_close(found, exact, rtol=1e-12, atol=0)
        torch.testing.assert_close(slopes, exact_slopes, rtol=1e-12, atol=1e-15)


def curvature(rank: int, sizes: list[int], where: Any) -> Tensor:
    """The gradient with respect to a slice of the weight of the squared gradient of the features."""
    given = calls.sliced(calls.arguments("soft"), rank, sizes)
    x, w, targets = (given.pop(name) for name in ("features", "weight", "targets"))
    x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
    loss = where.linear_softmax_cross_entropy(x, w, targets, **{**given, "outputs": ()})
    (slopes,) = torch.autograd.grad(loss, x, create_graph=True)
    return torch.autograd.grad(slopes.square().sum(), w)[0]


def curvature_in_slices(rank: int, sizes: list[int]) -> Tensor:
    return curvature(rank, sizes, vocab_parallel)


def test_derivatives_of_derivatives_cross_the_ranks(world: World) -> None:
    found = torch.cat(answers(world, curvature_in_slices, SIZES[world.size]))
    torch.testing.assert_close(found, curvature(0, SIZES[1], ct), rtol=1e-11, atol=1e-15)


def checked_numerically(rank: int, title: str) -> bool:
    given = {**calls.arguments(title), "outputs": ()}
    names = ["features", "weight", "bias"]
    floats = [given[name].clone().requires_grad_() for name in names]

    def loss(*tensors: Tensor) -> Tensor:
        whole = given | dict(zip(names, tensors, strict=True))
        x, w, targets = (whole.pop(name) for name in ("features", "weight", "targets"))
        found: Tensor = vocab_parallel.linear_softmax_cross_entropy(x, w, targets, **whole)
        return found

    return torch.autograd.gradcheck(loss, floats) and torch.autograd.gradgradcheck(loss, floats)


@pytest.mark.parametrize("world", [1], indirect=True)
@pytest.mark.parametrize("title", ["everything", "soft"])
def test_derivatives_are_those_that_differences_show(world: World, title: str) -> None:
    assert answers(world, checked_numerically, title) == [True]


def twice(rank: int, sizes: list[int]) -> bool:
    first, second = (calls.split_results(rank, "everything", torch.float32, False, sizes) for _ in range(2))
    return all(torch.equal(first[name], second[name]) for name in first)


def test_promise_21_same_bits_again(world: World) -> None:
    assert all(answers(world, twice, SIZES[world.size]))


def warned(rank: int, sizes: list[int]) -> list[str]:
    given = calls.sliced(calls.arguments("all ignored") | {"empty": None}, rank, sizes)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loss = calls.results(given, vocab_parallel)["loss"]
    return [str(loss.item()), *(str(warning.message) for warning in caught)]


def test_promise_17_no_row_left(world: World) -> None:
    message = (
        "reduction: expected a row of positive weight for 'mean', got none (all ignored, or of weight 0); the mean is "
        "NaN; pass empty=0.0 to get 0 instead"
    )
    assert answers(world, warned, SIZES[world.size]) == [["nan", message]] * world.size


def compiled(rank: int, sizes: list[int]) -> tuple[Tensor, Tensor]:
    """A loss inside what torch.compile compiles, and outside."""
    given = calls.sliced(calls.arguments("no bias"), rank, sizes)
    w, targets = given["weight"], given["targets"]

    def loss(x: Tensor) -> Tensor:
        found: Tensor = 2.0 * vocab_parallel.linear_softmax_cross_entropy(x.relu(), w, targets)
        return found

    return torch.compile(loss, backend="aot_eager")(given["features"]), loss(given["features"])


def test_torch_compile_goes_around_it(world: World) -> None:
    for inside, outside in answers(world, compiled, SIZES[world.size]):
        torch.testing.assert_close(inside, outside, rtol=1e-15, atol=0)


def most_logits(rank: int, sizes: list[int]) -> tuple[int, int]:
    """The most logits that a rank has at a time, and how often the ranks meet for the value alone."""
    found, seen, meetings = [0], _split.Split.numbers, []
    together = _split.Ranks._together

    def numbers(self: Any, x: Tensor) -> Tensor:
        found.append(x.numel())
        return seen(self, x)

    def counted(self: Any, collective: Any, *args: Any) -> None:
        meetings.append(collective)
        together(self, collective, *args)

    given = calls.sliced(calls.arguments("plain"), rank, sizes)
    x, w, targets = (given.pop(name) for name in ("features", "weight", "targets"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_split.Split, "numbers", numbers)
        patch.setattr(_split.Ranks, "_together", counted)
        vocab_parallel.linear_softmax_cross_entropy(x, w, targets, **given)
    return max(found), len(meetings)


def test_logits_of_a_block_stay_within_block_bytes(world: World) -> None:
    sizes = SIZES[world.size]
    rows = max(1, BLOCK // (8 * max(sizes)))
    for size, (logits, meetings) in zip(sizes, answers(world, most_logits, sizes), strict=True):
        assert logits == rows * size
        # two to agree, and of each block: the largest logit's class, that logit, the sums, the losses
        assert meetings == 2 + 4 * -(-calls.ROWS // rows)


def elsewhere(rank: int, title: str, label: int, sizes: list[int]) -> Any:
    """As on a device whose numbers cannot be looked at."""
    given = calls.arguments(title)
    if label >= 0:
        given["targets"] = torch.full((calls.ROWS,), label)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_composite_checks, "_is_near", lambda predictions: False)
        return calls.results(calls.sliced(given, rank, sizes), vocab_parallel)


def elsewhere_checked(rank: int, label: int, sizes: list[int]) -> Any:
    with ce.checked():
        return elsewhere(rank, "plain", label, sizes)


@pytest.mark.parametrize("title", ["plain", "everything", "soft", "sparse, absent", "shift", "shift, soft"])
def test_other_devices_assert_what_they_cannot_look_at_promise_12(world: World, title: str) -> None:
    sizes = SIZES[world.size]
    found = joined(answers(world, elsewhere, title, -1, sizes), soft=True)
    torch.testing.assert_close(found, calls.results(calls.arguments(title)), rtol=1e-12, atol=1e-13, equal_nan=True)
    if title == "plain":
        for error in world.run(elsewhere, title, 7, sizes):
            assert type(error) is RuntimeError
            assert str(error).startswith(
                'targets: expected class indices in [0, 7), got other numbers; call it on the CPU, or inside "with '
                'crossentropy.checked():", to learn which'
            )
        for error in world.run(elsewhere_checked, 7, sizes):
            assert type(error) is IndexError
            assert str(error).startswith("targets: expected class indices in [0, 7), got 7 in row 0")
