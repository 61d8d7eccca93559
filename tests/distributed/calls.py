"""Calls of the head and of the loss in slices and whole: arguments by title, and what a rank makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

import crossentropy as ce
import crossentropy.torch as ct
from crossentropy._heads import HeadResult
from crossentropy.distributed import vocab_parallel

Tensor = torch.Tensor
Given = dict[str, Any]
INF, NAN = float("inf"), float("nan")
ROWS, WIDTH, CLASSES = 5, 3, 7
#: The classes of each rank, by the number of ranks.
SIZES = {1: [7], 2: [5, 2], 3: [1, 4, 2]}
#: Two rows at a time, where a rank has five classes.
BLOCK = 2 * 5 * 8
OUTPUTS = ("negative_log_likelihood", "logsumexp", "entropy", "predicted", "correct")
#: What comes in slices, besides soft targets, and where its classes lie.
SLICED = {"weight": 0, "bias": 0, "class_weight": 0, "class_mask": -1, "logits": -1}


def _mask(*dropped: tuple[int, int]) -> Tensor:
    mask = torch.ones(ROWS, CLASSES, dtype=torch.bool)
    for row, column in dropped:
        mask[row, column] = False
    return mask


def _soft(rows: tuple[int, ...] = (ROWS,)) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand((*rows, CLASSES), generator=generator, dtype=torch.float64).softmax(-1).round(decimals=3)


def _distributions(*rows: int) -> Tensor:
    p = _soft(rows)
    p[..., 0] += 1.0 - p.sum(-1)
    return p


_LISTED = torch.tensor([[0, 6, 3], [1, 0, 2], [5, 6, 4], [2, 3, 1], [6, 0, 1]])
_LISTED_P = torch.tensor(
    [[0.5, 0.25, 0.1], [0.2, 0.7, 0.0], [0.1, 0.3, 0.6], [0.3, 0.3, 0.3], [0.9, 0.05, 0.0]], dtype=torch.float64
)
_WEIGHT = torch.tensor([1.0, 2.0, 0.5, 0.0, 3.0, 1.0, 0.25], dtype=torch.float64)

#: Of the head and of the loss alike; labels where no targets are given.
BOTH: dict[str, Given] = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "normalizer": {"normalizer": 7.0},
    "weight returned": {"return_weight": True, "class_weight": _WEIGHT},
    "class weights, smoothing": {"class_weight": _WEIGHT, "label_smoothing": 0.1},
    "sample weights": {"sample_weight": torch.tensor([1.0, 0.5, 0.0, 2.0, 1.0], dtype=torch.float64)},
    "ignored": {"ignore_index": 6, "label_smoothing": 0.3, "outputs": OUTPUTS},
    "all ignored": {"ignore_index": 6, "targets": torch.full((ROWS,), 6), "empty": 0.5},
    "temperature": {"temperature": 2.0},
    "softcap": {"softcap": 1.5},
    "z loss": {"z_loss": 0.1, "class_weight": _WEIGHT},
    "focal": {"focal_gamma": 2.0, "label_smoothing": 0.1},
    "everything": {
        "class_weight": _WEIGHT,
        "label_smoothing": 0.1,
        "temperature": 1.5,
        "softcap": 4.0,
        "z_loss": 0.01,
        "focal_gamma": 0.5,
        "class_mask": _mask((0, 1), (2, 5), (4, 4)),
        "outputs": OUTPUTS,
    },
    "mask": {"class_mask": torch.tensor([True, True, True, False, True, True, False]), "label_smoothing": 0.2},
    "mask of a rank's classes": {"class_mask": _mask((0, 5), (0, 6), (1, 0)), "label_smoothing": 0.2},
    "mask of the label": {"class_mask": _mask((0, 0), (1, 3))},
    "mask of everything": {"class_mask": _mask(*((2, column) for column in range(CLASSES))), "outputs": OUTPUTS},
    "soft": {"targets": _distributions(ROWS), "label_smoothing": 0.1, "class_weight": _WEIGHT, "outputs": OUTPUTS},
    "sparse, uniform": {"targets": (_LISTED, _LISTED_P, "uniform"), "focal_gamma": 1.0},
    "sparse, absent": {"targets": (_LISTED, _LISTED_P, "absent"), "outputs": OUTPUTS},
    "outputs": {"outputs": OUTPUTS},
    "bytes as labels": {"targets": torch.tensor([0, 3, 6, 1, 6], dtype=torch.uint8)},
}
#: Of the head.
HEAD: dict[str, Given] = BOTH | {
    "no bias": {"bias": None},
    "one block": {"block_bytes": 1 << 20, "outputs": OUTPUTS},
    "certain": {"bias": torch.tensor([0.0, 0.0, 40.0, 0.0, 0.0, -40.0, 0.0], dtype=torch.float64)},
    "offset": {"bias": torch.full((CLASSES,), 1e6, dtype=torch.float64)},
    "impossible": {"bias": torch.tensor([0.0, 0.0, -INF, 0.0, -INF, 0.0, 0.0]), "label_smoothing": 0.1},
    "an impossible label": {"bias": torch.tensor([0.0, 0.0, 0.0, -INF, 0.0, 0.0, 0.0]), "outputs": OUTPUTS},
    "a certain class": {"bias": torch.tensor([0.0, INF, 0.0, 0.0, 0.0, 0.0, 0.0]), "reduction": "none"},
    "NaN": {"features": torch.tensor([[1.0, 2.0, 3.0], [NAN, 0.0, 0.0]]).repeat(3, 1)[:ROWS], "outputs": OUTPUTS},
    "ties": {"features": torch.zeros(ROWS, WIDTH, dtype=torch.float64), "bias": None, "outputs": OUTPUTS},
    "no rows": {
        "features": torch.zeros(0, WIDTH, dtype=torch.float64),
        "targets": torch.zeros(0, dtype=torch.int64),
        "empty": 0.0,
        "outputs": OUTPUTS,
    },
    "shift": {
        "shift": 1,
        "features": torch.linspace(-2.0, 2.0, 2 * 4 * WIDTH, dtype=torch.float64).reshape(2, 4, WIDTH),
        "targets": torch.tensor([[0, 1, 2, 3], [4, 5, 6, -1]]),
        "ignore_index": -1,
        "sample_weight": torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 3.0, 4.0]]),
        "outputs": OUTPUTS,
    },
    "shift, soft": {
        "shift": 2,
        "features": torch.linspace(-2.0, 2.0, 2 * 4 * WIDTH, dtype=torch.float64).reshape(2, 4, WIDTH),
        "targets": _distributions(2, 4),
    },
}


def arguments(title: str, dtype: torch.dtype = torch.float64, *, of_logits: bool = False) -> Given:
    """The arguments of a call, whole; features, weight and bias of the dtype."""
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    given = {"features": normal(ROWS, WIDTH), "weight": normal(CLASSES, WIDTH), "bias": normal(CLASSES)}
    given |= {"targets": torch.tensor([0, 3, 6, 1, 6]), "block_bytes": BLOCK} | HEAD[title]
    for name in ("features", "weight", "bias"):
        given[name] = None if given[name] is None else given[name].to(dtype)
    if of_logits:
        logits = given["features"] @ given["weight"].T + given["bias"]
        given = {name: given[name] for name in given if name in ("targets", *BOTH[title]) and name != "outputs"}
        given["logits"] = logits
    return given


def sliced(given: Given, rank: int, sizes: Sequence[int]) -> Given:
    """What a rank gets of the arguments."""
    first, found = sum(sizes[:rank]), dict(given)
    for name, tensor in given.items():
        soft = name == "targets" and isinstance(tensor, Tensor) and tensor.is_floating_point()
        if isinstance(tensor, Tensor) and (name in SLICED or soft):
            found[name] = tensor.narrow(SLICED.get(name, -1), first, sizes[rank])
    return found


def results(given: Given, where: Any = ct, **more: Any) -> dict[str, Tensor]:
    """Value and outputs, and the gradients of a sum of all of them with respect to every float."""
    given, needed = dict(given), {}
    targets = given.pop("targets")
    if isinstance(targets, tuple):
        targets = list(targets)
        needed["probabilities"] = targets[1] = targets[1].clone().requires_grad_()
        targets = ce.SparseTargets(*targets[:2], tail=targets[2])
    elif targets.is_floating_point():
        needed["targets"] = targets = targets.clone().requires_grad_()
    for name, value in given.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            needed[name] = given[name] = value.clone().requires_grad_()
    head = "features" in given
    function = where.linear_softmax_cross_entropy if head else where.softmax_cross_entropy
    names = ("features", "weight") if head else ("logits",)
    value = function(*(given.pop(name) for name in names), targets, **given, **more)
    found = value._asdict() if isinstance(value, HeadResult) else None
    if found is None:
        found = dict(zip(("loss", "weight sum"), value, strict=True)) if given.get("return_weight") else {"loss": value}
    found = {name: result for name, result in found.items() if result is not None}
    total = sum((factor + 1) * r.sum() for factor, r in enumerate(found.values()) if r.requires_grad)
    slopes = torch.autograd.grad(total, list(needed.values()), allow_unused=True)
    found |= {f"of {name}": s for name, s in zip(needed, slopes, strict=True) if s is not None}
    return {name: tensor.detach() for name, tensor in found.items()}


def split_results(rank: int, title: str, dtype: torch.dtype, of_logits: bool, sizes: Sequence[int]) -> Any:
    """What a rank finds in its slices."""
    return results(sliced(arguments(title, dtype, of_logits=of_logits), rank, sizes), vocab_parallel)
