"""Calls of a head: features, weight and bias beside a drawn call of the loss of its logits."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import crossentropy as ce
from crossentropy.reference import heads as reference
from tests.support.calls import Call, calls
from tests.support.layouts import LAYOUTS, lay

Array = np.ndarray[Any, np.dtype[Any]]
WIDTH = 3


class Case:
    """Features, weight and bias beside a drawn call, and the logits that they make."""

    def __init__(self, call: Call, seed: int, layout: str, bias: bool, rows_at_once: int) -> None:
        random = np.random.default_rng(seed)
        *rows, classes = call.predictions.shape
        self.x = lay(random.normal(size=(*rows, WIDTH)), layout)
        self.w = lay(random.normal(size=(classes, WIDTH)), layout)
        self.b = random.normal(size=classes) if bias else None
        self.z = reference.linear_logits(self.x, self.w, self.b)
        self.targets = call.targets
        self.of_loss = {name: value for name, value in call.options.items() if name != "axis"}
        self.options = {**self.of_loss, "bias": self.b, "block_bytes": rows_at_once * classes * 8}
        self.arguments = (self.x, self.w, self.targets)
        self.v = (random.normal(size=self.x.shape), random.normal(size=self.w.shape), random.normal(size=classes))

    def back(self, slopes: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
        flat = slopes.reshape(-1, slopes.shape[-1])
        return slopes @ w, flat.T @ x.reshape(-1, WIDTH), flat.sum(axis=0)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    call = draw(calls(ce.softmax_cross_entropy, dtypes=("float64",), tame=True, classes_last=True))
    layout = draw(st.sampled_from(list(LAYOUTS)))
    return Case(call, draw(st.integers(0, 99)), layout, draw(st.booleans()), draw(st.sampled_from([1, 3, 1000])))


def agree(found: Any, expected: Any) -> None:
    expected = np.asarray(expected)
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12 * largest)
