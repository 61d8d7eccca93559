"""PyTorch's loss modules with the losses of crossentropy: subclasses of PyTorch's that differ in ``forward`` alone.

Constructors, buffers, state dictionaries and representations are PyTorch's; so is what they accept as reduction.

Example:
    >>> import torch
    >>> import crossentropy.torch.nn as cn
    >>> loss = cn.CrossEntropyLoss(weight=torch.tensor([1.0, 4.0]), label_smoothing=0.1)
    >>> loss(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1]))
    tensor(0.3604)
    >>> isinstance(loss, torch.nn.CrossEntropyLoss)
    True
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import torch

from crossentropy.torch import functional

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "KLDivLoss",
    "MultiLabelSoftMarginLoss",
    "NLLLoss",
    "SoftMarginLoss",
]


def _forward(function: Callable[..., torch.Tensor]) -> Any:
    """A forward pass that calls the function with the module's attributes of the names of its arguments."""
    names = [
        name for name in signature(function).parameters if name not in ("input", "target", "size_average", "reduce")
    ]

    def forward(self: torch.nn.Module, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return function(input, target, **{name: getattr(self, name) for name in names})

    forward.__doc__ = f"``crossentropy.torch.functional.{function.__name__}`` with this module's options."
    return forward


class CrossEntropyLoss(torch.nn.CrossEntropyLoss):
    """``torch.nn.CrossEntropyLoss`` with :func:`crossentropy.torch.functional.cross_entropy`."""

    forward = _forward(functional.cross_entropy)


class NLLLoss(torch.nn.NLLLoss):
    """``torch.nn.NLLLoss`` with :func:`crossentropy.torch.functional.nll_loss`."""

    forward = _forward(functional.nll_loss)


class BCELoss(torch.nn.BCELoss):
    """``torch.nn.BCELoss`` with :func:`crossentropy.torch.functional.binary_cross_entropy`."""

    forward = _forward(functional.binary_cross_entropy)


class BCEWithLogitsLoss(torch.nn.BCEWithLogitsLoss):
    """``torch.nn.BCEWithLogitsLoss`` with :func:`crossentropy.torch.functional.binary_cross_entropy_with_logits`."""

    forward = _forward(functional.binary_cross_entropy_with_logits)


class SoftMarginLoss(torch.nn.SoftMarginLoss):
    """``torch.nn.SoftMarginLoss`` with :func:`crossentropy.torch.functional.soft_margin_loss`."""

    forward = _forward(functional.soft_margin_loss)


class MultiLabelSoftMarginLoss(torch.nn.MultiLabelSoftMarginLoss):
    """``torch.nn.MultiLabelSoftMarginLoss`` with :func:`crossentropy.torch.functional.multilabel_soft_margin_loss`."""

    forward = _forward(functional.multilabel_soft_margin_loss)


class KLDivLoss(torch.nn.KLDivLoss):
    """``torch.nn.KLDivLoss`` with :func:`crossentropy.torch.functional.kl_div`."""

    forward = _forward(functional.kl_div)


if hasattr(torch.nn, "LinearCrossEntropyLoss"):  # since PyTorch 2.13
    __all__ += ["LinearCrossEntropyLoss"]

    class LinearCrossEntropyLoss(torch.nn.LinearCrossEntropyLoss):
        """``torch.nn.LinearCrossEntropyLoss`` with :func:`crossentropy.torch.functional.linear_cross_entropy`.

        Its weight is ``linear.weight``, of shape (C, D), or (C·d1·…, D) for ``out_features=(d1, …)``. A model that
        shares it with its embedding assigns it, ``loss.linear.weight = embedding.weight``: one parameter, one gradient.
        """

        def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            """``crossentropy.torch.functional.linear_cross_entropy`` with this module's weight, bias and options."""
            classes, bias = (self.num_classes, *self.out_features), self.linear.bias
            return functional.linear_cross_entropy(
                input,
                self.linear.weight.reshape(*classes, self.linear.in_features),
                target,
                linear_bias=None if bias is None else bias.reshape(classes),
                weight=self.weight,
                reduction=self.reduction,
                ignore_index=self.ignore_index,
                label_smoothing=self.label_smoothing,
                options=self.options,
            )
