from __future__ import annotations

from collections.abc import Iterator

import pytest

import crossentropy as ce
from crossentropy._native import core


@pytest.fixture(params=["reference", *core.available_instruction_sets()], scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each implementation in turn, the native core once for each instruction set that this machine runs."""
    if request.param == "reference":
        with ce.use_implementation("reference"):
            yield request.param
        return
    before = core.instruction_set()
    core.use_instruction_set(request.param)
    yield request.param
    core.use_instruction_set(before)
