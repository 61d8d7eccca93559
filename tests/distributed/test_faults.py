"""Wrong calls raise on every rank alike, and no rank waits for ever."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed

import crossentropy as ce
from crossentropy.distributed import _ranks, vocab_parallel
from tests.distributed.calls import CLASSES, ROWS, SIZES, arguments, results, sliced
from tests.distributed.worlds import World

Tensor = torch.Tensor
SAME = "the same on every rank, but for the size of the slices"
ALIKE = "pass the same arguments everywhere: what has no class axis whole, the rest in slices"


def _soft(change: float) -> Tensor:
    targets = torch.full((ROWS, CLASSES), 1.0 / CLASSES, dtype=torch.float64)
    targets[2, 6] += change
    return targets


Mistakes = dict[str, tuple[dict[str, Any], type[Exception], str]]

#: What is passed wrongly on all ranks, and what they raise.
EVERYWHERE: Mistakes = {
    "label": (
        {"targets": torch.tensor([0, 1, 7, 2, 3])},
        IndexError,
        "targets: expected class indices in [0, 7), got 7 in row 2; correct the label, or drop such rows with "
        "ignore_index=7",
    ),
    "negative label": (
        {"targets": torch.tensor([0, 1, 6, 2, -100])},
        IndexError,
        "targets: expected class indices in [0, 7), got -100 in row 4; correct the label, or drop such rows with "
        "ignore_index=-100",
    ),
    "listed class": (
        {"targets": (torch.tensor([[0, 7]] * ROWS), torch.full((ROWS, 2), 0.25), "absent")},
        IndexError,
        "targets.indices: expected class indices in [0, 7), got 7 in row 0; correct the index",
    ),
    "no distribution": (
        {"targets": _soft(0.5)},
        ValueError,
        "targets, row 2: expected probabilities that sum to 1 (within 1.5e-08), got a sum of 1.5; divide the row by "
        "its sum, or list part of its mass with SparseTargets(…, tail=…)",
    ),
    "negative probability": (
        {"targets": _soft(-0.5)},
        ValueError,
        "targets, row 2: expected probabilities of at least 0, got -0.357143 at class 6; remove or correct that entry",
    ),
    "option": (
        {"label_smoothing": 1.5},
        ValueError,
        "label_smoothing: expected a finite number at least 0 and at most 1, got 1.5; pass one such number",
    ),
}
#: What is passed on rank 1 of two, and what both raise.
ON_RANK_1: Mistakes = {
    "option": (
        {"label_smoothing": 0.1},
        ValueError,
        f"label_smoothing: expected {SAME}, got 0.0 on rank 0 and 0.1 on rank 1; {ALIKE}",
    ),
    "features": (
        {"features": torch.zeros(ROWS + 1, 3, dtype=torch.float64)},
        ValueError,
        f"features: expected {SAME}, got float64 of shape (5, 3) on rank 0 and float64 of shape (6, 3) on rank 1; "
        f"{ALIKE}",
    ),
    "dtype": (
        {"weight": torch.zeros(2, 3)},
        ValueError,
        f"weight: expected {SAME}, got float64 of shape (K, 3) on rank 0 and float32 of shape (K, 3) on rank 1; "
        f"{ALIKE}",
    ),
    "no bias": (
        {"bias": None},
        ValueError,
        f"bias: expected {SAME}, got float64 of shape (K) on rank 0 and nothing on rank 1; {ALIKE}",
    ),
    "a gradient": (
        {"weight": torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)},
        ValueError,
        f"weight: expected {SAME}, got float64 of shape (K, 3) on rank 0 and float64 of shape (K, 3), needing a "
        f"gradient on rank 1; {ALIKE}",
    ),
    "no class": (
        {"weight": torch.zeros(0, 3, dtype=torch.float64)},
        ValueError,
        "weight: expected at least one class on every rank, got none on rank 1; split the classes over fewer ranks, "
        "or evenly",
    ),
    "label": (
        {"targets": torch.tensor([0, 1, 7, 2, 3])},
        IndexError,
        "targets: expected class indices in [0, 7), got 7 in row 2; correct the label, or drop such rows with "
        "ignore_index=7",
    ),
    "a negative class weight": (
        {"class_weight": torch.tensor([1.0, -1.0], dtype=torch.float64)},
        ValueError,
        "class_weight: expected finite weights of at least 0, got -1 at index 1; correct it; 0 drops what it weighs",
    ),
    "no tensor": (
        {"features": [[0.0]]},
        TypeError,
        "features: expected a tensor, got list; pass one, or call the function of this name in crossentropy itself",
    ),
}


def call(rank: int, sizes: list[int], everywhere: dict[str, Any], on_rank_1: dict[str, Any]) -> Any:
    given = sliced({**arguments("plain"), **everywhere}, rank, sizes) | (on_rank_1 if rank == 1 else {})
    targets = given.pop("targets")
    if isinstance(targets, tuple):
        targets = ce.SparseTargets(*targets[:2], tail=targets[2])
    return vocab_parallel.linear_softmax_cross_entropy(given.pop("features"), given.pop("weight"), targets, **given)


@pytest.mark.parametrize("mistake", EVERYWHERE)
def test_mistakes_are_named_on_every_rank_promise_24(world: World, mistake: str) -> None:
    given, kind, message = EVERYWHERE[mistake]
    for error in world.run(call, SIZES[world.size], given, {}):
        assert (type(error), str(error)) == (kind, message)


@pytest.mark.parametrize("world", [2], indirect=True)
@pytest.mark.parametrize("mistake", ON_RANK_1)
def test_mistakes_of_one_rank_are_named_on_every_rank(world: World, mistake: str) -> None:
    given, kind, message = ON_RANK_1[mistake]
    first, second = world.run(call, SIZES[2], {"class_weight": torch.ones(CLASSES, dtype=torch.float64)}, given)
    assert type(first) is type(second) is kind
    # what the ranks compare they say together; what one finds in its own arguments the others repeat
    assert str(second) == message
    assert str(first) == (message if SAME in message or "got none on rank" in message else f"rank 1: {message}")


def in_a_part(rank: int) -> Any:
    """The head on ranks 1 and 2 of three."""
    group = distributed.new_group([1, 2])
    given = sliced(arguments("everything"), rank - 1, SIZES[2]) if rank else arguments("everything")
    return results(given, vocab_parallel, group=group)


@pytest.mark.parametrize("world", [3], indirect=True)
def test_a_group_of_some_ranks(world: World) -> None:
    outside, *inside = world.run(in_a_part)
    assert type(outside) is ValueError
    assert str(outside) == (
        "group: expected a process group, got one that this process is not in; call it on the ranks of the group only"
    )
    expected = results(arguments("everything"))
    for found in inside:
        torch.testing.assert_close(found["loss"], expected["loss"], rtol=1e-12, atol=0)
        torch.testing.assert_close(found["of features"], expected["of features"], rtol=1e-12, atol=1e-14)


def test_without_a_group() -> None:
    with pytest.raises(ValueError) as caught:
        vocab_parallel.softmax_cross_entropy(torch.zeros(1, 2), torch.tensor([0]))
    assert str(caught.value) == (
        "group: expected a process group, got none in this process; call torch.distributed.init_process_group first"
    )


NO_ANSWER = (
    "group: expected an answer from each of its 3 ranks, got a lost connection, or none within its timeout; a rank has "
    "died or did not make this call: look for the first error among the others, then start all ranks again"
)
TIMEOUT = 2.0


def timed(rank: int, leave: Callable[[], None], calls_before: int) -> tuple[str, Exception | None, float]:
    """How far a rank comes, what happens there, and after how many seconds, when rank 2 leaves at a collective."""
    group = distributed.new_group(timeout=timedelta(seconds=TIMEOUT))
    if rank == 2:
        count, together = itertools.count(), _ranks.Ranks._together

        def counted(self: Any, *args: Any) -> None:
            if next(count) == calls_before:
                leave()
            together(self, *args)

        _ranks.Ranks._together = counted  # type: ignore[method-assign]
    given = sliced(arguments("no bias"), rank, SIZES[3])
    features, weight, targets = (given.pop(name) for name in ("features", "weight", "targets"))
    reached, begin = "forward", time.monotonic()
    try:
        weight = weight.clone().requires_grad_()
        loss = vocab_parallel.linear_softmax_cross_entropy(features, weight, targets, group=group, **given)
        reached = "backward"
        loss.backward()
    except RuntimeError as error:
        return reached, error, time.monotonic() - begin
    return "end", None, time.monotonic() - begin


def die() -> None:
    os._exit(1)


def stall() -> None:
    time.sleep(2 * TIMEOUT)


@pytest.mark.parametrize(
    ("leave", "calls_before", "reached"), [(die, 4, "forward"), (die, 20, "backward"), (stall, 4, "forward")]
)
def test_a_rank_that_leaves_makes_the_others_fail(leave: Any, calls_before: int, reached: str, tmp_path: Path) -> None:
    world = World(3, tmp_path)
    try:
        *others, left = world.run(timed, leave, calls_before)
    finally:
        world.close()
    assert type(left) is (EOFError if leave is die else tuple)
    for there, error, seconds in others:
        assert (there, type(error), str(error)) == (reached, RuntimeError, NO_ANSWER)
        assert seconds < 2 * TIMEOUT  # the timeout, and what a busy machine adds
