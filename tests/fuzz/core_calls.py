"""Random calls straight at the compiled core: its own checks alone keep it within the arrays it is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from crossentropy._native import coded, core
from tests.fuzz.guarded import Guarded
from tests.support.layouts import FLOATS, Array
from tests.support.parts import INTEGERS

_INTEGERS = [np.dtype(name) for name in INTEGERS]
_FLOATS = list(FLOATS.values())
_CLASSES = [0, 1, 1, 2, 3, 5, 8, 9, 16, 17, 31, 33, 64, 127, 128, 129, 257, 1030]
_LEADING = [0, 1, 1, 2, 3, 5, 9, 40, 200]
_MOST_ELEMENTS = [3_000] * 30 + [70_000]  # more than stay on one thread
_NUMBERS = [0.0, 0.0, 0.0, 0.1, 1.0, 2.0, -1.0, 30.0, 1e300, np.nan, np.inf, -np.inf]
_WIDTHS = [0, 1, 2, 3, 12, 17, 33]  # the other side of a matrix of coefficients
_EXTREMES = [0.0, 1.0, -1.0, 1e-310, 1e300, np.inf, -np.inf, np.nan]


class CoreCall:
    """The arguments of one call, most of them fitting; in half of the calls some are wild."""

    def __init__(self, random: np.random.Generator, guarded: Guarded) -> None:
        self.random, self.guarded = random, guarded
        self._wildness = float(random.choice([0.0, 0.1]))
        self.classes = int(random.choice(_CLASSES))
        self.leading = tuple(int(n) for n in random.choice(_LEADING, size=random.integers(0, 4)))
        most = int(random.choice(_MOST_ELEMENTS))
        while math.prod(n + 1 for n in (*self.leading, self.classes)) > most:
            self.leading = self.leading[1:]

    def one_of(self, choices: Any) -> Any:
        return choices[int(self.random.integers(len(choices)))]

    def chance(self, p: float) -> bool:
        return bool(self.random.random() < p)

    def wild(self) -> bool:
        return self.chance(self._wildness)

    def or_wild(self, fitting: Any, wild: Callable[[], Any]) -> Any:
        return wild() if self.wild() else fitting

    @property
    def shape(self) -> tuple[int, ...]:
        return (*self.leading, self.classes)

    def numbers(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        if self.chance(0.05):
            return np.frombuffer(self.random.bytes(int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape)
        if dtype in _INTEGERS:
            low, high = self.one_of([(0, max(self.classes, 1)), (0, 2), (-3, self.classes + 3)])
            return self.random.integers(low, high, size=shape).astype(dtype)
        values = self.random.normal(size=shape) * self.one_of([0.1, 1.0, 100.0])
        if self.chance(0.3):
            values = np.abs(values) / np.abs(values).sum(axis=-1, keepdims=True) if shape else np.abs(values)
        if self.chance(0.3):
            values = np.where(self.random.random(shape) < 0.1, self.one_of(_EXTREMES), values)
        return np.asarray(values).astype(dtype)

    def array(self, shape: tuple[int, ...], dtypes: list[np.dtype[Any]]) -> Any:
        """An array of this shape with its code; or one of any shape, dtype and code; or what is no array."""
        fitting = coded(self.guarded.input(self.numbers(shape, self.one_of(dtypes))))
        return self.or_wild(fitting, lambda: self.wild_array(writeable=False))

    def output(self, shape: tuple[int, ...]) -> Any:
        fitting = coded(self.guarded.output(shape, self.one_of(_FLOATS)))
        return self.or_wild(fitting, lambda: self.wild_array(writeable=True))

    def wild_array(self, *, writeable: bool) -> Any:
        if self.chance(0.2):
            return self.one_of([None, 1, "text", (), (None, 3), ([1.0], 3), object()])
        shapes = [self.shape, self.leading, self.shape[1:], self.shape[::-1], (*self.shape, 2), (self.classes,), ()]
        shape = tuple(self.one_of([*shapes, (1,) * 34, tuple(n + 1 for n in self.shape), (2, 3)]))
        dtype = self.one_of([*_FLOATS, *_INTEGERS])
        array = self.guarded.output(shape, dtype) if writeable else self.guarded.input(self.numbers(shape, dtype))
        given = coded(array)
        code = self.one_of([given[1], given[1], int(self.random.integers(-2, 14)), 2**31, 2.0, None])
        return self.one_of([given[0], given[0], given[0], given[0][::-1] if shape else given[0]]), code

    def weights(self, size: int) -> Any:
        def wild() -> Any:
            dtype, shape = self.one_of([*_FLOATS[:1], *_FLOATS[2:], *_INTEGERS]), self.one_of([(size,), self.shape, ()])
            return self.one_of([1.0, "text", [1.0] * size, self.guarded.input(self.numbers(shape, dtype))])

        fitting = None if self.chance(0.5) else np.abs(self.numbers((size,), np.dtype(np.float64)))
        return self.or_wild(fitting, wild)

    def vector(self, shape: tuple[int, ...], dtype: type = np.float64) -> Any:
        """Numbers that lie one after the other; or others, or none."""
        fitting = self.guarded.input(self.numbers(shape, np.dtype(dtype)), contiguous=True)
        return self.or_wild(fitting, lambda: self.wild_vector(shape, dtype))

    def sums(self, shape: tuple[int, ...], dtype: type = np.float64) -> Any:
        """What is added to, as it must lie; or otherwise."""
        fitting = self.guarded.output(shape, dtype, contiguous=True)
        return self.or_wild(fitting, lambda: self.wild_vector(shape, dtype, writeable=True))

    def wild_vector(self, shape: tuple[int, ...], dtype: type, *, writeable: bool = False) -> Any:
        other = self.one_of([shape, tuple(n + 1 for n in shape), (*shape, 2), (max(math.prod(shape) - 1, 0),), ()])
        wrong = np.dtype(self.one_of([dtype, np.float32, np.int64, np.uint8]))
        if self.chance(0.2):
            return self.one_of([None, 1.0, "text", [1.0], object()])
        return self.guarded.output(other, wrong) if writeable else self.guarded.input(self.numbers(other, wrong))

    def number(self, usual: float) -> Any:
        return self.or_wild(usual, lambda: self.one_of([*_NUMBERS, None, "text"]))

    def option(self) -> Any:
        return self.number(self.one_of([0.0, 0.0, 0.1, 1.0]))

    def code(self, count: int) -> Any:
        return self.or_wild(int(self.random.integers(count)), lambda: self.one_of([-1, count, 2**31, 2**70, 0.5, None]))


def rows(call: CoreCall) -> None:
    count = int(np.prod(call.leading, dtype=np.int64))
    kind = call.code(3)
    listed = call.one_of([1, max(call.classes, 1), max(call.classes // 2, 1)])
    targets, probabilities = call.array(call.leading, _INTEGERS), None
    if kind == 1:
        targets = call.array(call.shape, _FLOATS)
    elif kind == 2:
        targets = call.array((*call.leading, listed), _INTEGERS)
        probabilities = call.array((*call.leading, listed), _FLOATS)
    mask = None
    if call.chance(0.3):
        mask = call.array(call.one_of([call.shape, (call.classes,)]), [np.dtype(np.uint8)])
    problem = core.Rows(
        call.code(4),
        call.array(call.shape, _FLOATS),
        call.number(call.one_of([1e-8, np.inf])),
        kind,
        targets,
        probabilities,
        call.number(call.one_of([1e-8, np.inf])),
        call.chance(0.5),
        call.or_wild(call.one_of([None, None, 0, -100]), lambda: call.one_of([2**63, -(2**63), 0.5, "text"])),
        call.weights(call.classes),
        call.weights(count),
        mask,
        call.option(),
        call.number(call.one_of([1.0, 1.0, 0.5])),
        call.number(call.one_of([0.0, 0.0, 30.0])),
        call.option(),
        call.option(),
    )
    run(call, problem, call.leading)


def elements(call: CoreCall) -> None:
    count, family = int(np.prod(call.leading, dtype=np.int64)), call.code(5)
    problem = core.Elements(
        family,
        call.array(call.shape, _FLOATS),
        call.array(call.shape, [*_FLOATS, *_INTEGERS]),
        call.weights(call.classes),
        call.weights(call.classes),
        call.weights(count),
        call.array(call.shape, _FLOATS[3:]) if call.chance(0.3) else None,
        call.option(),
        call.option(),
    )
    run(call, problem, call.leading if family == 3 else call.shape)


def run(call: CoreCall, problem: Any, losses: tuple[int, ...]) -> None:
    """What a call of a loss does, and more than once: a problem is not used up."""
    for _ in range(2):
        if call.chance(0.9) and problem.weigh()[1] and call.chance(0.9):
            return
        if call.chance(0.3):
            call.one_of([linear_pass, sparse_pass])(call, problem)
            continue
        order = call.code(4)
        problem.run(
            order,
            call.number(1.0),
            call.output(losses) if call.chance(0.5) else None,
            call.output(call.shape) if (order != 0) != call.wild() else None,
            call.array(call.shape, _FLOATS) if (order == 2) != call.wild() else None,
        )


def features(call: CoreCall, shape: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Rows of features, what is subtracted from them and what they are multiplied by."""
    rows = call.array(shape, call.one_of([_FLOATS[2:], _FLOATS[2:], _FLOATS[2:], _FLOATS]))
    if call.chance(0.5) != call.wild():
        return rows, None, None
    return rows, call.vector(shape[-1:]), call.or_wild(call.vector(shape[-1:]), lambda: None)


def linear_pass(call: CoreCall, problem: Any) -> None:
    """The problem's loss of a linear model's logits."""
    width = call.one_of(_WIDTHS)
    problem.run_linear(
        *features(call, (*call.leading, width)),
        call.vector((call.classes, width)),
        call.vector((call.classes,)),
        call.sums((call.classes, width)),
        call.sums((call.classes,)),
        call.chance(0.5),
    )


def sparse_pass(call: CoreCall, problem: Any) -> None:
    """The same, of sparse features."""
    count, width = int(np.prod(call.leading, dtype=np.int64)), call.one_of(_WIDTHS)
    numbers = call.random.integers(0, 5, size=count) if width else np.zeros(count, np.int64)
    starts = np.append(0, np.cumsum(numbers))
    columns = call.random.integers(0, max(width, 1), size=starts[-1]).astype(call.one_of([np.int32, np.int64]))
    values = call.random.normal(size=starts[-1]).astype(call.one_of([np.float32, np.float64]))
    if call.wild() and len(columns):
        columns[call.random.integers(len(columns))] = call.one_of([-1, width, 1 << 30])
    if call.wild() and count:
        starts[call.random.integers(count)] = call.one_of([-1, int(starts[-1]) + 1])
    held = core.Sparse(
        call.or_wild(call.guarded.input(starts, contiguous=True), lambda: call.wild_vector((count + 1,), np.int64)),
        coded(call.guarded.input(columns, contiguous=True)),
        coded(call.guarded.input(values, contiguous=True)),
        width,
        scale := call.vector((width,)) if call.chance(0.5) else None,
    )
    for single in (True, False):
        problem.run_sparse(
            held,
            call.vector((call.classes, width)),
            call.vector((call.classes,)),
            call.sums((call.classes, width)),
            call.sums((call.classes,)),
            single,
        )
    if scale is None or call.wild():
        dual_epoch(call, held, count, width)


def dual_epoch(call: CoreCall, held: core.Sparse, count: int, width: int) -> None:
    """An epoch of dual coordinate ascent."""
    is_exclusive, order = call.chance(0.5), call.random.permutation(count)
    if call.wild() and count:
        order[0] = call.one_of([-1, count, order[-1]])
    core.dual_ascent(
        held,
        is_exclusive,
        call.guarded.input(order, contiguous=True),
        call.vector((count,) if is_exclusive else (count, call.classes), np.float32),
        call.sums((count, call.classes), np.float32),
        call.sums((width, core.sparse_step(call.classes)), np.float32),
        call.sums((call.classes,)),
        call.sums((call.classes,)),
        call.random.random(),
    )


def linear(call: CoreCall) -> None:
    """What linear models ask of the core beside the loss of their logits."""
    count, width = int(np.prod(call.leading, dtype=np.int64)), call.classes
    rows, *standardisation = features(call, call.shape)
    match int(call.random.integers(3)):
        case 0:
            classes = call.one_of(_WIDTHS)
            coef, intercept = call.vector((classes, width)), call.vector((classes,)) if call.chance(0.5) else None
            out = call.output((*call.leading, classes))
            core.logits(rows, *standardisation, coef, intercept, out, call.chance(0.5))
        case 1:
            core.moments(rows, call.vector((count,)), call.vector((width,)), call.sums((width,)), call.sums((width,)))
        case 2:
            chosen, size = None, width + (intercept := call.chance(0.5))
            if call.chance(0.5):
                low, high = call.or_wild((0, count), lambda: (-1, count + 1))
                count = call.one_of([0, 1, 13, 1100]) if high > low else 0
                numbers = call.random.integers(low, max(high, low + 1), size=count)
                chosen = call.guarded.input(numbers, contiguous=True)
                chosen = call.or_wild(chosen, lambda: call.wild_vector((count,), np.int64))
            core.gram(rows, *standardisation, chosen, call.vector((count,)), intercept, call.sums((size, size)))


def activate(call: CoreCall) -> None:
    kind = call.code(7)
    reduced = (*call.leading, 1) if kind == 2 else call.shape
    given = call.chance(0.5)
    core.activate(
        kind,
        call.array(call.shape, _FLOATS),
        call.array(reduced, _FLOATS) if given else None,
        call.output(call.shape if given else reduced),
    )


def heads(call: CoreCall) -> None:
    """What heads ask of the core: numbers of rows, their derivatives, columns that count, sums in halves."""
    count = int(np.prod(call.leading, dtype=np.int64))

    def vector(dtype: type, size: int = count) -> Any:
        fitting = None if call.chance(0.2) else call.guarded.output((size,), np.dtype(dtype))
        return call.or_wild(fitting, lambda: call.one_of([call.wild_array(writeable=True)[0], "text"]))

    mask = call.array(call.one_of([call.shape, (call.classes,)]), [np.dtype(np.uint8)]) if call.chance(0.3) else None
    common = (call.array(call.shape, _FLOATS), call.number(call.one_of([0.0, 30.0])), call.number(1.0), mask)
    match int(call.random.integers(4)):
        case 0:
            core.describe(*common, vector(np.float64), vector(np.float64), vector(np.int64))
        case 1:
            direction = call.array(call.shape, _FLOATS) if call.chance(0.5) else None
            core.add_derivative(*common, call.weights(count), call.weights(count), direction, call.output(call.shape))
        case 2:
            core.mark_columns(common[0], call.weights(count), call.option(), vector(np.uint8, call.classes))
        case 3:
            halves = [vector(np.uint16, count * call.classes) for _ in range(2)]
            core.add_to_halves(common[0], call.chance(0.5), *halves)
            core.round_halves(*halves)


def one_call(random: np.random.Generator) -> str:
    """One random call: "done", or the name of the error that it was refused with."""
    guarded = Guarded(random)
    call = CoreCall(random, guarded)
    try:
        with np.errstate(all="ignore"):
            call.one_of([rows, rows, elements, activate, heads, linear])(call)
        outcome = "done"
    except (ValueError, TypeError, IndexError) as error:
        outcome = type(error).__name__
    guarded.check()
    return outcome
