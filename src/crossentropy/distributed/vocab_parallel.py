"""Softmax cross-entropy of classes that are split over the ranks of a process group, by the row of a head's weight.

What has a class axis comes in slices, one on each rank, in the order of the ranks and of any sizes: weight, bias,
logits, class weights, class masks and soft targets. Everything else is whole and the same on all ranks, and counts the
classes of all ranks: labels, the indices of SparseTargets, features, sample weights, options. All ranks call, and call
``backward``, together; each gets the whole loss, the gradients of its slices, and the complete gradients of what it
shares. ``docs/how-to/vocab-parallel.md`` shows a training step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch.distributed import ProcessGroup

from crossentropy._conventions import Reduction
from crossentropy._evaluate import value_of
from crossentropy._head_inputs import BLOCK_BYTES
from crossentropy._problems import Reducing
from crossentropy._targets import SparseTargets
from crossentropy.distributed._checks import PARAMETERS, Arguments, agreed
from crossentropy.distributed._ranks import Ranks
from crossentropy.torch import _composite_heads, _heads, _losses
from crossentropy.torch import _composite_rows as rows
from crossentropy.torch._calls import Call, loss_dtype
from crossentropy.torch._composite import reduced, working_dtype
from crossentropy.torch._head_calls import HEAD_TENSORS

__all__ = ["linear_softmax_cross_entropy", "softmax_cross_entropy"]

Tensor = torch.Tensor
F = TypeVar("F", bound=Callable[..., Any])


def _uncompiled(function: F) -> F:
    """What torch.compile leaves as it is, between its graphs: the ranks agree in Python."""
    return cast(F, torch.compiler.disable(function))  # type: ignore[no-untyped-call]


@_uncompiled
def linear_softmax_cross_entropy(
    features: Tensor,
    weight: Tensor,
    targets: Tensor | SparseTargets,
    *,
    bias: Tensor | None = None,
    class_weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    class_mask: Tensor | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
    shift: int = 0,
    outputs: tuple[str, ...] = (),
    block_bytes: int = BLOCK_BYTES,
    group: ProcessGroup | None = None,
) -> Any:
    """``crossentropy.torch.linear_softmax_cross_entropy`` with each rank holding a slice of the weight.

    Value, outputs and gradients are those of one process with the whole weight, up to rounding; the value is the same
    bits on all ranks. Rows go by in blocks, whose logits are computed again for the backward pass: no rank ever holds
    more than ``block_bytes`` of logits (some ten such arrays while it computes with them), and what the ranks exchange
    for a block is a few numbers a row, and in the backward pass the gradient of its features.

    Args:
        features: (..., D), the same on all ranks.
        weight: (K_r, D), the rows of this rank's K_r >= 1 classes; K = Σ K_r.
        targets: class indices (...) in [0, K), the same on all ranks; soft targets in slices (..., K_r); or
            SparseTargets with indices in [0, K), the same on all ranks.
        bias: (K_r,).
        class_weight: (K_r,).
        class_mask: (K_r,) or (..., K_r).
        group: the process group; by default that of all processes.

    The other options are those of ``crossentropy.linear_softmax_cross_entropy``, the same on all ranks; smoothing is
    over all K classes.

    Returns:
        As ``crossentropy.torch.linear_softmax_cross_entropy``, the same on all ranks. Differentiable any number of
        times with respect to features, slices, sample weights and soft or sparse targets. Each rank's ``backward``
        takes the same cotangent; it leaves a rank the gradients of its own slices, and the whole gradient, already
        added up over the ranks, of features and whatever else is the same on all of them.

    Raises:
        IndexError, ValueError, TypeError: what the head on one process raises, on every rank alike; arguments that
            differ between ranks; no process group.
        RuntimeError: within the group's timeout, where a rank has died or does not call.

    Example:
        >>> import torch
        >>> from torch import distributed
        >>> from crossentropy.distributed import vocab_parallel
        >>> distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
        >>> x, w = torch.tensor([[1.0, 2.0], [0.5, -1.0]]), torch.tensor([[0.5, 0.0], [-1.0, 1.0], [0.2, 0.3]])
        >>> print(vocab_parallel.linear_softmax_cross_entropy(x, w, torch.tensor([0, 2])))
        tensor(1.2150)
        >>> distributed.destroy_process_group()

    Source: Shoeybi et al., "Megatron-LM", 2019.
    """
    given = {**locals()}
    ranks = Ranks(given.pop("group"))

    def arranged() -> Arguments:
        operands = tuple(given.pop(name) for name in ("features", "weight", "targets"))
        parameters, tensors, call = _heads.linear_softmax_cross_entropy._arranged(operands, given)
        named = dict(zip(PARAMETERS, parameters, strict=True))
        return Arguments(call, {name: tensor for name, tensor in named.items() if tensor is not None} | tensors)

    (call, tensors), split = agreed(ranks, arranged)
    parameters, others = ([tensors.get(name) for name in names] for names in (PARAMETERS, HEAD_TENSORS))
    found = _composite_heads.value(call, parameters, others, split)
    _warn_of_nothing(call, found[1])
    return _heads._result(call, tuple(found))


@_uncompiled
def softmax_cross_entropy(
    logits: Tensor,
    targets: Tensor | SparseTargets,
    *,
    axis: int = -1,
    class_weight: Tensor | None = None,
    sample_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    class_mask: Tensor | None = None,
    temperature: float = 1.0,
    softcap: float | None = None,
    z_loss: float = 0.0,
    focal_gamma: float = 0.0,
    reduction: Reduction = "mean",
    normalizer: float | None = None,
    return_weight: bool = False,
    empty: float | None = None,
    group: ProcessGroup | None = None,
) -> Any:
    """``crossentropy.torch.softmax_cross_entropy`` with each rank holding the logits of a slice of the classes.

    As ``linear_softmax_cross_entropy`` here, of logits that are there already: (..., K_r), classes on ``axis``. The
    gradient is that of the rank's own logits. Some ten arrays of the logits' size are held at a time.

    Example:
        >>> import torch
        >>> from torch import distributed
        >>> from crossentropy.distributed import vocab_parallel
        >>> distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
        >>> print(vocab_parallel.softmax_cross_entropy(torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([0])))
        tensor(0.2413)
        >>> distributed.destroy_process_group()
    """
    given = {**locals()}
    ranks = Ranks(given.pop("group"))

    def arranged() -> Arguments:
        operands = tuple(given.pop(name) for name in ("logits", "targets"))
        z, tensors, options = _losses.softmax_cross_entropy._arranged(operands, given)
        return Arguments(Call("softmax_cross_entropy", tuple(options.items())), {"logits": z} | tensors)

    (call, tensors), split = agreed(ranks, arranged)
    z = tensors["logits"]
    losses, weights = rows.softmax_cross_entropy(z.to(working_dtype(z)), call, tensors, split)
    value, weight = reduced(losses, weights, call, loss_dtype(z))
    _warn_of_nothing(call, weight)
    return (value, weight) if call.option("return_weight") else value


def _warn_of_nothing(call: Call, weight: Tensor) -> None:
    """The warning of a mean of no rows (promise 17), where looking at the sum of row weights waits for nothing."""
    if weight.device.type == "cpu":
        options = (call.option(name) for name in ("reduction", "normalizer", "return_weight", "empty"))
        value_of(Reducing(*options), 0.0, weight.item(), None, np.dtype(np.float64))
