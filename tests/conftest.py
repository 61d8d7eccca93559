"""Hypothesis draws the same examples on every run; ``--hypothesis-profile=search`` looks for new ones, for longer."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

_slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
settings.register_profile("repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=_slow)
settings.register_profile("search", deadline=None, max_examples=1000, suppress_health_check=_slow)
settings.load_profile("repeatable")
