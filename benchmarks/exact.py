"""What a case should give: by the float64 reference; in float64, whose last digits the reference lacks, by mpmath."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.cases import HEAD, Case
from benchmarks.contestants import heads
from benchmarks.inputs import Array, Inputs, Sample
from crossentropy.reference import activations, losses

#: An array, or a pair (high, low) whose exact sum is meant.
Expected = Array | tuple[Array, Array]

_DIGITS = 50


@dataclass(frozen=True, eq=False)
class Truth:
    """The exact results on a sample of rows; a scale is what an error is counted in ULP of, where not the result."""

    sample: Sample
    values: Expected
    gradient: Expected | None = None
    value_scale: Array | None = None
    gradient_scale: Array | None = None


def truth_of(case: Case, inputs: Inputs) -> Truth:
    """The losses of rows (or an activation's results), and the gradient of the mean over all rows.

    The gradient for soft targets, p - t, is a difference of two terms, and counted in ULP of the larger; so is a
    log-sum-exp, of itself and the largest logit.
    """
    sample = Sample(case)
    if case.operation == HEAD:
        return _head(case, inputs, sample)
    z = sample(inputs.predictions).astype(np.float64)
    if inputs.targets is None:
        found: Array = getattr(activations, case.operation)(z)
        largest = np.maximum(np.abs(z.max(axis=-1)), np.abs(found)) if case.operation == "logsumexp" else None
        return Truth(sample, found, value_scale=largest)
    t = _sampled_targets(case, inputs, sample)
    if case.dtype == "float64":
        return Truth(sample, *_softmax_cross_entropy(z, t, math.prod(case.rows_shape)))
    options = dict(inputs.options)
    weight = sample(options.pop("sample_weight", np.ones(case.rows_shape))).astype(np.float64)
    if "ignore_index" in options:
        weight = weight * (sample(inputs.targets) != options.pop("ignore_index"))
    if case.option == "class_mask of rows":
        options["class_mask"] = sample(options["class_mask"])
    divided = weight / _total_weight(case, inputs)
    if not case.of_elements:
        divided = divided[:, np.newaxis]
    values = weight * getattr(losses, case.loss)(z, t, **options)
    gradient = divided * getattr(losses, f"{case.loss}_gradient")(z, t, **options)
    scale = None
    if case.targets == "soft" or case.option in ("label_smoothing", "z_loss"):
        smoothing = options.get("label_smoothing", 0.0)
        scale = divided * np.maximum(activations.softmax(z), (1.0 - smoothing) * t + smoothing / case.classes)
    return Truth(sample, values, gradient, gradient_scale=scale)


def _head(case: Case, inputs: Inputs, sample: Sample) -> Truth:
    """Losses and gradients of a head of the sample's rows alone.

    Counted in ULP of the case's dtype, of the sums of products without their signs, which is what rounding acts on; an
    error of the logits is one of the slopes, too.
    """
    x, y, weight = sample(inputs.predictions).astype(np.float64), sample(inputs.targets), inputs.options["weight"]
    step = max(1, 2**25 // weight.shape[1])
    tiles = [slice(first, first + step) for first in range(0, case.classes, step)]
    z = np.concatenate([x @ weight[tile].astype(np.float64).T for tile in tiles], axis=1)
    largest = np.max([(np.abs(x) @ np.abs(weight[tile].astype(np.float64)).T).max(axis=1) for tile in tiles], axis=0)
    t = np.zeros(z.shape)
    np.put_along_axis(t, y[:, np.newaxis], 1.0, axis=1)
    values = losses.softmax_cross_entropy(z, t)
    if case.wants == "value":
        return Truth(sample, values, value_scale=largest)
    slopes = losses.softmax_cross_entropy_gradient(z, t) / len(y)
    classes = heads.sampled_classes(y)

    def gradients(x: Array, slopes: Array, absolute: bool) -> Array:
        of_x = np.zeros(x.shape)
        for tile in tiles:
            w = weight[tile].astype(np.float64)
            of_x += slopes[:, tile] @ (np.abs(w) if absolute else w)
        return np.concatenate([of_x.ravel(), (slopes[:, classes].T @ x).ravel()])

    at_most = np.abs(slopes) * np.maximum(largest, 1.0)[:, np.newaxis]
    at_most += inputs.options.get("filter_eps", 0.0) / len(y) * 2.0**22  # the error that it states: 4 ULP of this
    scale = gradients(np.abs(x), at_most, absolute=True)
    return Truth(sample, values, gradients(x, slopes, absolute=False), largest, scale)


def _sampled_targets(case: Case, inputs: Inputs, sample: Sample) -> Array:
    """The sample's targets as distributions."""
    targets: Array = sample(inputs.targets)
    if case.targets != "index":
        return targets.astype(np.float64)
    dense = np.zeros((*targets.shape, case.classes))
    np.put_along_axis(dense, np.maximum(targets, 0)[..., np.newaxis], 1.0, axis=-1)
    return dense


def _total_weight(case: Case, inputs: Inputs) -> float:
    """What the mean divides by."""
    options = inputs.options
    if "class_weight" in options:
        return float(options["class_weight"][inputs.targets].sum(dtype=np.float64))
    if "sample_weight" in options:
        return float(options["sample_weight"].sum(dtype=np.float64))
    if "ignore_index" in options:
        return float((inputs.targets != options["ignore_index"]).sum())
    return float(math.prod(case.rows_shape))


def _softmax_cross_entropy(z: Array, t: Array, rows: int) -> tuple[Any, Any]:
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
