"""Arrays of any size: many chunks of work, rows cut into tiles, elements far apart (promise 22)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import numpy as np
import pytest

import crossentropy as ce
from crossentropy._loss import LOSSES

pytestmark = pytest.mark.usefixtures("instruction_set")

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


def predictions(loss, z):
    of_elements = loss.contract.domain == "probabilities" and "axis" not in loss.contract.options
    activation = {"probabilities": ce.sigmoid if of_elements else ce.softmax, "log-probabilities": ce.log_softmax}
    return activation.get(loss.contract.domain, np.asarray)(z)


def targets_of(loss, kind, shape):
    random = np.random.default_rng(12)
    if kind == "sparse":
        return ce.SparseTargets(np.tile([1, 0], (*shape[:-1], 1)), np.full((*shape[:-1], 2), 0.25), tail="uniform")
    return {
        "index": lambda: random.integers(0, shape[-1], shape[:-1]),
        "soft": lambda: ce.softmax(random.normal(size=shape)),
        "binary": lambda: random.integers(0, 2, shape),
        "sign": lambda: random.choice([-1.0, 1.0], shape),
        "real": lambda: random.normal(size=shape),
    }[kind]()


def every_result(loss, x, targets, v, **options):
    value, gradient = loss.value_and_grad(x, targets, **options)
    return [value, gradient, loss.hvp(x, targets, v, **options), loss.hessian_diagonal(x, targets, **options)]


@every_loss
@pytest.mark.parametrize("shape", [(3, 5000), (700, 131), (20000, 3), (30001, 1)], ids=str)
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_promise_22_many_chunks_of_work(loss, shape, weighted):
    random = np.random.default_rng(11)
    x, v = predictions(loss, 3.0 * random.normal(size=shape)), random.normal(size=shape)
    options = {"sample_weight": random.choice([0.0, 1.0, 2.5], shape[0] if "axis" in loss.contract.options else shape)}
    if "class_weight" in loss.contract.options:
        options["class_weight"] = random.uniform(0.5, 2.0, shape[1])
    options = options if weighted else {}
    for kind in loss.contract.target_kinds:
        if kind == "sparse" and shape[-1] < 2:
            continue
        targets = targets_of(loss, kind, shape)
        native = every_result(loss, x, targets, v, **options)
        with ce.use_implementation("reference"):
            expected = every_result(loss, x, targets, v, **options)
        for result, same in zip(native, expected, strict=True):
            np.testing.assert_allclose(result, same, rtol=1e-12, atol=1e-14 * np.max(np.abs(same)))


@pytest.fixture(scope="module")
def wide_memory() -> Iterator[np.ndarray]:
    """More than 2³¹ elements of which a file holds only those that are written."""
    with tempfile.TemporaryFile() as file:
        file.truncate(2 * (2**31 + 64))
        yield np.memmap(file, dtype=np.float16, mode="r+", shape=(2**31 + 64,))


@every_loss
def test_promise_22_rows_more_than_two_to_the_31_elements_apart(loss, wide_memory):
    near = predictions(loss, np.array([[0.5, -1.25, 2.0], [1.0, 3.0, -0.5]])).astype(np.float16)
    far = np.lib.stride_tricks.as_strided(wide_memory, shape=(2, 3), strides=(2 * (2**31 + 32), 2))
    targets = targets_of(loss, loss.contract.target_kinds[0], (2, 3))
    far[...] = near
    expected = every_result(loss, near, targets, near)
    for result, same in zip(every_result(loss, far, targets, far), expected, strict=True):
        np.testing.assert_array_equal(result, same)
    loss.value_and_grad(near, targets, out=far)
    np.testing.assert_array_equal(far, expected[1])


@pytest.fixture(scope="module")
def many_zeros() -> np.ndarray:
    """More than 2³¹ float16 zeros, all on the system's one page of zeros, but for the last: it is 8."""
    zeros = np.zeros((2**15 + 1, 2**16), dtype=np.float16)
    zeros[-1, -1] = 8.0
    return zeros


def test_promise_22_more_than_two_to_the_31_logits(many_zeros):
    labels = np.full(len(many_zeros), 2**16 - 1)
    losses = ce.softmax_cross_entropy(many_zeros, labels, reduction="none")
    few = ce.softmax_cross_entropy(many_zeros[-2:], labels[-2:], reduction="none")
    np.testing.assert_array_equal(losses, np.repeat(few, [len(labels) - 1, 1]))
    assert few[0] == pytest.approx(16 * np.log(2), rel=1e-7)


def test_promise_22_more_than_two_to_the_31_elements(many_zeros):
    targets = np.broadcast_to(np.int8(0), many_zeros.shape)
    assert ce.mean_squared_error(many_zeros, targets, reduction="sum") == 64.0


def test_promise_22_log_sum_exp_of_more_than_two_to_the_31_logits(many_zeros):
    result = ce.logsumexp(many_zeros)
    few = ce.logsumexp(many_zeros[-2:])
    np.testing.assert_array_equal(result, np.repeat(few, [len(result) - 1, 1]))


@pytest.mark.parametrize(
    "loss", [loss for loss in LOSSES.values() if "axis" in loss.contract.options], ids=lambda loss: loss.__name__
)
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_promise_22_classes_may_lie_on_any_axis(loss, axis):
    x = predictions(loss, np.random.default_rng(13).normal(size=(4, 5, 6)))
    v = np.random.default_rng(14).normal(size=x.shape)
    for kind in loss.contract.target_kinds:
        targets = targets_of(loss, kind, x.shape)
        if isinstance(targets, ce.SparseTargets):
            moved = ce.SparseTargets(
                np.moveaxis(targets.indices, -1, axis), np.moveaxis(targets.probabilities, -1, axis), tail=targets.tail
            )
        else:
            moved = np.moveaxis(targets, -1, axis) if targets.ndim == 3 else targets
        expected = every_result(loss, x, targets, v, reduction="none")
        results = every_result(
            loss, np.moveaxis(x, -1, axis), moved, np.moveaxis(v, -1, axis), axis=axis, reduction="none"
        )
        np.testing.assert_array_equal(results[0], expected[0])
        for result, same in zip(results[1:], expected[1:], strict=True):
            np.testing.assert_array_equal(np.moveaxis(result, axis, -1), same)


def test_promise_22_heads_with_rows_and_classes_more_than_two_to_the_31_elements_apart(wide_memory):
    near = np.array([[0.5, -1.25, 2.0], [1.0, 3.0, -0.5]], np.float16)
    strides = (2 * (2**31 + 32), 2)
    far = np.lib.stride_tricks.as_strided(wide_memory, shape=(2, 3), strides=strides)
    far[...] = near
    head, v = ce.linear_softmax_cross_entropy, np.array([1.0, -2.0])
    for results in (
        lambda x, w: head(x, w, [0, 1], reduction="none", outputs=("entropy",))[::4],
        lambda x, w: head.value_and_grad(x, w, [0, 1])[1][:2],
        lambda x, w: head.hvp(x, w, [0, 1], (w, x, v), bias=v),
    ):
        for result, same in zip(results(far, far), results(near, near), strict=True):
            np.testing.assert_array_equal(result, same)
