"""The parts of a drawn call: predictions by domain, targets by kind, options by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

import crossentropy as ce
from tests.support.layouts import FLOATS, LAYOUTS, Array, lay

SIGNED = ["int8", "int16", "int32", "int64"]
INTEGERS = [*SIGNED, "uint8", "uint16", "uint32", "uint64"]


@dataclass(frozen=True)
class Scene:
    """What the parts of one call have in common. Arrays are drawn with the class axis last, and moved where it goes."""

    random: np.random.Generator
    shape: tuple[int, ...]  # of the predictions, class axis last
    axis: int | None  # where the caller has it; None for losses of single elements
    kind: str  # of the targets
    of_distributions: bool  # whether soft targets are distributions of rows, or numbers of their own
    tame: bool  # predictions without infinities, NaN, extremes
    pick: Callable[[Any], Any]  # draws from a strategy

    @property
    def classes(self) -> int:
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> tuple[int, ...]:
        return self.shape[:-1]

    def place(self, array: Array) -> Array:
        """An array of the predictions' shape, laid out somehow, its class axis where the caller has it."""
        moved = array if self.axis is None else np.moveaxis(array, -1, self.axis)
        return lay(moved, self.one_of(LAYOUTS))

    def one_of(self, choices: Any) -> Any:
        return self.pick(st.sampled_from(list(choices)))


def _logits(scene: Scene) -> Array:
    if scene.tame:
        return np.asarray(2.0 * scene.random.normal(size=scene.shape))
    z = scene.random.normal(size=scene.shape) * scene.one_of([0.1, 1.0, 10.0, 100.0]) + scene.one_of([0.0, 0.0, 1e3])
    z = np.asarray(z)
    for special in scene.pick(st.lists(st.sampled_from([-np.inf, np.inf, np.nan]), max_size=2)):
        z[scene.random.random(scene.shape) < 0.15] = special
    return z


def _probabilities(scene: Scene) -> Array:
    if scene.tame:
        p = scene.random.uniform(0.1, 0.9, size=scene.shape)
        return np.asarray(p if scene.axis is None else p / p.sum(axis=-1, keepdims=True))
    if scene.axis is None:
        p = np.asarray(1.0 / (1.0 + np.exp(-scene.random.normal(size=scene.shape) * scene.one_of([1.0, 30.0]))))
        p[scene.random.random(scene.shape) < 0.1] = scene.one_of([0.0, 1.0])
        return p
    return _distributions(scene, scene.classes, scene.one_of([0.02, 1.0]))


def _log_probabilities(scene: Scene) -> Array:
    with np.errstate(divide="ignore"):
        return np.log(_probabilities(scene))


def _numbers(scene: Scene) -> Array:
    return np.asarray(scene.random.normal(size=scene.shape) * scene.one_of([0.1, 1.0, 100.0]))


def _distributions(scene: Scene, classes: int, concentration: float) -> Array:
    p = scene.random.dirichlet(np.full(classes, concentration), size=scene.rows).reshape(*scene.rows, classes)
    return np.where(p < 1e-100, 0.0, p)  # 1/p² of less overflows on the way


def _indices(scene: Scene) -> Array:
    labels = np.asarray(scene.random.integers(0, scene.classes, size=scene.rows))
    dtypes = [*_integers(scene), "bool"] if scene.classes <= 2 else _integers(scene)
    return lay(labels.astype(scene.one_of(dtypes)), scene.one_of(LAYOUTS))


def _integers(scene: Scene) -> list[str]:
    return [dtype for dtype in INTEGERS if scene.classes - 1 <= np.iinfo(dtype).max]


def _soft(scene: Scene) -> Array:
    if scene.of_distributions:
        t = _distributions(scene, scene.classes, scene.one_of([0.05, 1.0]))
    else:
        t = np.asarray(scene.random.random(scene.shape))
    return scene.place(t.astype(FLOATS[scene.one_of(FLOATS)]))


def _sparse(scene: Scene) -> ce.SparseTargets:
    listed = scene.pick(st.integers(1, scene.classes))
    indices = scene.random.permuted(np.broadcast_to(np.arange(scene.classes), scene.shape), axis=-1)[..., :listed]
    p = _distributions(scene, listed + (listed < scene.classes), 1.0)[..., :listed]
    return ce.SparseTargets(
        scene.place(indices.astype(scene.one_of(_integers(scene)))),
        scene.place(p.astype(FLOATS[scene.one_of(FLOATS)])),
        tail=scene.one_of(["uniform", "absent"]),
    )


def _binary(scene: Scene) -> Array:
    return scene.place(
        np.asarray(scene.random.integers(0, 2, size=scene.shape)).astype(scene.one_of([*INTEGERS, "bool"]))
    )


def _signs(scene: Scene) -> Array:
    signs = np.asarray(scene.random.choice([-1, 1], size=scene.shape))
    dtype = scene.one_of([*SIGNED, *FLOATS])
    return scene.place(signs.astype(FLOATS.get(dtype, dtype)))


def _real(scene: Scene) -> Array:
    return scene.place(_numbers(scene).astype(FLOATS[scene.one_of(FLOATS)]))


def _weights(scene: Scene, shape: tuple[int, ...]) -> Array:
    return np.asarray(scene.random.choice([0.0, 1.0, 0.5, 2.0, 0.3], size=shape))


def _column_weight(scene: Scene) -> Any:
    if scene.axis is None and (len(scene.shape) < 2 or scene.pick(st.booleans())):
        return 2.5
    return lay(_weights(scene, (scene.classes,)), scene.one_of(LAYOUTS))


def _sample_weight(scene: Scene) -> Array:
    rows = scene.axis is not None or (len(scene.shape) > 0 and scene.pick(st.booleans()))
    if rows:
        return lay(_weights(scene, scene.rows), scene.one_of(LAYOUTS))
    return scene.place(_weights(scene, scene.shape))


def _class_mask(scene: Scene) -> Array:
    if scene.pick(st.booleans()):
        return scene.random.random(scene.classes) < 0.7
    return scene.place(scene.random.random(scene.shape) < 0.7)


PREDICTIONS: dict[str, Callable[[Scene], Array]] = {
    "logits": _logits,
    "scores": _logits,
    "probabilities": _probabilities,
    "log-probabilities": _log_probabilities,
    "real numbers": _numbers,
}
TARGETS: dict[str, Callable[[Scene], Any]] = {
    "index": _indices,
    "soft": _soft,
    "sparse": _sparse,
    "binary": _binary,
    "sign": _signs,
    "real": _real,
}
#: Each draws a value of the option, or None to leave it out.
OPTIONS: dict[str, Callable[[Scene], Any]] = {
    "axis": lambda scene: scene.axis,
    "class_weight": _column_weight,
    "pos_weight": _column_weight,
    "sample_weight": _sample_weight,
    "label_smoothing": lambda scene: scene.one_of([0.1, 0.5, 1.0]),
    "ignore_index": lambda scene: scene.one_of([-100, 0, 1]) if scene.kind == "index" else None,
    "class_mask": _class_mask,
    "temperature": lambda scene: scene.one_of([0.5, 2.0, 3.3]),
    "softcap": lambda scene: scene.one_of([5.0, 30.0]),
    "z_loss": lambda scene: scene.one_of([1e-4, 0.5]),
    "focal_gamma": lambda scene: scene.one_of([0.5, 1.0, 2.0, 3.0]),
    "reduction": lambda scene: scene.one_of(["mean", "sum", "none"]),
    "normalizer": lambda scene: 7.5,
    "return_weight": lambda scene: True,
    "empty": lambda scene: 0.0,
}
