"""Why an aim is missed: a sentence for each case that misses one, and for no other. Written by hand, after a run."""

from __future__ import annotations

EXPLANATIONS: dict[str, str] = {}
