"""The activations under PyTorch's names: softmax, log_softmax, logsigmoid."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch

from crossentropy._validation import sentence
from crossentropy.torch import _activations

Tensor = torch.Tensor


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None) -> Tensor:
    """The softmax along ``dim``: ``torch.nn.functional.softmax``.

    Args:
        input: real numbers of any shape.
        dim: where the classes lie. None is deprecated by PyTorch: its choice, with a warning.
        dtype: what the input is converted to first.

    Returns:
        Probabilities of the input's shape, in ``dtype`` or the input's own.

    Edge cases: a logit of -inf has probability 0, one of +inf 1; a row with NaN, of only -inf or of two +inf is NaN.

    Raises:
        ValueError: ``dim`` is no axis of the input.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.softmax(torch.tensor([[1.0, 0.0], [torch.inf, 0.0]]), dim=1)
        tensor([[0.7311, 0.2689],
                [1.0000, 0.0000]])
    """
    return _along(_activations.softmax, input, dim, _stacklevel, dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: torch.dtype | None = None
) -> Tensor:
    """The logarithm of the softmax along ``dim``, in nats: ``torch.nn.functional.log_softmax``.

    Args:
        input: real numbers of any shape.
        dim: where the classes lie. None is deprecated by PyTorch: its choice, with a warning.
        dtype: what the input is converted to first.

    Returns:
        Log-probabilities of the input's shape, in ``dtype`` or the input's own.

    Edge cases: those of softmax. For the largest logit it keeps its digits when it is tiny.

    Raises:
        ValueError: ``dim`` is no axis of the input.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.log_softmax(torch.tensor([40.0, 0.0]), dim=0)
        tensor([-4.2484e-18, -4.0000e+01])
    """
    return _along(_activations.log_softmax, input, dim, _stacklevel, dtype)


def logsigmoid(input: Tensor) -> Tensor:
    """The logarithm of the sigmoid, ``-softplus(-z)`` of each element, in nats: ``torch.nn.functional.logsigmoid``.

    Shape and dtype of the input. Edge cases: limits -inf and 0 at ±inf. Raises TypeError for what is no real number.

    Example:
        >>> import torch
        >>> import crossentropy.torch.functional as F
        >>> F.logsigmoid(torch.tensor([40.0, -1e4]))
        tensor([-4.2484e-18, -1.0000e+04])
    """
    return _activations.log_sigmoid(input)


def _along(
    activation: Callable[..., Tensor], input: Tensor, dim: int | None, stacklevel: int, dtype: torch.dtype | None
) -> Tensor:
    given = input if dtype is None else input.to(dtype)
    if dim is None:
        dim = 0 if given.dim() in (0, 1, 3) else 1
        warnings.warn(
            sentence("dim", expected="an axis", received="None, which is deprecated", remedy=f"pass dim={dim}"),
            stacklevel=stacklevel,
        )
    if given.dim() == 0:  # to PyTorch a row of one class
        return activation(given.unsqueeze(0), axis=dim).squeeze(0)
    return activation(given, axis=dim)
