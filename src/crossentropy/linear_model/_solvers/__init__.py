"""Solvers of the softmax objective: one module each, one function ``minimise`` each."""

from __future__ import annotations

from crossentropy.linear_model._solvers._solution import Solution

__all__ = ["Solution"]
