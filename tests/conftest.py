"""Settings and fixtures of all tests.

Hypothesis draws the same examples on every run; ``--hypothesis-profile=search`` looks for new ones, for longer.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

import crossentropy as ce

_slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=_slow)
settings.register_profile("search", deadline=None, max_examples=1000, suppress_health_check=_slow)
settings.load_profile("repeatable")


@pytest.fixture(params=["reference", *ce.show_config()["instruction_sets"]], scope="module")
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each implementation in turn, the native core once for each instruction set that this machine runs."""
    if request.param == "reference":
        with ce.use_implementation("reference"):
            yield request.param
        return
    before = ce.use_instruction_set(request.param)
    yield request.param
    ce.use_instruction_set(before)


@pytest.fixture(params=ce.show_config()["instruction_sets"], scope="module")
def instruction_set(request: pytest.FixtureRequest) -> Iterator[None]:
    """The native core on each instruction set that this machine runs."""
    before = ce.use_instruction_set(request.param)
    yield
    ce.use_instruction_set(before)
