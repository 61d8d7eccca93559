"""The trainings of examples/ on small data of the same formats, and the pages that hold what the full ones printed."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.package.documents import ROOT

#: Relative distance of two curves after a few steps, where rounding has not grown yet.
_CLOSE = 1e-4


def _images(folder: Path) -> Path:
    """Three kinds of images, easy to tell apart, in four files of the format idx."""
    generator = np.random.default_rng(0)
    for part, size in (("train", 120), ("t10k", 60)):
        classes = np.arange(size, dtype=np.uint8) % 3
        images = generator.integers(0, 100, (size, 28, 28), np.uint8)
        for image, kind in zip(images, classes, strict=True):
            image[8 * kind : 8 * kind + 10] += 150
        for name, array in ((f"{part}-images-idx3", images), (f"{part}-labels-idx1", classes)):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes()
            (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return folder


def _text(folder: Path) -> Path:
    """Twelve sentences in random order: 100 passages of 128 words and marks."""
    generator = np.random.default_rng(0)
    sentences = [" ".join(f"w{generator.integers(90)}" for _ in range(7)) + "." for _ in range(12)]
    path = folder / "text.gz"
    path.write_bytes(gzip.compress("\n".join(generator.choice(sentences, 1600)).encode()))
    return path


def _run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / "examples/training" / script), *arguments],
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def _tables(page: str) -> list[list[list[str]]]:
    """The cells of each Markdown table, without the rule below its head."""
    blocks = re.findall(r"(?:^\|.*\|$\n?)+", page, re.MULTILINE)
    lines = [[re.split(r" ?\| ?", line)[1:-1] for line in block.splitlines()] for block in blocks]
    return [table[:1] + table[2:] for table in lines]


_CASES: dict[str, tuple[Callable[[Path], Path], tuple[str, ...]]] = {
    "fashion_mnist": (_images, ("--epochs", "10")),
    "language_model": (_text, ("--steps", "10")),
}


@pytest.fixture(scope="module", params=_CASES)
def printed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    write, arguments = _CASES[request.param]
    data = write(tmp_path_factory.mktemp(request.param))
    done = _run(f"{request.param}.py", "--data", str(data), *arguments)
    assert done.returncode == 0, done.stderr
    return request.param, done.stdout


def test_curves_fall_together(printed: tuple[str, str]) -> None:
    curves, *_ = _tables(printed[1])
    assert curves[0][:4] == ["steps", "PyTorch, nats", "crossentropy, nats", "apart"]
    theirs, ours, apart = (np.array([float(line[column]) for line in curves[1:]]) for column in (1, 2, 3))
    assert len(ours) == 10
    assert ours[-1] < ours[0]
    np.testing.assert_allclose(ours, theirs, rtol=_CLOSE)
    assert apart.max() < _CLOSE


def test_the_page_of_the_full_training_is_what_the_script_prints(printed: tuple[str, str]) -> None:
    name, quick = printed
    page = (ROOT / "docs/trainings" / f"{name}.md").read_text("utf-8")
    of_page, of_quick = _tables(page), _tables(quick)
    assert page.splitlines()[0] == quick.splitlines()[0]
    for full, short in zip(of_page, of_quick, strict=True):
        words = re.compile(r"[\d,]+")
        assert [words.sub("N", cell) for cell in full[0]] == [words.sub("N", cell) for cell in short[0]]
        assert len(full) == len(short)


def _full(name: str) -> list[dict[str, list[str]]]:
    """Tables of a full training as printed, by the first cell of a row."""
    page = (ROOT / "docs/trainings" / f"{name}.md").read_text("utf-8")
    return [{first: rest for first, *rest in table} for table in _tables(page)]


def test_the_full_network_recognises_nine_of_ten() -> None:
    _, images, _ = _full("fashion_mnist")
    assert min(float(cell) for cell in images["right, %"]) >= 90


def test_the_full_language_model_knows_more_than_frequencies() -> None:
    _, words, _ = _full("language_model")
    theirs, ours, frequencies = (float(cell) for cell in words["nats a word"])
    assert max(theirs, ours) < frequencies - 1


@pytest.mark.parametrize(
    ("name", "file", "package", "data"),
    [
        (
            "fashion_mnist",
            "train-images-idx3-ubyte.gz",
            "dataset-fashion-mnist",
            "usr/share/datasets/fashion-mnist",
        ),
        ("language_model", "", "dict-wn", "usr/share/dictd/wn.dict.dz"),
        ("../linear_probe", "data.noun", "wordnet-base", "usr/share/wordnet"),
    ],
)
def test_missing_data_say_what_to_install(name: str, file: str, package: str, data: str, tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    done = _run(f"{name}.py", "--data", str(missing))
    assert done.returncode == 1
    assert done.stderr == (
        f"{missing / file} is missing: install Debian's package {package}, or unpack it anywhere without root "
        f"(apt-get download {package}; dpkg -x {package}_*.deb .) and pass --data {data}\n"
    )
