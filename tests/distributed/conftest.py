"""One process group for each number of ranks, for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.distributed.calls import SIZES
from tests.distributed.worlds import World


@pytest.fixture(scope="package", params=SIZES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Groups of one, two and three ranks in turn."""
    found = World(request.param, Path(tmp_path_factory.mktemp("world")))
    yield found
    found.close()
