"""JAX under jit on the CPU: its activations, and the losses that Optax has for it. Every result is a fresh array."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.contestants._contestant import Contestant, Outcome
from benchmarks.inputs import Inputs, Sample

NAME = "JAX"


def contestant(case: Case, inputs: Inputs) -> Contestant | None:
    """The function, compiled; its arrays are JAX's before anything is timed."""
    if case.option or case.operation not in (*_ACTIVATIONS, "softmax_cross_entropy", "sigmoid_cross_entropy"):
        return None
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its compiler tells how long it takes
    import jax

    jax.config.update("jax_enable_x64", True)  # otherwise float64 is silently float32
    z = jax.numpy.asarray(inputs.predictions)
    if inputs.targets is None:
        function = getattr(jax.nn, case.operation)
        activation = jax.jit(lambda z: function(z, axis=-1))
        return Contestant(
            NAME,
            lambda: activation(z).block_until_ready(),
            lambda sample: Outcome(sample(np.asarray(activation(z)))),
        )
    rows, y = _loss_of_rows(case), jax.numpy.asarray(inputs.targets)
    loss_of_rows = jax.jit(rows)

    def mean(z: Any, y: Any) -> Any:
        return rows(z, y).mean()

    def values(sample: Sample) -> Outcome:
        return Outcome(sample(np.asarray(loss_of_rows(z, y))))

    if case.wants == "value":
        loss = jax.jit(mean)
        return Contestant(NAME, lambda: loss(z, y).block_until_ready(), values)
    both = jax.jit(jax.value_and_grad(mean))

    def call() -> Any:
        return jax.block_until_ready(both(z, y))

    return Contestant(NAME, call, lambda sample: Outcome(values(sample).values, sample(np.asarray(call()[1]))))


_ACTIVATIONS = ("softmax", "log_softmax", "logsumexp")


def _loss_of_rows(case: Case) -> Callable[[Any, Any], Any]:
    import optax

    if case.operation == "sigmoid_cross_entropy":
        return optax.losses.sigmoid_binary_cross_entropy
    of_labels, of_distributions = (
        optax.losses.softmax_cross_entropy_with_integer_labels,
        optax.losses.softmax_cross_entropy,
    )
    loss = of_labels if case.targets == "index" else of_distributions
    return lambda z, y: loss(z, y, axis=case.axis)
