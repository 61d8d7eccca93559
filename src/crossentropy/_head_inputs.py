"""One call of a head, validated: arguments in, head out."""

from __future__ import annotations

from typing import Any

import numpy as np

from crossentropy._builders import row_problem
from crossentropy._conventions import result_dtype
from crossentropy._head_blocks import OUTPUTS, Head
from crossentropy._targets import SparseTargets
from crossentropy._validation import Array, as_array, as_count, as_floats, as_number, check_shape, sentence

#: The logits' buffer: large enough for matrix products at full speed, small beside a weight of many classes.
BLOCK_BYTES = 100 << 20


def as_head(
    features: Any,
    weight: Any,
    targets: Any,
    *,
    bias: Any,
    shift: int,
    block_bytes: int,
    filter_eps: float,
    sample_weight: Any,
    class_mask: Any,
    **options: Any,
) -> Head:
    """The head of a call; ``options`` are those of softmax_cross_entropy but ``axis``."""
    x, w = as_floats("features", features), as_floats("weight", weight)
    if x.ndim == 0 or w.ndim != 2 or w.shape[1] != x.shape[-1] or w.shape[0] == 0:
        raise ValueError(
            sentence(
                "weight",
                expected="shape (K, D) with K >= 1, for features of shape (..., D)",
                received=f"shape {w.shape} for features of shape {x.shape}",
                remedy="pass one row of weights for each class, as torch.nn.Linear holds them",
            )
        )
    b = None if bias is None else as_floats("bias", bias)
    if b is not None:
        check_shape("bias", b.shape, (w.shape[0],), "one for each class")
    steps = as_count("shift", shift, at_least=0)
    rows = x.shape[:-1]
    if steps:
        targets, sample_weight, class_mask = _shifted(x.shape, targets, sample_weight, class_mask, steps)
        rows = (*rows[:-1], rows[-1] - steps)
    dtype = np.promote_types(result_dtype(x.dtype), result_dtype(w.dtype))
    # Where smoothing counts the classes of logits above -inf, those are the classes of bias above -inf.
    logits = np.broadcast_to(np.zeros(1, dtype) if b is None else b.astype(dtype), (*rows, w.shape[0]))
    return Head(
        features=x,
        shift=steps,
        weight=w,
        bias=b,
        problem=row_problem(
            "softmax_cross_entropy",
            ("logits", "targets"),
            logits,
            targets,
            axis=-1,
            sample_weight=sample_weight,
            class_mask=class_mask,
            **options,
        ),
        block_bytes=as_count("block_bytes", block_bytes, at_least=1),
        filter_eps=as_number("filter_eps", filter_eps, at_least=0.0, at_most=1.0),
    )


def as_outputs(outputs: Any) -> tuple[str, ...]:
    """The names of what is to be returned beside the loss."""
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    for name in names:
        if name not in OUTPUTS:
            raise ValueError(
                sentence(
                    "outputs",
                    expected="names among " + ", ".join(repr(known) for known in OUTPUTS),
                    received=repr(name),
                    remedy="pass a tuple of such names",
                )
            )
    return names


def _shifted(
    shape: tuple[int, ...], targets: Any, sample_weight: Any, class_mask: Any, shift: int
) -> tuple[Any, Any, Any]:
    """What belongs to position l of each sequence of features of ``shape``: the targets and weights of l + shift."""
    if len(shape) < 2 or shape[-2] < shift:
        raise ValueError(
            sentence(
                "shift",
                expected="features of shape (..., L, D) with L of at least shift",
                received=f"shift={shift} for features of shape {shape}",
                remedy="leave shift out, or pass sequences",
            )
        )
    positions = shape[-2]

    def later(argument: str, value: Any, axis: int) -> Array:
        array = as_array(argument, value)
        if array.ndim < -axis or array.shape[axis] != positions:
            raise ValueError(
                sentence(
                    argument,
                    expected=f"{positions} positions on axis {axis}, as the features have",
                    received=f"shape {array.shape}",
                    remedy="pass targets and weights of whole sequences: shift= pairs them",
                )
            )
        return array[..., shift:] if axis == -1 else array[..., shift:, :]

    if isinstance(targets, SparseTargets):
        targets = SparseTargets(
            later("targets.indices", targets.indices, -2),
            later("targets.probabilities", targets.probabilities, -2),
            tail=targets.tail,
        )
    else:
        given = as_array("targets", targets)
        targets = later("targets", given, -2 if given.ndim == len(shape) else -1)
    if sample_weight is not None:
        sample_weight = later("sample_weight", sample_weight, -1)
    if class_mask is not None:
        mask = as_array("class_mask", class_mask)
        class_mask = mask if mask.ndim == 1 else mask[..., : positions - shift, :]
    return targets, sample_weight, class_mask
