"""Tools to test numerical code with, for this library and for its users."""

from __future__ import annotations

from crossentropy.testing._ulp import ulp_distance

__all__ = ["ulp_distance"]
