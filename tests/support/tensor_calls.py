"""Calls of the losses on tensors that several tests share: arguments by loss, and a table of options."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import crossentropy as ce
import crossentropy.torch as ct

Tensor = torch.Tensor
ROWS, CLASSES = 4, 5
#: The losses on tensors.
NAMES = [name for name in ct.__all__ if hasattr(getattr(ct, name), "contract")]
#: Of every loss, then of some.
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "weights": {"sample_weight": torch.tensor([1.0, 0.5, 0.0, 2.0])},
    "weights of rows that stay": {"sample_weight": torch.tensor([1.0, 0.5, 3.0, 2.0]), "reduction": "none"},
    "normalizer": {"normalizer": 7.0},
}
OF_LOGITS: dict[str, dict[str, Any]] = {
    "smoothing": {"label_smoothing": 0.1, "class_weight": torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0])},
    "ignored": {"ignore_index": 2},
    "transformed": {"temperature": 1.5, "softcap": 4.0, "z_loss": 0.01, "focal_gamma": 2.0},
    "masked": {"class_mask": torch.tensor([True, True, True, False, True]), "label_smoothing": 0.2},
    "capped without more": {"softcap": 2.0, "z_loss": 0.1},
}
OF_SIGMOID: dict[str, dict[str, Any]] = {
    "positives": {"pos_weight": torch.tensor([1.0, 2.0, 0.5, 1.0, 3.0]), "label_smoothing": 0.1, "focal_gamma": 1.5},
    "columns": {"class_weight": torch.tensor([1.0, 2.0, 0.0, 1.0, 3.0]), "pos_weight": 2.0},
}
OF_SOME = {"softmax_cross_entropy": OF_LOGITS, "sigmoid_cross_entropy": OF_SIGMOID}


def arguments(name: str, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Predictions and targets that the loss takes."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, CLASSES, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 2, 1, 4])
    if name == "categorical_cross_entropy":
        x = x.softmax(1)
    elif name == "negative_log_likelihood":
        x = x.log_softmax(1)
    elif name == "binary_cross_entropy":
        x = x.sigmoid()
    if ce.__dict__[name].contract.target_kinds[0] == "index":
        return x.to(dtype), labels
    targets = torch.rand(ROWS, CLASSES, generator=generator, dtype=torch.float64)
    if name in ("soft_margin",):
        targets = (targets - 0.5).sign()
    return x.to(dtype), targets.to(dtype)


def cases() -> list[Any]:
    """Every loss with every set of options, as parameters ``name`` and ``options``."""
    found = []
    for name in NAMES:
        options = OPTIONS | OF_SOME.get(name, {})
        found += [pytest.param(name, given, id=f"{name}-{title}") for title, given in options.items()]
    return found
