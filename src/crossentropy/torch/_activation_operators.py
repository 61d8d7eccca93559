"""The activations and their vector-Jacobian products as PyTorch operators, on the native kernels."""

from __future__ import annotations

from typing import Any

import torch

import crossentropy as ce
from crossentropy.torch._operators import LIBRARY
from crossentropy.torch._tensors import as_array, from_array

LIBRARY.define("activate(Tensor z, str kind, int axis) -> Tensor")
LIBRARY.define("activate_vjp(Tensor z, Tensor cotangent, str kind, int axis) -> Tensor")

Tensor = torch.Tensor

#: The activations of rows, which have an axis; for those of elements it is without meaning.
OF_ROWS = ("softmax", "log_softmax", "logsumexp")


def _axis(kind: str, axis: int) -> dict[str, Any]:
    return {"axis": axis} if kind in OF_ROWS else {}


@torch.library.impl(LIBRARY, "activate", "CPU")
def _activate(z: Tensor, kind: str, axis: int) -> Tensor:
    return from_array(getattr(ce, kind)(as_array(z), **_axis(kind, axis)))


@torch.library.impl(LIBRARY, "activate_vjp", "CPU")
def _activate_vjp(z: Tensor, cotangent: Tensor, kind: str, axis: int) -> Tensor:
    return from_array(getattr(ce, kind).vjp(as_array(z), as_array(cotangent), **_axis(kind, axis)))


@torch.library.register_fake("crossentropy::activate", lib=LIBRARY)
def _fake_activate(z: Tensor, kind: str, axis: int) -> Tensor:
    shape = list(z.shape)
    if kind == "logsumexp":
        del shape[axis]
    return z.new_empty(shape, dtype=_dtype(z))


@torch.library.register_fake("crossentropy::activate_vjp", lib=LIBRARY)
def _fake_activate_vjp(z: Tensor, cotangent: Tensor, kind: str, axis: int) -> Tensor:
    return z.new_empty(z.shape, dtype=_dtype(z))


def _dtype(z: Tensor) -> torch.dtype:
    return z.dtype if z.is_floating_point() else torch.float64


activate = torch.ops.crossentropy.activate.default
activate_vjp = torch.ops.crossentropy.activate_vjp.default
