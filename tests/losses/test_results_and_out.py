"""What results are made of, and where they go: promises 19 and 23 of docs/conventions.md."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided

import crossentropy as ce
from crossentropy._loss import LOSSES
from crossentropy.testing import ulp_distance
from tests.support.calls import Call, calls, quietly
from tests.support.layouts import FLOATS, LAYOUTS, lay

pytestmark = pytest.mark.usefixtures("instruction_set")

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
INTEGERS_OF_DOMAIN = {"logits": [[2, -1], [0, 3]], "scores": [[2, -1], [0, 3]], "real numbers": [[2, -1], [0, 3]]}
OUT = (
    "out: expected a writeable float array of shape (2, 2) that shares no memory with another argument, "
    "got {received}; leave it out, pass np.empty_like({name}), or inplace=True to overwrite {name}"
)
INPLACE = (
    "inplace: expected {name} as a writeable float array that shares no memory with another argument, got {received}; "
    "leave it out, or pass {name} as such an array"
)


def arguments(loss, dtype=np.float64):
    """Two rows of two classes, and fitting targets."""
    z = np.array([[2.0, -1.0], [0.25, 3.0]])
    x = {"probabilities": ce.softmax(z), "log-probabilities": ce.log_softmax(z)}.get(loss.contract.domain, z)
    kind = loss.contract.target_kinds[0]
    targets = {"index": [0, 1], "binary": [[0, 1], [1, 1]], "sign": [[-1, 1], [1, 1]], "real": [[0.5, 1.0], [0.0, 2.0]]}
    return x.astype(dtype), np.array(targets[kind])


@every_loss
@pytest.mark.parametrize("dtype", FLOATS)
def test_promise_19_losses_are_float32_at_least_and_derivatives_of_the_predictions_dtype(loss, dtype):
    x, targets = arguments(loss, FLOATS[dtype])
    of_loss = np.float64 if dtype == "float64" else np.float32
    for reduction in ("mean", "sum", "none"):
        value, gradient = loss.value_and_grad(x, targets, reduction=reduction)
        assert (value.dtype, gradient.dtype) == (of_loss, FLOATS[dtype])
    _, weight = loss(x, targets, return_weight=True)
    assert isinstance(weight, float)
    assert loss.hvp(x, targets, x.astype(np.float64)).dtype == FLOATS[dtype]
    assert loss.hessian_diagonal(x, targets).dtype == FLOATS[dtype]


@pytest.mark.parametrize(
    "loss",
    [loss for loss in LOSSES.values() if loss.contract.domain in INTEGERS_OF_DOMAIN],
    ids=lambda loss: loss.__name__,
)
@pytest.mark.parametrize("dtype", ["int8", "uint64", "bool", None])
def test_promise_19_integers_count_as_float64(loss, dtype):
    given_numbers = np.abs(INTEGERS_OF_DOMAIN[loss.contract.domain])
    x = given_numbers.tolist() if dtype is None else given_numbers.astype(dtype)
    targets = arguments(loss)[1]
    value, gradient = loss.value_and_grad(x, targets)
    assert value.dtype == gradient.dtype == np.float64
    assert value == loss(np.asarray(x, dtype=np.float64), targets)


def test_promise_19_a_loss_of_bfloat16_logits_is_not_rounded_to_bfloat16():
    z = np.array([[0.0, 12.4375]]).astype(FLOATS["bfloat16"])
    value = ce.softmax_cross_entropy(z, [0])
    assert value.dtype == np.float32
    assert value == pytest.approx(12.4375 + np.log1p(np.exp(-12.4375)), rel=1e-7)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_promise_19_gradients_are_rounded_once(dtype):
    z = np.random.default_rng(3).normal(size=(50, 7)).astype(FLOATS[dtype])
    _, wide = ce.softmax_cross_entropy.value_and_grad(z.astype(np.float64), np.arange(50) % 7)
    _, narrow = ce.softmax_cross_entropy.value_and_grad(z, np.arange(50) % 7)
    assert narrow.dtype == FLOATS[dtype]
    # float32 is computed in float32; what has fewer digits is the rounding of that, and next to nothing else
    assert ulp_distance(narrow, wide).max() <= (3.0 if dtype == "float32" else 0.51)


@every_loss
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("layout", ["C order", "Fortran order", "strided", "negative strides"])
def test_promise_23_out_takes_the_gradient(loss, dtype, layout):
    x, targets = arguments(loss)
    value, gradient = loss.value_and_grad(x, targets)
    out = lay(np.full(x.shape, 7.0).astype(FLOATS[dtype]), layout)
    same_value, returned = loss.value_and_grad(x, targets, out=out)
    assert returned is out
    assert same_value == value
    np.testing.assert_array_equal(out, gradient.astype(FLOATS[dtype]))


@every_loss
@given(data=st.data())
def test_promise_23_the_predictions_may_be_overwritten_by_their_gradient(loss, data):
    call = data.draw(calls(loss, dtypes=tuple(FLOATS)))
    _, gradient = quietly(call.value_and_grad)
    native = call.predictions.astype(call.predictions.dtype.newbyteorder("="))
    overwritten = lay(native, data.draw(st.sampled_from(["C order", "Fortran order", "strided", "negative strides"])))
    how = data.draw(st.sampled_from([{"out": overwritten}, {"inplace": True}]))
    _, returned = quietly(lambda: loss.value_and_grad(overwritten, call.targets, **how, **call.options))
    assert returned is overwritten
    np.testing.assert_array_equal(overwritten.astype(np.float64), gradient.astype(np.float64))


@every_loss
def test_promise_23_inplace_takes_the_predictions_by_position_or_by_name(loss):
    x, targets = arguments(loss)
    value, gradient = loss.value_and_grad(x, targets)
    for named in (False, True):
        overwritten = x.copy()
        given = dict(zip(loss.contract.arguments, (overwritten, targets), strict=True))
        call = loss.value_and_grad(*(() if named else given.values()), inplace=True, **(given if named else {}))
        assert call[0] == value
        assert call[1] is overwritten
        np.testing.assert_array_equal(overwritten, gradient)


@every_loss
def test_promise_23_inplace_along_another_axis(loss):
    if "axis" not in loss.contract.options:
        with pytest.raises(TypeError, match="axis"):
            loss.value_and_grad(*arguments(loss), axis=0, inplace=True)
        return
    x, targets = arguments(loss)
    overwritten = x.T.copy()
    targets_there = targets if targets.ndim == 1 else targets.T
    _, returned = loss.value_and_grad(overwritten, targets_there, axis=0, inplace=True)
    assert returned is overwritten
    np.testing.assert_array_equal(overwritten.T, loss.value_and_grad(x, targets)[1])


@every_loss
@given(data=st.data())
def test_promise_23_inputs_are_never_changed(loss, data):
    call = data.draw(calls(loss))
    targets = call.targets
    held = [targets.indices, targets.probabilities] if isinstance(targets, ce.SparseTargets) else [targets]
    arrays = [call.predictions, call.v, *held, *(o for o in call.options.values() if isinstance(o, np.ndarray))]
    before = [array.tobytes() for array in arrays]
    for run in (call, call.value_and_grad, call.hvp, call.hessian_diagonal):
        quietly(run)
    assert [array.tobytes() for array in arrays] == before


def read_only(x):
    out = np.empty_like(x)
    out.flags.writeable = False
    return out


@every_loss
@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda x: x.tolist(), "list"),
        (lambda x: np.empty((2, 3)), "shape (2, 3)"),
        (lambda x: np.empty(2), "shape (2,)"),
        (lambda x: np.empty((2, 2), dtype=np.int64), "dtype <i8"),
        (lambda x: np.empty((2, 2), dtype=np.dtype(">f8")), "dtype >f8"),
        (lambda x: lay(np.empty((2, 2)), "unaligned"), "dtype <f8, unaligned"),
        (read_only, "a read-only array"),
        (lambda x: x.T, "an array that shares memory with another argument"),
        (lambda x: x[::-1], "an array that shares memory with another argument"),
        (lambda x: x.view(np.float64)[:, ::-1], "an array that shares memory with another argument"),
        (lambda x: as_strided(np.zeros(2), (2, 2), (0, 8)), "an array whose elements share memory"),
    ],
    ids=["list", "columns", "rows", "integers", "byte-swapped", "unaligned", "read-only", "transposed", "reversed",
         "columns reversed", "one row twice"],
)  # fmt: skip
def test_promise_23_and_24_an_array_that_cannot_take_the_gradient_is_refused(loss, make, received):
    x, targets = arguments(loss)
    before = x.copy()
    with pytest.raises(ValueError) as error:
        loss.value_and_grad(x, targets, out=make(x))
    assert str(error.value) == OUT.format(received=received, name=loss.contract.arguments[0])
    np.testing.assert_array_equal(x, before)


@every_loss
@pytest.mark.parametrize(
    ("make", "received"),
    [
        (np.ndarray.tolist, "list"),
        (lambda x: x.astype(int), "dtype <i8"),
        (lambda x: lay(x, "byte-swapped"), "dtype >f8"),
        (lambda x: lay(x, "unaligned"), "dtype <f8, unaligned"),
        (lambda x: lay(x, "read-only"), "a read-only array"),
        (lambda x: as_strided(x, (2, 2), (0, 8)), "an array whose elements share memory"),
    ],
    ids=["list", "integers", "byte-swapped", "unaligned", "read-only", "one row twice"],
)
def test_promise_23_and_24_predictions_that_cannot_be_overwritten(loss, make, received):
    x, targets = arguments(loss)
    given_predictions = make(x)
    before = np.array(given_predictions)
    with pytest.raises(ValueError) as error:
        loss.value_and_grad(given_predictions, targets, inplace=True)
    assert str(error.value) == INPLACE.format(received=received, name=loss.contract.arguments[0])
    np.testing.assert_array_equal(given_predictions, before)


@every_loss
def test_promise_23_and_24_inplace_and_out_exclude_each_other(loss):
    x, targets = arguments(loss)
    with pytest.raises(ValueError) as error:
        loss.value_and_grad(x, targets, out=np.empty_like(x), inplace=True)
    assert str(error.value) == "inplace: expected inplace=True or out=, not both, got both; leave one out"


def test_promise_23_and_24_targets_that_are_the_predictions_cannot_be_overwritten():
    x = np.array([[0.5, 1.0], [0.0, 2.0]])
    with pytest.raises(ValueError) as error:
        ce.mean_squared_error.value_and_grad(x, x, inplace=True)
    assert str(error.value) == INPLACE.format(
        received="an array that shares memory with another argument", name="predictions"
    )


@pytest.mark.parametrize("kind", ["soft", "sparse"])
def test_promise_23_and_24_out_may_not_be_the_targets(kind):
    z, soft = arguments(ce.softmax_cross_entropy)[0], np.array([[0.25, 0.75], [0.5, 0.5]])
    targets = soft if kind == "soft" else ce.SparseTargets([[0, 1], [1, 0]], soft, tail="absent")
    with pytest.raises(ValueError) as error:
        ce.softmax_cross_entropy.value_and_grad(z, targets, out=soft)
    assert str(error.value) == OUT.format(received="an array that shares memory with another argument", name="logits")


@every_loss
@pytest.mark.parametrize("option", ["class_weight", "pos_weight", "sample_weight", "class_mask"])
def test_promise_23_and_24_out_may_not_be_an_option(loss, option):
    if option not in loss.contract.options:
        with pytest.raises(TypeError, match=option):
            loss(*arguments(loss), **{option: np.ones(2)})
        return
    x, targets = arguments(loss)
    out = np.ones((2, 2))
    weights = out.view(bool)[:, ::8] if option == "class_mask" else out.reshape(-1)[:2]
    with pytest.raises(ValueError) as error:
        loss.value_and_grad(x, targets, out=out, **{option: weights})
    assert str(error.value) == OUT.format(
        received="an array that shares memory with another argument", name=loss.contract.arguments[0]
    )
    assert (out == 1.0).all()


@every_loss
@pytest.mark.parametrize("layout", LAYOUTS)
def test_promise_23_results_are_arrays_of_their_own(loss, layout):
    x, targets = arguments(loss)
    call = Call(loss, lay(x, layout), targets, {"reduction": "none"}, x)
    value, gradient = call.value_and_grad()
    for result in (value, gradient, call.hvp(), call.hessian_diagonal()):
        assert result.flags.writeable
        assert not np.may_share_memory(result, call.predictions)
