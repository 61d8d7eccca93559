"""A head evaluated: logits of a block of rows at a time, their loss and slopes in place, and the products with them."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crossentropy._checked import is_checked
from crossentropy._conventions import result_dtype
from crossentropy._dispatch import engine
from crossentropy._evaluate import divisor_of
from crossentropy._head_rows import Numbers, Parts, Rows, blocks
from crossentropy._memory import empty
from crossentropy._native import coded, core
from crossentropy._problems import IndexTargets, ListedTargets, Order, RowProblem, error_of
from crossentropy._products import Products
from crossentropy._statistics import add_derivative, describe

Array = NDArray[Any]
Doubles = NDArray[np.float64]

# What is undefined comes out as NaN, without a word, as everywhere.
_quiet = np.errstate(all="ignore")


class Head(NamedTuple):
    """A validated call: logits = features · weightᵀ + bias, and the loss of these."""

    features: Array  # (..., D)
    shift: int  # the last so many positions of each sequence have no target
    weight: Array  # (K, D)
    bias: Array | None
    problem: RowProblem  # of the logits; its predictions are the bias alone, in no memory of their own
    block_bytes: int
    filter_eps: float

    def rows(self, array: Array) -> Rows:
        """Those of an array of the features' shape that have a target."""
        return Rows(array[..., : array.shape[-2] - self.shift, :] if self.shift else array)


class Parameters(NamedTuple):
    """Something for each argument of a head: a gradient, a direction, whether it is wanted."""

    features: Any = None
    weight: Any = None
    bias: Any = None


class Cotangents(NamedTuple):
    """Of the value (a number, or one for each row with reduction "none") and of two outputs (one for each row)."""

    value: Any = 1.0
    logsumexp: Doubles | None = None
    entropy: Doubles | None = None


class Evaluation(NamedTuple):
    """The sum of the losses, the sum of row weights, the losses where anybody looks at them, and outputs by name."""

    total: float
    total_weight: float
    losses: Array | None
    outputs: dict[str, Array]
    gradients: Parameters


#: What a row gives beside its loss, and what a row that is dropped gives.
OUTPUTS: dict[str, Any] = {
    "negative_log_likelihood": 0.0,
    "logsumexp": np.nan,
    "entropy": np.nan,
    "predicted": -1,
    "correct": False,
}


class _Block(NamedTuple):
    numbers: Numbers
    features: Array
    rooms: list[Array]  # (R, K) each; the first holds the logits
    rows: RowProblem  # the loss of these


class _Walk:
    """The blocks of a head, each with ``rooms`` arrays of its logits' shape, all within ``block_bytes``."""

    def __init__(self, head: Head, products: Products, rooms: int) -> None:
        self._head, self._products = head, products
        self._part, self._features = Parts(head.problem), head.rows(head.features)
        self.dtype = products.block_dtype(head.features, head.weight)
        most = products.rows_at_once(prod(head.problem.loss_shape), head.weight, self.dtype, head.block_bytes // rooms)
        self.numbers = blocks(head.problem, most)
        rows = max((_size(numbers) for numbers in self.numbers), default=0)
        self._rooms = [empty((rows, len(head.weight)), self.dtype) for _ in range(rooms)]

    def __iter__(self) -> Iterator[_Block]:
        for numbers in self.numbers:
            rooms, features = [room[: _size(numbers)] for room in self._rooms], self._features[numbers]
            self._products.logits(features, self._head.weight, self._head.bias, rooms[0])
            yield _Block(numbers, features, rooms, self._part(numbers, rooms[0]))


def _size(numbers: Numbers) -> int:
    return numbers.stop - numbers.start if isinstance(numbers, slice) else len(numbers)


def total_weight(head: Head) -> float:
    """The sum of row weights, once the targets are found good."""
    found, finding = engine(head.problem).weigh()
    if finding is not None:
        raise error_of(head.problem, finding)
    return found


@_quiet
def evaluate_head(head: Head, products: Products, wanted: Parameters, outputs: tuple[str, ...]) -> Evaluation:
    """The value and outputs; in the same pass the gradients of the value that are wanted (of the sum, for "none")."""
    weight, problem = total_weight(head), head.problem
    divisor, walk = divisor_of(problem.reducing, weight), _Walk(head, products, 1)
    dtype, shape = result_dtype(walk.dtype), problem.loss_shape
    losses = np.zeros(shape, dtype) if problem.reducing.kind == "none" or is_checked() else None
    found = {name: np.full(shape, OUTPUTS[name], _output_dtype(name, dtype)) for name in outputs}
    slopes, total = _Slopes(head, products, wanted, walk), 0.0
    for block in walk:
        for name, values in _described(block.rows, outputs).items():
            found[name].reshape(-1)[block.numbers] = values
        part = None if losses is None else np.empty(_size(block.numbers), dtype)
        if any(wanted):
            total += _run(block.rows, Order.GRADIENT, divisor, part, block.rooms[0])
            slopes.take(block, block.rooms[0], _row_scales(block.rows, divisor))
        else:
            total += _run(block.rows, Order.VALUE, divisor, part)
        if losses is not None:
            losses.reshape(-1)[block.numbers] = part
    return Evaluation(total, weight, losses, found, slopes.results())


@_quiet
def derivative(
    head: Head, products: Products, wanted: Parameters, cotangents: Cotangents, direction: Parameters | None = None
) -> Parameters:
    """The gradient of Σ cotangent · result with respect to what is wanted; or its Hessian times a direction."""
    divisor = divisor_of(head.problem.reducing, total_weight(head))
    of_value = np.asarray(cotangents.value, np.float64).reshape(-1)
    statistics = cotangents.logsumexp is not None or cotangents.entropy is not None
    walk = _Walk(head, products, 1 + (direction is not None) + statistics)
    slopes = _Slopes(head, products, wanted, walk)
    for block in walk:
        rooms, given = block.rooms, of_value if of_value.size == 1 else of_value[block.numbers]
        rows, own_divisor, times = _weighted(block.rows, given, divisor)

        def fill(order: Order, out: Array, along: Array | None) -> Array:
            _run(rows, order, own_divisor, None, out, along)  # noqa: B023  (called in this turn of the loop)
            if times is not None:  # noqa: B023
                out *= times  # noqa: B023
            if statistics:
                _add_statistics(block, cotangents, along, out)  # noqa: B023
            return out

        if direction is not None:
            _directed(head, products, block, direction, rooms[1])
            slopes.take(block, fill(Order.HVP, rooms[2 if statistics else 1], rooms[1]))
            if direction.features is None and direction.weight is None:
                continue
        # the logits themselves are needed no more, unless statistics follow
        gradient = fill(Order.GRADIENT, rooms[1 if statistics else 0], None)
        if direction is None:
            slopes.take(block, gradient, _row_scales(rows, own_divisor))
        else:
            slopes.bend(block, gradient, direction)
    return slopes.results()


@_quiet
def tangents(head: Head, products: Products, direction: Parameters) -> Cotangents:
    """The derivatives of the value, of lse and of entropy along a direction."""
    divisor = divisor_of(head.problem.reducing, total_weight(head))
    walk, shape = _Walk(head, products, 3), head.problem.loss_shape
    found = (np.zeros(shape), np.zeros(shape), np.zeros(shape))
    for block in walk:
        _, along, slopes = block.rooms
        _directed(head, products, block, direction, along)
        ones = np.ones(_size(block.numbers))
        for at, (of_lse, of_entropy) in enumerate(((None, None), (ones, None), (None, ones))):
            if at == 0:
                _run(block.rows, Order.GRADIENT, divisor, None, slopes)
            else:
                slopes[...] = 0.0
                add_derivative(block.rows, of_lse, of_entropy, None, slopes)
            found[at].reshape(-1)[block.numbers] = [
                np.dot(a.astype(np.float64), b.astype(np.float64)) for a, b in zip(slopes, along, strict=True)
            ]
    of_value, lse, entropy = found
    return Cotangents(of_value if head.problem.reducing.kind == "none" else of_value.sum(), lse, entropy)


def _directed(head: Head, products: Products, block: _Block, direction: Parameters, out: Array) -> None:
    """The derivative of a block's logits along a direction."""
    bias, of_features = direction.bias, direction.features is not None
    if of_features:
        products.logits(head.rows(direction.features)[block.numbers], head.weight, bias, out)
    if direction.weight is not None:
        products.logits(block.features, direction.weight, None if of_features else bias, out, add=of_features)
    elif not of_features:
        out[...] = 0.0 if bias is None else bias


def _run(
    rows: RowProblem,
    order: Order,
    divisor: float,
    losses: Array | None,
    slopes: Array | None = None,
    direction: Array | None = None,
) -> float:
    chosen = engine(rows)
    chosen.weigh()  # finds nothing: the whole has been looked through
    return chosen.run(order, divisor, losses, slopes, direction)[0]


def _weighted(rows: RowProblem, cotangent: Doubles, divisor: float) -> tuple[RowProblem, float, Array | None]:
    """A cotangent of the rows' losses as their weights where it can be one, else as a factor of their slopes."""
    if not np.all((cotangent >= 0) & np.isfinite(cotangent)):
        return rows, divisor, cotangent.astype(rows.predictions.dtype)[:, np.newaxis]
    if cotangent.size == 1 and cotangent[0] > 0:
        return rows, divisor / float(cotangent[0]), None
    weight = np.ones(rows.loss_shape) if rows.sample_weight is None else rows.sample_weight
    return rows._replace(sample_weight=weight * cotangent), divisor, None


def _row_scales(rows: RowProblem, divisor: float) -> Doubles:
    """What a probability counts in the slopes of its row, class weights aside."""
    weight = np.ones(rows.loss_shape) if rows.sample_weight is None else rows.sample_weight
    return weight / abs(divisor)


def _add_statistics(block: _Block, cotangents: Cotangents, along: Array | None, out: Array) -> None:
    given = (cotangents.logsumexp, cotangents.entropy)
    of_lse, of_entropy = (None if c is None else np.ascontiguousarray(c.reshape(-1)[block.numbers]) for c in given)
    add_derivative(block.rows, of_lse, of_entropy, along, out)


def _described(rows: RowProblem, outputs: tuple[str, ...]) -> dict[str, Array]:
    found: dict[str, Array] = {}
    if "negative_log_likelihood" in outputs:
        plain = rows._replace(class_weight=None, sample_weight=None, label_smoothing=0.0, z_loss=0.0, focal_gamma=0.0)
        losses = found["negative_log_likelihood"] = np.empty(rows.loss_shape)
        _run(plain, Order.VALUE, 1.0, losses)
    wanted = {"logsumexp", "entropy", "predicted", "correct"} & set(outputs)
    if wanted:
        predicted = bool({"predicted", "correct"} & wanted)
        lse, entropy, likeliest = describe(
            rows, lse="logsumexp" in wanted, entropy="entropy" in wanted, predicted=predicted
        )
        found |= {"logsumexp": lse, "entropy": entropy, "predicted": likeliest}
        if "correct" in wanted:
            found["correct"] = likeliest == _expected(rows)
    return {name: found[name] for name in outputs}


def _expected(rows: RowProblem) -> Array:
    """The class that the targets hold likeliest: the label itself, for index targets."""
    targets = rows.targets
    if isinstance(targets, IndexTargets):
        return targets.labels
    if isinstance(targets, ListedTargets):
        most = targets.probabilities.argmax(-1, keepdims=True)
        found: Array = np.take_along_axis(targets.indices, most, -1)[..., 0]
        return found
    return np.asarray(targets.values.argmax(-1))


def _output_dtype(name: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    return {"predicted": np.dtype(np.int64), "correct": np.dtype(np.bool_)}.get(name, dtype)


class _Slopes:
    """From the slopes of blocks, derivatives with respect to logits, to those of the arguments that are wanted."""

    def __init__(self, head: Head, products: Products, wanted: Parameters, walk: _Walk) -> None:
        self._head, self._products, self._dtype = head, products, walk.dtype
        self._features = self._weight = self._bias = None
        if wanted.features:
            self._features = empty(head.features.shape, head.features.dtype)
            if sum(map(_size, walk.numbers)) < prod(head.features.shape[:-1]):
                self._features[...] = 0.0  # of the rows that are dropped
            self._feature_rows = head.rows(self._features)
        if wanted.weight:
            self._weight = products.weight_sum(head.weight, walk.dtype, len(walk.numbers))
        if wanted.bias and head.bias is not None:
            self._bias = np.zeros(head.bias.shape)

    def take(self, block: _Block, slopes: Array, scales: Doubles | None = None) -> None:
        """The products with the arguments; with ``scales``, of those classes that reach ``filter_eps`` of a row."""
        if self._bias is not None:
            self._bias += self._products.column_sums(slopes)
        classes = None if scales is None or self._head.filter_eps == 0.0 else self._counting(slopes, scales)
        if classes is None:
            self._add(block, slopes, self._head.weight, block.features)
            return
        step = max(1, slopes.shape[1] // 8)
        for first in range(0, max(len(classes), 1), step):
            some = classes[first : first + step]
            self._add(block, slopes[:, some], self._head.weight[some], block.features, some, add=first > 0)

    def bend(self, block: _Block, slopes: Array, direction: Parameters) -> None:
        """The products with the direction, which the chain rule adds to those of the arguments."""
        features = None if direction.features is None else self._head.rows(direction.features)[block.numbers]
        self._add(block, slopes, direction.weight, features, add=True)

    def _add(
        self,
        block: _Block,
        slopes: Array,
        weight: Array | None,
        features: Array | None,
        classes: Array | slice = slice(None),
        *,
        add: bool = False,
    ) -> None:
        if self._features is not None and weight is not None:
            into = self._feature_rows[block.numbers]
            self._products.features(slopes, weight, into, add=add)
            if not self._feature_rows.are_views(block.numbers):
                self._feature_rows[block.numbers] = into
        if self._weight is not None and features is not None:
            self._weight.add(slopes, features, classes)

    def _counting(self, slopes: Array, scales: Doubles) -> NDArray[np.intp] | None:
        """The classes whose slopes reach ``filter_eps``; None where they are most."""
        marks = np.empty(slopes.shape[1], np.uint8)
        core.mark_columns(coded(slopes), scales, self._head.filter_eps, marks)
        classes = np.flatnonzero(marks)
        return classes if 2 * len(classes) < slopes.shape[1] else None

    def results(self) -> Parameters:
        """The derivatives, each of its argument's dtype; None where not wanted."""
        bias = None if self._bias is None else self._bias.astype(self._head.bias.dtype)  # type: ignore[union-attr]
        return Parameters(self._features, None if self._weight is None else self._weight.rounded(), bias)
