"""The kinds of targets of rows of classes: indices, one-hot and soft distributions, sparse top-k lists."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from crossentropy._conventions import is_supported_float
from crossentropy._problems import IndexTargets, ListedTargets, SoftTargets
from crossentropy._validation import as_array, as_choice, as_floats, axis_last, check_shape, sentence


class SparseTargets:
    """Target distributions given by their k most probable classes, as in distillation from a large teacher.

    Row i puts ``probabilities[i, j]`` on class ``indices[i, j]``; the rest of its mass,
    ``r = 1 - Σ_j probabilities[i, j]``, goes where ``tail`` says:

    - ``"uniform"``: evenly over the classes that the row does not list;
    - ``"absent"``: nowhere. The target then sums to ``1 - r``, and so does the row's weight in a mean.

    Args:
        indices: integers (..., k), each class at most once in a row.
        probabilities: floats (..., k), at least 0, at most 1 together.
        tail: ``"uniform"`` or ``"absent"``.

    Errors (raised by the loss, which knows K): an index outside [0, K) is an IndexError; a class listed twice,
    probabilities that are negative, NaN or above 1 together a ValueError.

    Example:
        >>> import crossentropy as ce
        >>> teacher = ce.SparseTargets([[0, 2]], [[0.7, 0.2]], tail="uniform")
        >>> float(ce.softmax_cross_entropy([[2.0, -1.0, 0.5, 0.0]], teacher).round(6))
        0.89235
    """

    __slots__ = ("indices", "probabilities", "tail")

    def __init__(self, indices: ArrayLike, probabilities: ArrayLike, *, tail: Literal["uniform", "absent"]) -> None:
        self.indices, self.probabilities = indices, probabilities
        self.tail = tail

    def __repr__(self) -> str:
        return f"SparseTargets({self.indices!r}, {self.probabilities!r}, tail={self.tail!r})"


def as_targets(
    name: str, targets: Any, shape: tuple[int, ...], axis: int, ignore_index: Any
) -> IndexTargets | SoftTargets | ListedTargets:
    """The targets of predictions of ``shape`` whose classes lie on ``axis``, class axis last."""
    rows = shape[:axis] + shape[axis + 1 :]
    if isinstance(targets, SparseTargets):
        found: SoftTargets | ListedTargets | IndexTargets = _as_listed(name, targets, rows, shape[axis], axis)
    else:
        array = as_array(name, targets)
        if array.dtype.kind in "iub" or (array.size == 0 and array.shape == rows and array.shape != shape):
            return _as_index(name, array, rows, shape, ignore_index)
        if not is_supported_float(array.dtype):
            raise TypeError(
                sentence(
                    name,
                    expected="integers (class indices) or floats (one-hot or soft targets)",
                    received=f"dtype {array.dtype}",
                    remedy="convert labels to integers 0 … K-1, for example with np.unique(…, return_inverse=True)",
                )
            )
        if array.shape != shape and array.shape == rows:
            raise ValueError(
                sentence(
                    name,
                    expected=f"integers for class indices of shape {rows}, or floats of the predictions' shape {shape}",
                    received=f"{array.dtype} of shape {array.shape}",
                    remedy="convert class indices with .astype(int)",
                )
            )
        check_shape(name, array.shape, shape, "the shape of the predictions")
        found = SoftTargets(axis_last(array, axis))
    if ignore_index is not None:
        raise ValueError(
            sentence(
                "ignore_index",
                expected="index targets",
                received=f"{'sparse' if isinstance(found, ListedTargets) else 'soft'} targets",
                remedy="drop rows of such targets with sample_weight=0",
            )
        )
    return found


def _as_index(name: str, array: Any, rows: tuple[int, ...], shape: tuple[int, ...], ignore_index: Any) -> IndexTargets:
    if array.shape == shape and array.shape != rows:
        raise ValueError(
            sentence(
                name,
                expected=f"class indices of shape {rows}, or one-hot targets as floats",
                received=f"{array.dtype} of the predictions' shape {shape}",
                remedy="convert one-hot targets with .astype(float), or take their argmax along the class axis",
            )
        )
    check_shape(name, array.shape, rows, "one class index for each row")
    if ignore_index is not None and (isinstance(ignore_index, bool) or not isinstance(ignore_index, int | np.integer)):
        raise TypeError(
            sentence("ignore_index", expected="an integer", received=repr(ignore_index), remedy="pass e.g. -100")
        )
    if array.dtype.kind not in "iub":
        array = array.astype(np.int64)
    return IndexTargets(array, None if ignore_index is None else int(ignore_index))


def _as_listed(name: str, targets: SparseTargets, rows: tuple[int, ...], classes: int, axis: int) -> ListedTargets:
    indices = as_array(f"{name}.indices", targets.indices)
    probabilities = as_floats(f"{name}.probabilities", targets.probabilities)
    as_choice(f"{name}.tail", targets.tail, ("uniform", "absent"))
    if indices.dtype.kind not in "iu":
        raise TypeError(
            sentence(
                f"{name}.indices", expected="integers", received=f"dtype {indices.dtype}", remedy="pass class indices"
            )
        )
    listed = indices.shape[axis] if indices.ndim == len(rows) + 1 else 0
    expected = (*rows[:axis], listed, *rows[axis:])
    if indices.shape != expected or listed > classes:
        raise ValueError(
            sentence(
                f"{name}.indices",
                expected=f"shape {(*rows[:axis], 'k', *rows[axis:])} with k at most {classes}".replace("'", ""),
                received=f"shape {indices.shape}",
                remedy="list k classes for each row, along the class axis",
            )
        )
    check_shape(f"{name}.probabilities", probabilities.shape, indices.shape, "the shape of the indices")
    return ListedTargets(axis_last(indices, axis), axis_last(probabilities, axis), targets.tail)
