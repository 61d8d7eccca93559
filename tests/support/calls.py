"""Calls of any registered loss, drawn from its contract: predictions by domain, targets by kind, options by name.

A loss with a domain, a kind of target or an option that is not known here fails its tests until it is.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from crossentropy._loss import Loss
from tests.support.layouts import FLOATS, Array
from tests.support.parts import OPTIONS, PREDICTIONS, TARGETS, Scene

#: Class counts on both sides of every vector width.
CLASSES = [1, 2, 3, 5, 8, 9, 17, 33, 128, 129]


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a loss: what it is given, and a direction for ``hvp``."""

    loss: Loss[...]
    predictions: Array
    targets: Any
    options: dict[str, Any]
    v: Array

    def __call__(self) -> Any:
        return self.loss(self.predictions, self.targets, **self.options)

    def value_and_grad(self) -> Any:
        return self.loss.value_and_grad(self.predictions, self.targets, **self.options)

    def hvp(self) -> Array:
        return self.loss.hvp(self.predictions, self.targets, self.v, **self.options)

    def hessian_diagonal(self) -> Array:
        return self.loss.hessian_diagonal(self.predictions, self.targets, **self.options)


def quietly(run: Callable[[], Any]) -> Any:
    """The result, whether or not it is the mean of no rows, which warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return run()


@st.composite
def calls(
    draw: st.DrawFn,
    loss: Loss[...],
    *,
    dtypes: tuple[str, ...] = (*FLOATS, "int32"),
    tame: bool = False,
    without: tuple[str, ...] = (),
    classes_last: bool = False,
) -> Call:
    """Calls of one loss, every option on or off, those of ``without`` off."""
    contract = loss.contract
    of_rows = "axis" in contract.options
    leading = draw(st.lists(st.integers(0, 4), max_size=2))
    shape = (*leading, draw(st.sampled_from(CLASSES))) if of_rows or draw(st.booleans()) else tuple(leading)
    axis = (-1 if classes_last else draw(st.integers(-len(shape), len(shape) - 1))) if of_rows else None
    scene = Scene(
        random=np.random.default_rng(draw(st.integers(0, 2**32 - 1))),
        shape=shape,
        axis=axis,
        kind=draw(st.sampled_from(contract.target_kinds)),
        of_distributions="index" in contract.target_kinds,
        tame=tame,
        pick=draw,
    )
    predictions = PREDICTIONS[contract.domain](scene)
    of_integers = contract.domain in ("logits", "scores", "real numbers")
    dtype = scene.one_of(d for d in dtypes if of_integers or d in FLOATS)
    if dtype in FLOATS:
        predictions = predictions.astype(FLOATS[dtype])
    else:
        predictions = np.rint(np.nan_to_num(predictions, posinf=9, neginf=-9)).clip(-9, 9).astype(dtype)
    targets, options = TARGETS[scene.kind](scene), {}
    quarters = draw(st.integers(0, 2))  # how many of the options are on: none, a quarter, half
    for name in (name for name in contract.options if name not in without):
        wanted = name in ("axis", "reduction") or draw(st.integers(0, 3)) >= 4 - quarters
        if wanted and (chosen := OPTIONS[name](scene)) is not None:
            options[name] = chosen
    if options["reduction"] != "mean":
        options.pop("normalizer", None)
    if "ignore_index" in options and np.issubdtype(targets.dtype, np.signedinteger):
        targets = np.where(scene.random.random(targets.shape) < 0.3, options["ignore_index"], targets).astype(
            targets.dtype
        )
    v = scene.random.normal(size=shape).astype(FLOATS[scene.one_of(FLOATS)])
    return Call(loss, scene.place(predictions), targets, options, scene.place(v))
