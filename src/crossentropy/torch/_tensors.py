"""Tensors as NumPy arrays and back, without copies."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray

from crossentropy._validation import sentence

Array = NDArray[Any]


def as_tensor(argument: str, value: Any) -> torch.Tensor:
    """A dense real tensor of the CPU (or of no memory: meta) as it is, anything else that holds numbers as one."""
    if not isinstance(value, torch.Tensor):
        try:
            return torch.as_tensor(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(
                sentence(
                    argument,
                    expected="a tensor",
                    received=f"{type(value).__name__}, which PyTorch cannot convert ({error})",
                    remedy="pass a tensor",
                )
            ) from error
    if value.layout is not torch.strided or value.device.type not in ("cpu", "meta") or value.is_complex():
        raise TypeError(
            sentence(
                argument,
                expected="a dense real tensor on the CPU",
                received=f"{value.dtype}, {value.layout}, on {value.device}".replace("torch.", ""),
                remedy="convert it first, for example with .to_dense() or .cpu()",
            )
        )
    return value


def needed_tensor(argument: str, value: Any) -> torch.Tensor:
    """A tensor that ``as_tensor`` takes, and nothing else."""
    if not isinstance(value, torch.Tensor):
        raise TypeError(
            sentence(
                argument,
                expected="a tensor",
                received=type(value).__name__,
                remedy="pass one, or call the function of this name in crossentropy itself",
            )
        )
    return as_tensor(argument, value)


def as_array(tensor: torch.Tensor) -> Array:
    """A tensor that ``as_tensor`` has seen as an array: the same memory, whatever the strides."""
    plain = tensor.detach().resolve_neg()
    if plain.dtype is torch.bfloat16:
        return plain.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return plain.numpy()


def from_array(array: Any) -> torch.Tensor:
    """An array or NumPy scalar that is nobody else's as a tensor: the same memory."""
    given = np.asarray(array)
    if given.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(given.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(given)
