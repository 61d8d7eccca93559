"""A fit that is killed at any moment goes on from its checkpoint, to the same model bit for bit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.exceptions import ConvergenceWarning

from crossentropy.linear_model import LogisticRegression, SoftmaxRegression, _journal

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(1500, 15)) * np.logspace(0, 1, 15)
Y = (X / np.logspace(0, 1, 15) @ RANDOM.normal(size=(15, 8)) + RANDOM.gumbel(size=(1500, 8))).argmax(axis=1)

PARAMETERS = {"C": 100.0, "tol": 1e-8, "class_weight": "balanced"}


class Source:
    """Blocks of the rows, each after a pause, so many of which can be read before it fails."""

    def __init__(self, most=10**6, X=X, y=Y, pause=0.0):
        self.most, self.read, self.X, self.y, self.pause = most, 0, X, y, pause

    def __iter__(self):
        for first in range(0, len(self.y), 400):
            self.read += 1
            time.sleep(self.pause)
            if self.read > self.most:
                raise OSError("gone")
            yield self.X[first : first + 400], self.y[first : first + 400]


def complete(**changes):
    return SoftmaxRegression(**PARAMETERS | changes).fit_blocks(Source())


def check_same(found, expected):
    for name in ("coef_", "intercept_", "classes_"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert (found.n_iter_, found.objective_, found.gap_) == (expected.n_iter_, expected.objective_, expected.gap_)
    for ours, theirs in zip(found.history_, expected.history_, strict=True):
        # the seconds are its own
        assert vars(ours) | {"seconds": 0.0} == vars(theirs) | {"seconds": 0.0}


@pytest.mark.parametrize("step", [5, 31])
def test_only_the_pass_that_was_broken_off_is_repeated(step, tmp_path):
    folder, read = tmp_path / "fit", 0
    whole = Source()
    expected = SoftmaxRegression(**PARAMETERS).fit_blocks(whole)
    assert expected.n_iter_ > 8  # the metric is made anew in it
    for _ in range(1000):
        source, model = Source(step), SoftmaxRegression(**PARAMETERS)
        try:
            model.fit_blocks(source, checkpoint=folder)
        except OSError:
            read += (source.read - 1) // 4 * 4  # blocks of the passes that were ended
            continue
        break
    check_same(model, expected)
    assert read + source.read == whole.read
    seconds = [record.seconds for record in model.history_]
    assert seconds == sorted(seconds)
    assert not folder.exists()


CHILD = """
import sys
from tests.linear_model.test_checkpoints import PARAMETERS, Source
from crossentropy.linear_model import SoftmaxRegression
print("begins", flush=True)
SoftmaxRegression(**PARAMETERS).fit_blocks(Source(pause=0.02), checkpoint=sys.argv[1])
print("ends", flush=True)
"""


def test_a_fit_that_is_killed_goes_on(tmp_path):
    expected, folder = complete(), tmp_path / "fit"
    passes = []
    for moment in (0.0, 0.03, 0.06):
        wanted = passes[-1] + 3 if passes else 1
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "begins\n"
        while child.poll() is None and len(list(folder.glob("[0-9]*"))) < wanted:
            time.sleep(0.001)
        time.sleep(moment)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert child.stdout.read() == ""
        child.stdout.close()
        passes.append(len(list(folder.glob("[0-9]*"))))
    assert passes == sorted(set(passes))
    source = Source()
    model = SoftmaxRegression(**PARAMETERS).fit_blocks(source, checkpoint=folder)
    check_same(model, expected)
    assert source.read < 4 * (expected.history_[-1].passes - passes[-1])
    assert not folder.exists()


def broken_off(folder, most=30, **changes):
    with pytest.raises(OSError, match="gone"):
        SoftmaxRegression(**PARAMETERS | changes).fit_blocks(Source(most), checkpoint=folder)


def test_what_a_kill_leaves_of_a_file_is_no_hindrance(tmp_path):
    broken_off(tmp_path / "fit")
    (tmp_path / "fit" / ".000007.0123456789abcdef.safetensors").write_bytes(b"half")
    check_same(SoftmaxRegression(**PARAMETERS).fit_blocks(Source(), checkpoint=tmp_path / "fit"), complete())
    assert not (tmp_path / "fit").exists()


def test_more_iterations_go_on_where_they_ran_out(tmp_path):
    with pytest.warns(ConvergenceWarning, match="raise max_iter"):
        SoftmaxRegression(**PARAMETERS, max_iter=5).fit_blocks(Source(), checkpoint=tmp_path / "fit")
    source = Source()
    model = SoftmaxRegression(**PARAMETERS, max_iter=500).fit_blocks(source, checkpoint=tmp_path / "fit")
    check_same(model, complete())
    assert source.read <= 4 * (model.history_[-1].passes - model.history_[5].passes)
    assert not (tmp_path / "fit").exists()


def test_a_warm_start_is_part_of_the_fit(tmp_path):
    warm = SoftmaxRegression(**PARAMETERS, warm_start=True).fit(X, Y)
    with pytest.raises(OSError, match="gone"):
        warm.fit_blocks(Source(18), checkpoint=tmp_path / "fit")
    kept = tmp_path / "fit"
    with pytest.raises(ValueError, match="expected a pass at the point that this fit has come to"):
        SoftmaxRegression(**PARAMETERS, warm_start=True).fit(X, (Y + 1) % 8).fit_blocks(Source(), checkpoint=kept)
    assert warm.fit_blocks(Source(), checkpoint=kept).n_iter_ == 0


@pytest.mark.parametrize(
    ("model", "source", "file", "message"),
    [
        (
            SoftmaxRegression(**PARAMETERS | {"C": 2.0}),
            Source(),
            "000000",
            "expected the checkpoint of a fit with C 2.0, got one with 100.0",
        ),
        (
            SoftmaxRegression(**PARAMETERS | {"class_weight": {3: 2.0}}),
            Source(),
            "000000",
            "expected the checkpoint of a fit with class_weight {3: 2.0}, got one with 'balanced'",
        ),
        (
            LogisticRegression(C=100.0, tol=1e-8),
            Source(),
            "000000",
            "expected the checkpoint of a fit with estimator LogisticRegression, got one with SoftmaxRegression",
        ),
    ],
)
def test_a_checkpoint_of_another_fit_is_refused(model, source, file, message, tmp_path):
    folder = tmp_path / "fit"
    broken_off(folder)
    with pytest.raises(ValueError) as raised:
        model.fit_blocks(source, checkpoint=folder)
    assert str(raised.value) == f"{folder / file}.safetensors: {message}; delete {folder} to begin anew"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            Source(X=X[:, ::-1]),
            "block 0 (counted from 0): expected the numbers that it held before, got others; "
            "return the same blocks each time, all of one form",
        ),
        # a row inside a block
        (
            Source(X=np.where(np.arange(1500)[:, None] == 700, 2.0 * X, X)),
            "block 1 (counted from 0): expected the numbers that it held before, got others; "
            "return the same blocks each time, all of one form",
        ),
        (
            Source(y=np.where(np.arange(1500) == 1300, (Y + 1) % 8, Y)),
            "block 3 (counted from 0): expected the numbers that it held before, got others; "
            "return the same blocks each time, all of one form",
        ),
        (
            Source(y=Y.astype(str)),
            "block 0 (counted from 0): expected 400 rows, 15 columns of dense float64, targets of kind 'i', as before, "
            "got 400 rows, 15 columns of dense float64, targets of kind 'U'; "
            "return the same blocks each time, all of one form",
        ),
        (
            Source(X=X[:800], y=Y[:800]),
            "blocks: expected 4 of them, as before, got 2; return the same blocks each time",
        ),
    ],
)
def test_a_checkpoint_of_other_data_is_refused(source, message, tmp_path):
    broken_off(tmp_path / "fit")
    with pytest.raises(ValueError) as raised:
        SoftmaxRegression(**PARAMETERS).fit_blocks(source, checkpoint=tmp_path / "fit")
    assert str(raised.value) == message


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def altered(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def foreign(path):
    save_file(load_file(path), path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"expected a complete file of a checkpoint, got one that cannot be read \(.*\)"),
        (altered, "expected a complete file of a checkpoint of version 2, got another, or a damaged one"),
        (foreign, "expected a complete file of a checkpoint of version 2, got another, or a damaged one"),
    ],
)
def test_a_damaged_checkpoint_is_refused(damage, message, tmp_path):
    folder = tmp_path / "fit"
    broken_off(folder)
    damage(folder / "000002.safetensors")
    with pytest.raises(ValueError, match=rf"^{folder}/000002.safetensors: {message}; delete {folder} to begin anew$"):
        SoftmaxRegression(**PARAMETERS).fit_blocks(Source(), checkpoint=folder)


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("all of it")
    with pytest.raises(ValueError) as raised:
        SoftmaxRegression().fit_blocks(Source(), checkpoint=tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}: expected a folder for the checkpoint alone, got one that holds 'thesis.txt'; name a new one"
    )
    assert os.listdir(tmp_path) == ["thesis.txt"]


def test_an_interrupted_fit_leaves_its_checkpoint(tmp_path, monkeypatch):
    write, folder = _journal.Journal._write, tmp_path / "fit"

    def interrupted(self, path, *rest):
        if path.stem == "000009":
            raise KeyboardInterrupt
        write(self, path, *rest)

    monkeypatch.setattr(_journal.Journal, "_write", interrupted)
    model = SoftmaxRegression(**PARAMETERS)
    with pytest.raises(KeyboardInterrupt):
        model.fit_blocks(Source(), checkpoint=folder)
    assert 0 < model.n_iter_ < 9
    monkeypatch.undo()
    shutil.copytree(folder, tmp_path / "copy")
    for kept in (folder, tmp_path / "copy"):
        check_same(model.fit_blocks(Source(), checkpoint=kept), complete())
