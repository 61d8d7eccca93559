"""Calls with few options take one step through the core: the same bits as the long way, and its words when wrong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

import crossentropy as ce
from crossentropy._loss import LOSSES
from tests.losses.test_sizes import predictions, targets_of
from tests.support.layouts import FLOATS, lay

every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
LONG = {"return_weight": False}  # any other option leads the long way
OPTIONS = [{}, {"reduction": "mean"}, {"reduction": "sum"}, {"normalizer": 0.7}]
OF_LABELS = [{"ignore_index": 0, "reduction": "sum"}, {"ignore_index": -100}, {"ignore_index": 1, "normalizer": 3.0}]


def same_bits(results, expected):
    for result, same in zip(results, expected, strict=True):
        assert type(result) is type(same)
        assert result.dtype == same.dtype
        assert result.tobytes() == same.tobytes()


def arguments(loss, kind, shape, dtype):
    x = predictions(loss, 3.0 * np.random.default_rng(5).normal(size=shape)).astype(dtype)
    targets = targets_of(loss, kind, shape)
    return x, targets % 100 if kind == "index" else targets  # labels that int8 holds


def written(kind, targets):
    """The same targets in every dtype that can hold them."""
    integers = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]
    names = {"index": integers, "binary": [*integers, "float16", "float64"], "sign": ["int8", "int64", "float32"]}
    return [
        targets.astype(name) for name in names.get(kind, ["float32", "float64"]) if name != "bool" or kind != "index"
    ]


@every_loss
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(8, 10), (1, 1), (7,), (300, 1), (3, 5, 40), (41, 700)], ids=str)
def test_promise_21_the_short_way_gives_the_bits_of_the_long_way(loss, dtype, shape):
    for kind in loss.contract.target_kinds:
        if kind == "sparse":
            continue
        x, targets = arguments(loss, kind, shape, dtype)
        for given in written(kind, np.asarray(targets)):
            for options in OPTIONS + (OF_LABELS if kind == "index" else []):
                assert loss._at_once(x, given, None, options) is not None
                same_bits([loss(x, given, **options)], [loss(x, given, **options, **LONG)])
                expected = loss.value_and_grad(x, given, **options, **LONG)
                same_bits(loss.value_and_grad(x, given, **options), expected)
                out, overwritten = np.full_like(x, np.nan), x.copy()
                results = loss.value_and_grad(x, given, out=out, **options)
                assert results[1] is out
                same_bits(results, expected)
                results = loss.value_and_grad(overwritten, given, inplace=True, **options)
                assert results[1] is overwritten
                same_bits(results, expected)


def unusual(x, targets):
    """Arguments (predictions, targets, reduction, out), some a label and a normalizer too, that need the long way."""
    out = np.empty_like(x)
    whole = np.concatenate([x, x])
    return {
        "another reduction": (x, targets, "none", None),
        "no reduction": (x, targets, None, None),
        "a label that is no int": (x, targets, "mean", None, 1.0, None),
        "a label beyond int64": (x, targets, "mean", None, 2**63, None),
        "an integer normalizer": (x, targets, "mean", None, None, 2),
        "a normalizer of 0": (x, targets, "mean", None, None, 0.0),
        "a normalizer of NaN": (x, targets, "mean", None, None, np.nan),
        "a normalizer of the sum": (x, targets, "sum", None, None, 2.0),
        "a list": (x, targets.tolist(), "mean", None),
        "another list": (x.tolist(), targets, "mean", None),
        "a subclass": (x.view(np.memmap), targets, "mean", None),
        "integers": (x.astype(int), targets, "mean", None),
        "bfloat16": (x.astype(FLOATS["bfloat16"]), targets, "mean", None),
        "complex": (x.astype(complex), targets, "mean", None),
        "objects": (x.astype(object), targets, "mean", None),
        "no rows": (x[:0], targets[:0], "mean", None),
        "no axis": (x[0, 0], targets, "mean", None),
        "fewer targets": (x, targets[1:], "mean", None),
        "byte-swapped": (lay(x, "byte-swapped"), targets, "mean", None),
        "unaligned": (lay(x, "unaligned"), targets, "mean", None),
        "strided": (lay(x, "strided"), targets, "mean", None),
        "Fortran order": (lay(x, "Fortran order"), targets, "mean", None),
        "targets byte-swapped": (x, lay(targets.astype(np.int64), "byte-swapped"), "mean", None),
        "NaN as target": (x, np.full_like(x, np.nan), "mean", None),
        "out is a list": (x, targets, "mean", x.tolist()),
        "out is read-only": (x, targets, "mean", lay(out, "read-only")),
        "out is strided": (x, targets, "mean", lay(out, "strided")),
        "out of another dtype": (x, targets, "mean", out.astype(np.float32)),
        "out of another shape": (x, targets, "mean", np.empty((x.size,))),
        "out overlaps": (whole[: len(x)], targets, "mean", whole[1 : len(x) + 1]),
        "out is one row": (x, targets, "mean", as_strided(out, x.shape, (0, 8))),
    }


UNUSUAL = list(unusual(np.ones((4, 3)), np.ones(4, dtype=int)))


@every_loss
@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_goes_the_long_way(loss, name):
    kind = loss.contract.target_kinds[0]
    x, targets = arguments(loss, kind, (4, 3), np.float64)
    given = (*unusual(x, np.asarray(targets))[name], None, None)[:6]
    if name == "NaN as target" and loss is ce.mean_squared_error:
        assert np.isnan(loss._plain(*given))
        return
    assert loss._plain(*given) is None


@every_loss
def test_promise_23_a_fault_leaves_the_predictions_as_they_were(loss):
    kind = loss.contract.target_kinds[0]
    x, targets = arguments(loss, kind, (4, 3), np.float64)
    if kind == "real":
        with pytest.raises(ValueError, match=r"^targets: expected shape"):
            loss.value_and_grad(x, targets[1:], inplace=True)
        return
    overwritten, wrong = x.copy(), np.array(targets)
    wrong[-1] = 3
    with pytest.raises((IndexError, ValueError), match=r": expected .*, got 3 in row"):
        loss.value_and_grad(overwritten, wrong, inplace=True)
    np.testing.assert_array_equal(overwritten, x)


@every_loss
def test_targets_that_out_overlaps_go_the_long_way(loss):
    x = arguments(loss, loss.contract.target_kinds[0], (4, 3), np.float64)[0]
    targets = np.ones((4, 3)) if loss.contract.target_kinds[0] != "index" else np.full((4, 3), 1 / 3)
    assert loss._at_once(x, targets, np.empty((4, 3)), {}) is not None
    assert loss._at_once(x, targets, targets, {}) is None
    assert (targets == targets[0, 0]).all()


@pytest.mark.parametrize("context", [ce.checked(), ce.use_implementation("reference")], ids=["checked", "reference"])
def test_forced_modes_are_never_passed_by(context, monkeypatch):
    z, y = np.zeros((2, 3)), np.array([0, 1])

    def passed_by(*_):
        raise AssertionError("the short way was taken")

    for loss in LOSSES.values():
        monkeypatch.setattr(loss, "_plain", passed_by)
    with context:
        assert ce.softmax_cross_entropy(z, y) == pytest.approx(np.log(3.0))
        ce.softmax_cross_entropy.value_and_grad(z, y)
    with pytest.raises(AssertionError, match="short way"):
        ce.softmax_cross_entropy(z, y)


@every_loss
def test_a_label_to_ignore_needs_labels(loss):
    for kind in loss.contract.target_kinds:
        if kind not in ("index", "sparse"):
            x, targets = arguments(loss, kind, (4, 3), np.float64)
            assert loss._at_once(x, np.asarray(targets), None, {"ignore_index": 0}) is None


def test_the_mean_of_nothing_still_warns():
    with pytest.warns(RuntimeWarning, match="^reduction: expected a row of positive weight"):
        assert np.isnan(ce.softmax_cross_entropy(np.zeros((2, 3)), np.zeros(2, dtype=int), ignore_index=0))
    with pytest.warns(RuntimeWarning, match="^reduction: expected a row of positive weight"):
        assert np.isnan(ce.softmax_cross_entropy(np.zeros((0, 3)), np.zeros(0, dtype=int)))
