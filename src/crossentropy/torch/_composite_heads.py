"""The head in PyTorch's own operations: blocks of rows, whose logits are computed again for the backward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from crossentropy._head_blocks import OUTPUTS
from crossentropy._loss import LOSSES
from crossentropy.torch import _composite_rows as rows
from crossentropy.torch._calls import TENSORS, Call
from crossentropy.torch._composite import reduced, working_dtype
from crossentropy.torch._composite_checks import check, ones
from crossentropy.torch._composite_classes import WHOLE, Classes
from crossentropy.torch._composite_softmax import softmax, times
from crossentropy.torch._head_calls import HEAD_TENSORS, head_of, value_dtype

Tensor = torch.Tensor
Given = dict[str, Tensor]

_LOSS = "softmax_cross_entropy"
#: Options that the plain negative log-likelihood has not.
_TERMS = ("label_smoothing", "z_loss", "focal_gamma")


@torch.compiler.allow_in_graph
def value(
    call: Call, parameters: Sequence[Tensor | None], tensors: Sequence[Tensor | None], classes: Classes = WHOLE
) -> list[Tensor]:
    """The value, the sum of row weights and, where there are any, the outputs in the order of OUTPUTS.

    Whoever splits the classes has checked the call before.
    """
    features, weight, bias = parameters
    if features is None or weight is None:  # for the type checker: a head always has both
        raise TypeError
    given = {name: tensor for name, tensor in zip(HEAD_TENSORS, tensors, strict=True) if tensor is not None}
    if classes is WHOLE:
        head_of(call, parameters, tensors, ones)  # for its checks of shapes and options
    features, given = paired(features, given, call.option("shift"))
    lead, here = features.shape[:-1], weight.shape[0]
    loss = loss_of(call)
    like = features.new_zeros(1, dtype=value_dtype((features, weight))) if bias is None else bias
    if classes is WHOLE:
        check(loss, like.detach().expand(*lead, here), [given.get(name) for name in TENSORS])
    flat = {name: _flat(name, tensor, len(lead)) for name, tensor in given.items()}
    x, dtype = features.reshape(-1, features.shape[-1]), working_dtype(like)
    w, b = weight.to(dtype), None if bias is None else bias.to(dtype)  # gradients of blocks are added before rounding
    kept = torch.ones(x.shape[:1], dtype=torch.bool, device=x.device)
    if call.option("ignore_index") is not None:
        kept = flat["targets"] != call.option("ignore_index")
    if "sample_weight" in flat:
        kept = kept & (flat["sample_weight"] != 0.0)
    x = torch.where(kept.unsqueeze(-1), x, 0.0)  # what is dropped never enters the products of the backward pass
    plain = Call(_LOSS, tuple((name, v) for name, v in loss.options if name not in _TERMS))

    def block(first: int, last: int) -> tuple[Tensor, ...]:
        (features_here,) = classes.each(x[first:last].to(dtype))
        z = features_here @ w.T
        z = z if b is None else z + b
        part = {name: t if t.ndim == 1 and name in _OF_CLASSES else t[first:last] for name, t in flat.items()}
        losses, weights = rows.softmax_cross_entropy(z, loss, part, classes)
        if not call.option("outputs"):
            return losses, weights
        of_labels = {name: t for name, t in part.items() if name not in ("class_weight", "sample_weight")}
        with torch.no_grad():
            nll = rows.softmax_cross_entropy(z.detach(), plain, of_labels, classes)[0]
        return losses, weights, *_described(z, loss, part, nll, classes)

    size = max(1, call.option("block_bytes") // (classes.most(here) * torch.finfo(dtype).bits // 8))
    starts = range(0, max(len(x), 1), size)
    blocks = [_run(block, start, min(start + size, len(x))) for start in starts]
    losses, weights, *found = (torch.cat(column).reshape(lead) for column in zip(*blocks, strict=True))
    result, total_weight = reduced(losses, weights, loss, value_dtype((features, weight)))
    kept = kept.reshape(lead)
    dropped = {"negative_log_likelihood": 0.0, "logsumexp": math.nan, "entropy": math.nan, "predicted": -1}
    outputs = [
        torch.where(kept, tensor, dropped[name]).to(tensor.dtype if name == "predicted" else result.dtype)
        if name in dropped
        else tensor & kept
        for name, tensor in zip(OUTPUTS, found, strict=False)
    ]
    return [result, total_weight, *outputs]


def loss_of(call: Call) -> Call:
    """The call of the loss of the logits."""
    names = (*LOSSES[_LOSS].contract.options, "tail")
    return Call(_LOSS, tuple((name, value) for name, value in call.options if name in names))


_OF_CLASSES = ("class_weight", "class_mask")


def _run(block: Any, first: int, last: int) -> Any:
    """A block, whose own tensors do not wait for the backward pass. PyTorch's transforms do not go with that."""
    if torch.is_grad_enabled() and torch._C._functorch.peek_interpreter_stack() is None:
        return checkpoint(block, first, last, use_reentrant=False)
    return block(first, last)


def _described(z: Tensor, call: Call, part: Given, nll: Tensor, classes: Classes) -> tuple[Tensor, ...]:
    """The outputs of a block's rows."""
    x, _ = rows.transformed(z, call, part)
    row = softmax(x, call.option("temperature"), classes)
    # of the likeliest class the probability is that of not being any other
    top = classes.argmax(x)
    p = torch.where(classes.numbers(x) == top, 1.0 - row.complement, row.probability)
    (entropy,) = classes.sum(times(p, row.surprisal))
    predicted = torch.where(entropy.isnan(), -1, top)
    targets = part["targets"]
    if "probabilities" in part:
        expected = targets.long().gather(-1, part["probabilities"].argmax(-1, keepdim=True)).squeeze(-1)
    else:
        expected = classes.argmax(targets).squeeze(-1) if targets.is_floating_point() else targets.long()
    lse, entropy, predicted = (found.squeeze(-1) for found in (row.logsumexp, entropy, predicted))
    return nll, lse, entropy, predicted, predicted == expected


def paired(features: Tensor, given: Given, shift: int) -> tuple[Tensor, Given]:
    """Position l of each sequence with the target of l + shift."""
    if shift == 0:
        return features, given
    last = features.shape[-2] - shift

    def cut(name: str, tensor: Tensor) -> Tensor:
        if name == "class_weight" or (name == "class_mask" and tensor.ndim == 1):
            return tensor
        if name == "class_mask":
            return tensor[..., :last, :]
        return tensor[..., shift:] if tensor.ndim < features.ndim else tensor[..., shift:, :]

    return features[..., :last, :], {name: cut(name, tensor) for name, tensor in given.items()}


def _flat(name: str, tensor: Tensor, lead: int) -> Tensor:
    """The leading axes as one, that of the rows."""
    if name in _OF_CLASSES and tensor.ndim == 1:
        return tensor
    return tensor.reshape(-1, *tensor.shape[lead:])
