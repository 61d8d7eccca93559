"""The head against the losses on logits made beforehand: every option, kind of target, reduction and layout."""

from __future__ import annotations

import inspect
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import crossentropy as ce
from crossentropy.reference import heads as reference
from tests.support.calls import quietly
from tests.support.head_calls import WIDTH, Case, agree, cases

Array = np.ndarray[Any, np.dtype[Any]]
head, unfused = ce.linear_softmax_cross_entropy, ce.softmax_cross_entropy


@given(cases())
def test_values_are_those_of_the_loss_of_the_logits(case: Case) -> None:
    expected = quietly(lambda: unfused(case.z, case.targets, **case.of_loss))
    found = quietly(lambda: head(*case.arguments, **case.options))
    for ours, theirs in zip(*((r if isinstance(r, tuple) else (r,)) for r in (found, expected)), strict=True):
        agree(ours, theirs)
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype


@given(cases())
def test_gradients_follow_the_chain_rule(case: Case) -> None:
    value, slopes = quietly(lambda: unfused.value_and_grad(case.z, case.targets, **case.of_loss))
    found, gradients = quietly(lambda: head.value_and_grad(*case.arguments, **case.options))
    agree(np.asarray(found[0] if isinstance(found, tuple) else found), value[0] if isinstance(value, tuple) else value)
    for name, expected in zip(gradients._fields, case.back(slopes, case.x, case.w), strict=True):
        if name == "bias" and case.b is None:
            assert gradients.bias is None
        else:
            agree(getattr(gradients, name), expected)


@given(cases())
def test_hessian_products_follow_the_chain_rule(case: Case) -> None:
    v_x, v_w, v_b = case.v
    along = v_x @ case.w.T + case.x @ v_w.T + (0.0 if case.b is None else v_b)
    of_loss = {name: value for name, value in case.of_loss.items() if name != "return_weight"}
    bent = quietly(lambda: unfused.hvp(case.z, case.targets, along, **of_loss))
    slopes = quietly(lambda: unfused.value_and_grad(case.z, case.targets, **of_loss))[1]
    found = quietly(lambda: head.hvp(*case.arguments, (v_x, v_w, None if case.b is None else v_b), **case.options))
    more = case.back(slopes, v_x, v_w)
    for at, expected in enumerate(case.back(bent, case.x, case.w)):
        if found[at] is not None:
            agree(found[at], expected + (more[at] if at < 2 else 0.0))


@given(cases())
def test_the_reference_implementation_says_the_same(case: Case) -> None:
    found = quietly(lambda: head.value_and_grad(*case.arguments, **case.options))[1]
    with ce.use_implementation("reference"):
        expected = quietly(lambda: head.value_and_grad(*case.arguments, **case.options))[1]
    for ours, theirs in zip(found, expected, strict=True):
        if ours is not None:
            agree(ours, theirs)


@pytest.mark.parametrize("gradient", [reference.linear_softmax_cross_entropy_gradient])
def test_the_reference_gradient_is_the_numeric_one(gradient: Any) -> None:
    random = np.random.default_rng(0)
    x, w, b = random.normal(size=(4, WIDTH)), random.normal(size=(5, WIDTH)), random.normal(size=5)
    t, s = random.dirichlet(np.ones(5), size=4), np.array([1.0, 0.5, 2.0, 0.0])
    given_: tuple[Array, ...] = (x, w, b)

    def value(parts: tuple[Array, ...]) -> float:
        return float(reference.linear_softmax_cross_entropy(parts[0], parts[1], t, parts[2], s, label_smoothing=0.2))

    for at, part in enumerate(gradient(x, w, t, b, s, label_smoothing=0.2)):
        for place in np.ndindex(part.shape):
            step = np.zeros(part.shape)
            step[place] = 1e-6
            moved = [value((*given_[:at], given_[at] + sign * step, *given_[at + 1 :])) for sign in (1, -1)]
            assert abs((moved[0] - moved[1]) / 2e-6 - part[place]) < 1e-8


def test_options_are_those_of_the_loss_and_its_own() -> None:
    theirs = list(inspect.signature(unfused).parameters)[2:]
    ours = list(inspect.signature(head).parameters)[3:]
    assert [name for name in ours if name in theirs] == [name for name in theirs if name != "axis"]
    assert set(ours) - set(theirs) == {"bias", "shift", "outputs", "block_bytes", "filter_eps"}
    for name in set(ours) & set(theirs):
        assert inspect.signature(head).parameters[name].default == inspect.signature(unfused).parameters[name].default


def test_it_is_pickled_by_name_and_says_what_it_is() -> None:
    assert pickle.loads(pickle.dumps(head)) is head
    assert repr(head) == "<crossentropy head linear_softmax_cross_entropy>"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_dtypes(dtype: str) -> None:
    """Halves are computed in float32, their gradients rounded once (promise 19)."""
    import ml_dtypes

    kind = np.dtype(ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype)
    random = np.random.default_rng(0)
    x, w, b = (random.normal(size=shape).astype(kind) for shape in ((9, 4), (6, 4), (6,)))
    y = random.integers(0, 6, 9)
    value, gradients = head.value_and_grad(x, w, y, bias=b, block_bytes=1)
    wide = [a.astype(np.float64) for a in (x, w, b)]
    expected, exact = head.value_and_grad(*wide[:2], y, bias=wide[2])
    eps = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 2.0**-23, "float64": 2.0**-52}[dtype]
    assert value.dtype == (np.float64 if dtype == "float64" else np.float32)
    assert abs(value - expected) <= 8 * max(eps if dtype == "float64" else 2.0**-23, 2.0**-52)
    for found, right in zip(gradients, exact, strict=True):
        assert found.dtype == kind
        scale = np.abs(right) * eps + 16 * (2.0**-23 if dtype != "float64" else 2.0**-52)
        assert (np.abs(found.astype(np.float64) - right) <= scale).all()


@pytest.mark.parametrize("wanted", [("features",), ("weight",), ("bias",), ("weight", "bias"), ()])
def test_only_the_gradients_that_are_wanted(wanted: tuple[str, ...]) -> None:
    x, w, b, y = np.ones((2, 3)), np.eye(4, 3), np.zeros(4), [0, 1]
    _, gradients = head.value_and_grad(x, w, y, bias=b, with_respect_to=wanted)
    _, all_ = head.value_and_grad(x, w, y, bias=b)
    for name in gradients._fields:
        if name in wanted:
            np.testing.assert_array_equal(getattr(gradients, name), getattr(all_, name))
        else:
            assert getattr(gradients, name) is None


def test_inputs_stay_as_they_are() -> None:
    """Promise 23."""
    x, w, b = np.ones((2, 3)), np.eye(4, 3), np.zeros(4)
    for array in (x, w, b):
        array.setflags(write=False)
    head.value_and_grad(x, w, [0, 1], bias=b)
    head.hvp(x, w, [0, 1], (x, w, b), bias=b)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3), (3,), (2, 1, 2, 3)])
def test_any_leading_shape(shape: tuple[int, ...]) -> None:
    """Promise 22."""
    x, w = np.ones(shape), np.eye(4, 3)
    losses, gradients = head.value_and_grad(x, w, np.zeros(shape[:-1], int), reduction="none")
    assert losses.shape == shape[:-1]
    assert gradients.features.shape == shape
    assert gradients.weight.shape == (4, 3)
    assert head(x, w, np.zeros(shape[:-1], int), reduction="sum") == pytest.approx(losses.sum())


def test_one_class_and_no_width() -> None:
    assert head(np.ones((2, 3)), np.ones((1, 3)), [0, 0]) == 0.0
    assert head(np.ones((2, 0)), np.ones((4, 0)), [0, 3]) == pytest.approx(np.log(4.0))
