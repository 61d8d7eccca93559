"""The benchmarks' problems that are made of text: on small text of the same formats."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks.linear_models import kernel_text, sentences


def _wordnet(folder: Path) -> Path:
    """An animal with 60 kinds and an example each, a plant with 20, both things; the verb of nothing else."""
    lines = [
        "00000001 03 n 01 thing 0 000 | what is",
        '00000002 03 n 01 animal 0 001 @ 00000001 n 0000 | "it is alive"',
    ]
    lines += ["00000003 03 n 02 green_plant 0 plant 0 001 @ 00000001 n 0000 | what grows"]
    lines += [f'1{i:07} 03 n 01 a{i} 0 001 @ 00000002 n 0000 | kind {i}; "one of number {i}"; "two"' for i in range(60)]
    lines += [f"2{i:07} 03 n 01 p{i} 0 001 @i 00000003 n 0000 | plant {i}" for i in range(20)]
    (folder / "data.noun").write_text("  1 This is a licence.\n" + "\n".join(lines) + "\n")
    (folder / "data.verb").write_text("00000001 29 v 01 be 0 001 @ 00000001 v 0000 01 + 02 00 | exist\n")
    return folder


def test_sentences_are_of_the_nearest_sense_with_many_beneath_it(tmp_path: Path) -> None:
    texts, labels, names = sentences.choose(_wordnet(tmp_path), 1000, 2)
    found = dict(zip(texts, labels, strict=True))
    assert names == ["animal", "thing"]
    assert (found["kind 7"], found["one of number 7"], found["plant 7"], found["what grows"]) == (0, 0, 1, 1)
    assert not {"two", "exist", "This is a licence."} & found.keys()
    assert np.bincount(labels).tolist() == [122, 22]


def test_as_many_sentences_and_classes_as_asked_for(tmp_path: Path) -> None:
    texts, labels, names = sentences.choose(_wordnet(tmp_path), 100, 1)
    assert (len(texts), labels.tolist(), names) == (100, [0] * 100, ["animal"])


def test_passages_are_of_the_folder_that_they_are_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, words in (("arch", "one two"), ("mm", "memory of"), ("translations", "ein zwei")):
        (tmp_path / part / "deep").mkdir(parents=True)
        (tmp_path / part / "deep" / "text.rst.gz").write_bytes(gzip.compress((f"{words}, " * 46).encode()))
    (tmp_path / "mm" / "short.rst.gz").write_bytes(gzip.compress(b"memory of"))
    (tmp_path / "mm" / "picture.svg.gz").write_bytes(gzip.compress(b"<svg>"))
    monkeypatch.setattr(kernel_text, "FOLDER", tmp_path)
    X, y = kernel_text.load()
    # two passages of 46 words each, two words and the pairs "a b" and "b a"; and one of two words, their only pair
    assert (X.shape, sorted(np.diff(X.indptr).tolist())) == ((5, 200_000), [3, 4, 4, 4, 4])
    assert np.bincount(y).tolist() == [3, 2]
    np.testing.assert_allclose(X.multiply(X).sum(axis=1), 1.0)
