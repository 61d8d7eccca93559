"""What a case should give: by the float64 reference; in float64, whose last digits the reference lacks, by mpmath."""

from __future__ import annotations

import math

import numpy as np

from benchmarks.cases import Case
from benchmarks.inputs import Array, Inputs, Sample
from crossentropy.reference import activations, losses

#: An array, or a pair (high, low) whose exact sum is meant.
Expected = Array | tuple[Array, Array]

_DIGITS = 50


def expected_activation(case: Case, z: Array) -> Array:
    """The activation of each sampled row."""
    result: Array = getattr(activations, case.operation)(z)
    return result


def expected_loss(case: Case, inputs: Inputs, sample: Sample) -> tuple[Expected, Expected]:
    """The loss of each sampled row, and the gradient of the mean over all rows."""
    z, t = sample(inputs.predictions).astype(np.float64), sampled_targets(case, inputs, sample)
    rows = math.prod(case.rows_shape)
    if case.dtype == "float64":
        return _softmax_cross_entropy(z, t, rows)
    gradient: Array = getattr(losses, f"{case.operation}_gradient")(z, t) / rows
    return getattr(losses, case.operation)(z, t), gradient


def sampled_targets(case: Case, inputs: Inputs, sample: Sample) -> Array:
    """The sample's targets as distributions."""
    targets: Array = sample(inputs.targets)
    if case.targets != "index":
        return targets.astype(np.float64)
    dense = np.zeros((*targets.shape, case.classes))
    np.put_along_axis(dense, targets[..., np.newaxis], 1.0, axis=-1)
    return dense


def _softmax_cross_entropy(z: Array, t: Array, rows: int) -> tuple[Expected, Expected]:
    import mpmath

    with mpmath.workdps(_DIGITS):
        found, slopes = [], []
        for logits, mass in zip(z.tolist(), t.tolist(), strict=True):
            e = [mpmath.exp(x) for x in logits]
            total = mpmath.fsum(e)
            found.append(mpmath.fsum(m * (mpmath.log(total) - x) for m, x in zip(mass, logits, strict=True) if m))
            slopes += [(x / total - m) / rows for m, x in zip(mass, e, strict=True)]
        value, gradient = ([(float(x), float(x - float(x))) for x in part] for part in (found, slopes))
    pairs = (np.array(value).T, np.array(gradient).T.reshape(2, *z.shape))
    return (pairs[0][0], pairs[0][1]), (pairs[1][0], pairs[1][1])
