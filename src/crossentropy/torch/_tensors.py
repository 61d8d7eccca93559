"""Tensors as NumPy arrays and back, without copies."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import torch
from numpy.typing import NDArray

from crossentropy._validation import sentence

Array = NDArray[Any]


def as_tensor(argument: str, value: Any, device: torch.device | None = None) -> torch.Tensor:
    """A dense real tensor as it is, anything else that holds numbers as one on the device."""
    if not isinstance(value, torch.Tensor):
        try:
            return torch.as_tensor(value, device=device)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(
                sentence(
                    argument,
                    expected="a tensor",
                    received=f"{type(value).__name__}, which PyTorch cannot convert ({error})",
                    remedy="pass a tensor",
                )
            ) from error
    if value.layout is not torch.strided or value.is_complex() or (device is not None and value.device != device):
        raise unfit(argument, value, "a dense real tensor" + ("" if device is None else f" on {device}"))
    return value


def on_cpu(argument: str, tensor: torch.Tensor) -> torch.Tensor:
    """A tensor that the native core can read, or only measure (meta)."""
    if tensor.device.type not in ("cpu", "meta"):
        raise unfit(argument, tensor, "a tensor on the CPU")
    return tensor


def unfit(argument: str, tensor: torch.Tensor, expected: str) -> TypeError:
    """The error for a tensor of the wrong kind or on the wrong device."""
    return TypeError(
        sentence(
            argument,
            expected=expected,
            received=f"{tensor.dtype}, {tensor.layout}, on {tensor.device}".replace("torch.", ""),
            remedy="convert it first, for example with .to_dense() or .to(device)",
        )
    )


def is_traced() -> bool:
    """Whether what is called now is written down (torch.compile, make_fx) rather than computed."""
    return torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack() > 0


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


def array_dtype(tensor: torch.Tensor) -> np.dtype[Any]:
    """The dtype that ``as_array`` would give."""
    return np.dtype(ml_dtypes.bfloat16 if tensor.dtype is torch.bfloat16 else str(tensor.dtype).removeprefix("torch."))


def from_array(array: Any) -> torch.Tensor:
    """An array or NumPy scalar that is nobody else's as a tensor: the same memory."""
    given = np.asarray(array)
    if given.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(given.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(given)
