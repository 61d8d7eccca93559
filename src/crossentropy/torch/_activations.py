"""The activations on tensors: names and answers of those on arrays, differentiable any number of times."""

from __future__ import annotations

from typing import Any

import torch

from crossentropy._validation import as_axis
from crossentropy.torch import _activation_operators as operators
from crossentropy.torch._activation_functions import Activate
from crossentropy.torch._tensors import needed_tensor, on_cpu

Tensor = torch.Tensor


def _applied(kind: str, z: Any, axis: Any = None) -> Tensor:
    tensor = on_cpu("z", needed_tensor("z", z))
    # counted from the end, an axis stays what it is when a batch axis comes in front
    at = 0 if axis is None else as_axis(axis, tensor.ndim, "z") - tensor.ndim
    found: Tensor = (operators.activate if torch.compiler.is_compiling() else Activate.apply)(tensor, kind, at)
    return found


def sigmoid(z: Tensor) -> Tensor:
    """The logistic sigmoid ``σ(z) = 1/(1 + e^(-z))`` of each element.

    ``crossentropy.sigmoid`` of tensors: shape and dtype of z (integers give float64), the same edge cases, accuracy and
    errors. Derivative: ``σ(z) σ(-z)``, never ``σ (1 - σ)`` with its cancellation.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> z = torch.tensor([0.0, 40.0], requires_grad=True)
        >>> ct.sigmoid(z).sum().backward()
        >>> z.grad
        tensor([2.5000e-01, 4.2484e-18])
    """
    return _applied("sigmoid", z)


def log_sigmoid(z: Tensor) -> Tensor:
    """The logarithm of the sigmoid, ``-softplus(-z)``, of each element.

    ``crossentropy.log_sigmoid`` of tensors: shape and dtype of z (integers give float64), the same edge cases, accuracy
    and errors. Derivative: ``σ(-z)``.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> ct.log_sigmoid(torch.tensor([40.0, -1e4]))
        tensor([-4.2484e-18, -1.0000e+04])
    """
    return _applied("log_sigmoid", z)


def softplus(z: Tensor) -> Tensor:
    """The softplus ``log(1 + e^z)`` of each element.

    ``crossentropy.softplus`` of tensors: shape and dtype of z (integers give float64), the same edge cases, accuracy
    and errors. No threshold beyond which it is z itself. Derivative: ``σ(z)``.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> ct.softplus(torch.tensor([-40.0, 0.0, 1e4]))
        tensor([4.2484e-18, 6.9315e-01, 1.0000e+04])
    """
    return _applied("softplus", z)


def softmax(z: Tensor, *, axis: int = -1) -> Tensor:
    """The softmax ``p_j = e^(z_j) / Σ_i e^(z_i)`` of each row along ``axis``.

    ``crossentropy.softmax`` of tensors: shape and dtype of z (integers give float64), the same edge cases, accuracy and
    errors. Jacobian: ``diag(p) - p pᵀ``.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> ct.softmax(torch.tensor([1e6 + 1.0, 1e6]))
        tensor([0.7311, 0.2689])
    """
    return _applied("softmax", z, axis)


def log_softmax(z: Tensor, *, axis: int = -1) -> Tensor:
    """The logarithm of the softmax, ``z_j - logsumexp(z)``, of each row along ``axis``.

    ``crossentropy.log_softmax`` of tensors: shape and dtype of z (integers give float64), the same edge cases, accuracy
    and errors. For the largest logit it keeps its digits when it is tiny.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> ct.log_softmax(torch.tensor([40.0, 0.0]))
        tensor([-4.2484e-18, -4.0000e+01])
    """
    return _applied("log_softmax", z, axis)


def logsumexp(z: Tensor, *, axis: int = -1, keepdims: bool = False) -> Tensor:
    """The log-sum-exp ``log Σ_j e^(z_j)`` of each row along ``axis``, which ``keepdims=True`` keeps with length 1.

    ``crossentropy.logsumexp`` of tensors: dtype of z (integers give float64), the same edge cases, accuracy and errors.
    Derivative: ``softmax(z)``.

    Example:
        >>> import torch
        >>> import crossentropy.torch as ct
        >>> ct.logsumexp(torch.tensor([1000.0, 1000.0]))
        tensor(1000.6932)
    """
    found = _applied("logsumexp", z, axis)
    return found.unsqueeze(axis) if keepdims else found
