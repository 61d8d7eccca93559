"""Arrays as PyTorch's tensors of the same memory, and back."""

from __future__ import annotations

from typing import Any

from benchmarks.inputs import Array


def as_tensor(array: Array) -> Any:
    """The same memory as a tensor."""
    import torch

    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view("int16")).view(torch.bfloat16)
    return torch.from_numpy(array)


def as_array(tensor: Any) -> Array:
    """And back."""
    import ml_dtypes
    import torch

    in_bfloat16 = tensor.dtype == torch.bfloat16
    array: Array = tensor.view(torch.int16).numpy().view(ml_dtypes.bfloat16) if in_bfloat16 else tensor.numpy()
    return array
