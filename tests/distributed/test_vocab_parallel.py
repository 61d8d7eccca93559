"""Split over ranks, head and loss give what they give in one process."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import crossentropy.torch as ct
from tests.distributed import calls
from tests.distributed.calls import BOTH, HEAD, SIZES, SLICED
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


def check(
    world: World, title: str, dtype: torch.dtype, of_logits: bool, implementation: Any, **tolerance: float
) -> None:
    given = calls.arguments(title, dtype, of_logits=of_logits)
    found = world.run(calls.split_results, title, dtype, of_logits, SIZES[world.size])
    for result in found:
        if isinstance(result, Exception):
            raise result
    with ct.use_implementation(implementation):
        expected = calls.results(given)
    torch.testing.assert_close(joined(found, soft=True), expected, equal_nan=True, **tolerance)


@pytest.mark.parametrize("title", HEAD)
def test_the_head_in_slices_is_the_head(world: World, title: str) -> None:
    check(world, title, torch.float64, False, "automatic", rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("title", BOTH)
def test_the_loss_in_slices_is_the_loss(world: World, title: str) -> None:
    check(world, title, torch.float64, True, "automatic", rtol=1e-12, atol=1e-13)
