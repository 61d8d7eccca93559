"""The tables of docs/from-torch.md: calls whose answers differ from PyTorch's, and how a call is run with either."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import torch

from crossentropy.torch import functional

PAGE = Path(__file__).parents[2] / "docs" / "from-torch.md"
#: Whose functions ``F`` is.
PEERS: dict[str, Any] = {"PyTorch": torch.nn.functional, "crossentropy": functional}

#: How the first cell of a row begins.
CALL = r"(?:F\.|slope\(|torch\.)"


class Difference(NamedTuple):
    """A row of the tables: a call, both answers, and why they differ."""

    call: str
    theirs: str
    ours: str
    why: str


def differences() -> list[Difference]:
    """Every row of the page's tables."""
    rows = re.findall(rf"^\| `({CALL}.*)` \| (.*?) \| (.*?) \| (.*?) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return [Difference(*row) for row in rows]


def slope(function: Any, point: Any, *others: Any) -> torch.Tensor:
    """The gradient with respect to the first argument."""
    leaf = torch.tensor(point, requires_grad=True)
    function(leaf, *others).backward()
    assert leaf.grad is not None
    return leaf.grad


def answer(call: str, functions: Any) -> str:
    """What a run of the call gives: numbers with six digits, or the name of the exception."""
    x, weight = torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, -1.0]])
    options = torch.nn.LinearCrossEntropyOptions()

    def head(features: torch.Tensor) -> Any:
        return functions.linear_cross_entropy(features, weight, torch.tensor([0]), options=options)

    names = {"F": functions, "torch": torch, "tensor": torch.tensor, "inf": torch.inf, "slope": slope}
    names |= {"x": x, "weight": weight, "head": head}
    try:
        found = eval(call, names)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        return type(error).__name__
    return ", ".join(f"{float(x) + 0.0:.6g}" for x in found.flatten())
