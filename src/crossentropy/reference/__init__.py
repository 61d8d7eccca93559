"""Every formula of the library in float64 NumPy, written to be read: what the compiled functions are held against.

Its modules, ``measures``, ``activations`` and ``losses``, are imported one by one, each where it is used.
"""

from __future__ import annotations

__all__ = ["activations", "losses", "measures"]
