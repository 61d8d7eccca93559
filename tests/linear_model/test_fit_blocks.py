from __future__ import annotations

import weakref
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression
from crossentropy.linear_model._solvers import _class_blocks, _metrics

X, Y = load_iris(return_X_y=True)
SHUFFLED = np.random.default_rng(0).permutation(len(Y))
X, Y = X[SHUFFLED], Y[SHUFFLED]
WEIGHTS = np.random.default_rng(1).integers(0, 3, len(Y)) / 2.0
SOFT = np.random.default_rng(2).dirichlet(np.ones(3), len(Y))
SHARES = np.where(Y > 1, np.round(SOFT[:, 0]), SOFT[:, 0])

TIGHT = {"tol": 1e-12}


def blocks(X, y, step, weight=None):
    parts = [slice(first, first + step) for first in range(0, len(y), step)]
    return [(X[p], y[p]) if weight is None else (X[p], y[p], weight[p]) for p in parts]


CASES = {
    "labels": (SoftmaxRegression, Y, {}),
    "text": (SoftmaxRegression, np.array(["a", "bc", "long"])[Y], {"class_weight": {"bc": 2.0}}),
    "objects": (SoftmaxRegression, np.array(["a", "bc", "long"], dtype=object)[Y], {}),
    "balanced": (SoftmaxRegression, np.maximum(Y, 1), {"class_weight": "balanced", "label_smoothing": 0.1}),
    "soft": (SoftmaxRegression, SOFT, {"C": 3.0}),
    "no intercept": (SoftmaxRegression, Y, {"fit_intercept": False}),
    "two classes": (LogisticRegression, Y == 1, {"pos_weight": 3.0}),
    "probabilities": (LogisticRegression, SHARES, {}),
    "several labels": (LogisticRegression, np.column_stack([Y > 0, Y == 2]), {"pos_weight": [1.0, 2.0]}),
}


@pytest.mark.parametrize(("step", "weight"), [(29, None), (60, WEIGHTS)], ids=["", "weighted"])
@pytest.mark.parametrize("case", CASES)
def test_blocks_of_any_size_give_the_model_of_all_rows(case, step, weight):
    kind, y, parameters = CASES[case]
    whole = kind(**TIGHT, **parameters).fit(X, y, weight)
    parts = kind(**TIGHT, **parameters).fit_blocks(blocks(X, y, step, weight))
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=0, atol=1e-6)
    np.testing.assert_allclose(parts.intercept_, whole.intercept_, rtol=0, atol=1e-5)
    np.testing.assert_array_equal(parts.classes_, whole.classes_)
    assert parts.objective_ == pytest.approx(whole.objective_, rel=1e-11)
    assert (parts.n_features_in_, parts.classes_.dtype) == (4, whole.classes_.dtype)


@pytest.mark.parametrize(
    "form",
    [np.float32, sparse.csr_matrix, partial(sparse.csr_array, dtype=np.float32), np.asfortranarray],
    ids=["float32", "csr", "float32 csr", "Fortran order"],
)
def test_blocks_may_be_sparse_or_of_float32(form):
    changed = X.astype(form) if isinstance(form, type) and issubclass(form, np.generic) else form(X)
    whole, parts = SoftmaxRegression(**TIGHT).fit(changed, Y), SoftmaxRegression(**TIGHT)
    parts.fit_blocks([(changed[p], Y[p]) for p in (slice(0, 40), slice(40, 41), slice(41, 150))])
    np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=0, atol=1e-6)


def test_every_metric_takes_blocks(monkeypatch):
    """Matrices of classes made anew, of chosen rows; one matrix for all; a diagonal."""
    random = np.random.default_rng(3)
    features = random.normal(size=(900, 12)) * np.logspace(0, 2, 12)
    y = (features / np.logspace(0, 2, 12) @ random.normal(size=(12, 6)) + random.gumbel(size=(900, 6))).argmax(axis=1)
    best = SoftmaxRegression(C=10.0, tol=1e-10).fit(features, y)
    monkeypatch.setattr(_class_blocks, "_FEW_ROWS", 50)
    monkeypatch.setattr(_class_blocks, "_MOST_WAITING", 100)
    for most, widest in ((1 << 26, 4096), (0, 4096), (0, 0)):
        monkeypatch.setattr(_class_blocks, "MOST_BYTES", most)
        monkeypatch.setattr(_metrics, "_WIDEST", widest)
        model = SoftmaxRegression(C=10.0, tol=1e-10).fit_blocks(blocks(features, y, 250))
        np.testing.assert_allclose(model.coef_, best.coef_, rtol=1e-3, atol=1e-4)


def test_names_of_columns_are_kept():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = SoftmaxRegression().fit_blocks([(frame[:80], Y[:80]), (frame[80:], Y[80:])])
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert model.predict(frame).shape == (150,)
    assert not hasattr(model.fit_blocks(blocks(X, Y, 50)), "feature_names_in_")


@pytest.mark.parametrize(
    "frame", [pd.DataFrame, lambda X: pa.table(list(X.T), ["a", "b", "c", "d"])], ids=["numbers", "arrow"]
)
def test_names_of_columns_are_those_of_a_fit(frame):
    whole = SoftmaxRegression().fit(frame(X), Y)
    parts = SoftmaxRegression().fit_blocks([(frame(X[:80]), Y[:80]), (frame(X[80:]), Y[80:])])
    names = [list(getattr(model, "feature_names_in_", [])) for model in (whole, parts)]
    assert names[0] == names[1]
    assert parts.predict(frame(X)).shape == (150,)


class Counted:
    """Blocks that are made when they are asked for; how many times, and whether those before are gone by then."""

    def __init__(self, step):
        self.step, self.times, self.held = step, 0, []

    def __iter__(self):
        self.times += 1
        return Walk(self)


class Walk:
    def __init__(self, source):
        self.source, self.first, self.last = source, 0, []

    def __iter__(self):
        return self

    def __next__(self):
        self.source.held.append(sum(reference() is not None for reference in self.last))
        if self.first >= len(Y):
            raise StopIteration
        part = slice(self.first, self.first + self.source.step)
        self.first += self.source.step
        given = X[part].copy(), SOFT[part].copy(), WEIGHTS[part].copy()
        self.last = [weakref.ref(array) for array in given]
        return given


@pytest.mark.parametrize("kind", [SoftmaxRegression, LogisticRegression])
def test_a_block_is_gone_before_the_next_is_read(kind):
    source = Counted(40)
    kind(tol=1e-9).fit_blocks(source)
    assert len(source.held) >= 50
    assert set(source.held) == {0}


def test_the_history_counts_the_passes():
    source = Counted(40)
    model = SoftmaxRegression(tol=1e-9).fit_blocks(source)
    whole = SoftmaxRegression(tol=1e-9).fit(X, SOFT, WEIGHTS)
    # two more to know the targets and the features' means
    assert model.history_[-1].passes == whole.history_[-1].passes + 2.0
    assert source.times == model.history_[-1].passes


def changing(times, change):
    """Blocks that are others from some time on."""

    class Changing:
        def __init__(self):
            self.times = 0

        def __iter__(self):
            self.times += 1
            given = blocks(X, Y, 60)
            return iter(change(given) if self.times > times else given)

    return Changing()


def replaced(position, X=None, y=None):
    def change(given):
        old = given[position]
        return [
            *given[:position],
            (old[0] if X is None else X(old[0]), old[1] if y is None else y(old[1])),
            *given[position + 1 :],
        ]

    return change


FORM = "4 columns of dense float64, targets of kind 'i'"
SAME = "return the same blocks each time, all of one form"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "blocks: expected at least one, got 0; return the same blocks each time"),
        ([X], "block 0 (counted from 0): blocks: expected tuples (X, y) or (X, y, sample_weight), got ndarray; "
              "yield such tuples"),
        ([7], "block 0 (counted from 0): blocks: expected tuples (X, y) or (X, y, sample_weight), got int; "
              "yield such tuples"),
        (
            changing(0, replaced(1, lambda x: x[:, :3])),
            "block 1 (counted from 0): expected 4 columns of dense float64, targets of kind 'i', as in block 0, got "
            "3 columns of dense float64, targets of kind 'i'; return the same blocks each time, all of one form",
        ),
        (
            changing(0, replaced(2, lambda x: x.astype(np.float32))),
            f"block 2 (counted from 0): expected {FORM}, as in block 0, got 4 columns of dense float32, "
            f"targets of kind 'i'; {SAME}",
        ),
        (
            changing(1, replaced(1, sparse.csr_matrix)),
            f"block 1 (counted from 0): expected {FORM}, as in block 0, got 4 columns of CSR float64, "
            f"targets of kind 'i'; {SAME}",
        ),
        (
            changing(0, replaced(1, y=lambda y: y.astype(str))),
            f"block 1 (counted from 0): expected {FORM}, as in block 0, got 4 columns of dense float64, "
            f"targets of kind 'U'; {SAME}",
        ),
        (
            changing(2, replaced(1, lambda x: x[1:], lambda y: y[1:])),
            f"block 1 (counted from 0): expected 60 rows, {FORM}, as before, got 59 rows, {FORM}; {SAME}",
        ),
        (
            changing(3, replaced(2, lambda x: x[::-1], lambda y: y[::-1])),
            f"block 2 (counted from 0): expected the numbers that it held before, got others; {SAME}",
        ),
        (
            changing(2, lambda given: given[:2]),
            "blocks: expected 3 of them, as before, got 2; return the same blocks each time",
        ),
        (
            changing(2, lambda given: given + given[:1]),
            "blocks: expected 3 of them, as before, got 4; return the same blocks each time",
        ),
        (
            changing(0, replaced(1, lambda x: np.vstack([x[:5], np.full(4, np.nan), x[6:]]))),
            "block 1 (counted from 0): X, row 5, column 0 (counted from 0): expected a finite number, got NaN; "
            "fill in or remove that row",
        ),
        (
            [(X[:60], SOFT[:60]), (X[60:], SOFT[60:] * 2.0)],
            "block 1 (counted from 0): y, row 0 (counted from 0): expected probabilities of at least 0 that sum to 1, "
            "got a sum of 2; divide it by its sum",
        ),
        (
            [(X[:60], np.ones(60)), (X[60:], np.ones(90))],
            "y: expected at least two classes, got one class, 1.0; add rows of another class",
        ),
    ],
)  # fmt: skip
def test_blocks_that_do_not_fit_are_refused(source, message):
    model = SoftmaxRegression()
    with pytest.raises(ValueError) as raised:
        model.fit_blocks(source)
    assert str(raised.value) == message
    assert not hasattr(model, "coef_")


def test_probabilities_and_other_numbers_are_no_targets_together():
    with pytest.raises(ValueError) as raised:
        LogisticRegression().fit_blocks([(X[:75], SHARES[:75]), (X[75:], Y[75:].astype(float))])
    assert str(raised.value) == (
        "y, row 2, column 0 (counted from 0): expected 0, 1 or a probability between them, got 2; "
        "correct it, or use SoftmaxRegression for classes that exclude each other"
    )


@pytest.mark.parametrize("source", [iter(blocks(X, Y, 50)), (block for block in blocks(X, Y, 50)), 7])
def test_what_can_be_gone_through_once_is_refused(source):
    with pytest.raises(TypeError) as raised:
        SoftmaxRegression().fit_blocks(source)
    assert str(raised.value) == (
        "blocks: expected an iterable that begins anew each time, such as a list or a reader of crossentropy.io, got "
        f"{type(source).__name__}, which can be gone through once at most; pass an object whose __iter__ returns a new "
        "iterator"
    )


def test_stopping_short_is_a_warning_where_it_was_called():
    with pytest.warns(ConvergenceWarning, match="raise max_iter") as caught:
        SoftmaxRegression(max_iter=2).fit_blocks(blocks(X, Y, 50))
    assert caught[0].filename == __file__
