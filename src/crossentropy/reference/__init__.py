"""Every formula of the library in float64 NumPy, written to be read: what the compiled functions are held against."""

from __future__ import annotations

from crossentropy.reference import activations, losses, measures

__all__ = ["activations", "losses", "measures"]
