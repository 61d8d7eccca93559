"""Calls of the losses under PyTorch's names, for which PyTorch's answers are right."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

Tensor = torch.Tensor
CLASSES = 5
WEIGHT = torch.tensor([1.0, 2.0, 0.5, 0.0, 3.0], dtype=torch.float64)


@dataclass(frozen=True)
class Call:
    """A function, the shape of its input, how its targets are made, and its options, tensors among them."""

    name: str
    shape: tuple[int, ...] = (6, CLASSES)
    target: str = "index"
    options: dict[str, Any] = field(default_factory=dict)
    with_temporaries: bool = False  # of the input's size: weights of shapes that the core does not take

    def __str__(self) -> str:
        return "-".join([self.name, str(self.shape), self.target, *self.options])


def _calls() -> list[Call]:
    found = []
    for shape in ((CLASSES,), (6, CLASSES), (2, CLASSES, 3), (2, CLASSES, 3, 2)):
        for options in (
            {},
            {"weight": WEIGHT},
            {"label_smoothing": 0.25},
            {"weight": WEIGHT, "label_smoothing": 0.25},
            {"ignore_index": 1},
            {"ignore_index": 1, "weight": WEIGHT, "label_smoothing": 0.25},
        ):
            found.append(Call("cross_entropy", shape, "index", options))
            if "label_smoothing" not in options:
                found.append(Call("nll_loss", shape, "index", options))
            if "ignore_index" not in options:
                found.append(Call("cross_entropy", shape, "distribution", options))
    of_rows = torch.rand(6, 1, dtype=torch.float64)
    for shape in ((CLASSES,), (6, CLASSES)):
        for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits", "multilabel_soft_margin_loss"):
            found.append(Call(name, shape, "probability"))
            found.append(Call(name, shape, "probability", {"weight": WEIGHT}))
        found.append(Call("soft_margin_loss", shape, "sign"))
        found.append(
            Call("binary_cross_entropy_with_logits", shape, "probability", {"pos_weight": WEIGHT}, len(shape) == 1)
        )
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        found.append(Call(name, target="probability", options={"weight": of_rows}))
    found.append(Call("multilabel_soft_margin_loss", target="probability", options={"weight": of_rows}))
    for given in (WEIGHT[1], WEIGHT[1:2], of_rows):
        options = {"pos_weight": given, "weight": of_rows}
        found.append(Call("binary_cross_entropy_with_logits", (6, CLASSES), "probability", options, given.dim() > 1))
    for log_target in (False, True):
        options = {"log_target": log_target}
        found += [
            Call("kl_div", shape, "logarithm" if log_target else "distribution", options)
            for shape in ((6, CLASSES), (2, CLASSES, 3))
        ]
    return found


CALLS = _calls()
FUNCTIONS = sorted({call.name for call in CALLS})


def theirs(name: str) -> Any:
    """PyTorch's function."""
    return getattr(torch.nn.functional, name)


def arguments(
    call: Call, dtype: torch.dtype, of_target: torch.dtype | None = None
) -> tuple[tuple[Tensor, Tensor], dict[str, Any]]:
    """Input and target, and the options with their tensors in the input's dtype, which may be the target's as well."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(call.shape, generator=generator, dtype=torch.float64)
    if call.name in ("nll_loss", "kl_div"):
        x = x.log_softmax(0 if x.dim() == 1 else 1)
    if call.name == "binary_cross_entropy":
        x = x.sigmoid()
    axis = 0 if len(call.shape) == 1 else 1
    rows = call.shape[:axis] + call.shape[axis + 1 :]
    drawn = torch.randn(call.shape, generator=generator, dtype=torch.float64)
    target = {
        "index": lambda: torch.randint(0, CLASSES, rows, generator=generator),
        "distribution": lambda: drawn.softmax(axis),
        "logarithm": lambda: drawn.log_softmax(axis),
        "probability": drawn.sigmoid,
        "sign": drawn.sign,
    }[call.target]()
    options = {key: value.to(dtype) if isinstance(value, Tensor) else value for key, value in call.options.items()}
    return (x.to(dtype), target.to(of_target or dtype) if target.is_floating_point() else target), options


def differentiated(function: Any, tensors: tuple[Tensor, Tensor], **options: Any) -> tuple[Tensor, Tensor]:
    """The value, and the gradient for a cotangent of several values."""
    x = tensors[0].clone().requires_grad_()
    value = function(x, tensors[1], **options)
    cotangent = ((torch.arange(value.numel()) % 7 - 2) / 4).reshape(value.shape).to(value.dtype)
    (gradient,) = torch.autograd.grad(value, x, cotangent)
    return value.detach(), gradient
