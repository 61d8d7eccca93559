"""Passages of the Linux kernel's documentation as sparse features, and which part of it each is from."""

from __future__ import annotations

import gzip
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Debian's package linux-doc-6.12, as `make build/debian/linux-doc-6.12.unpacked` unpacks it.
FOLDER = Path("build/debian/usr/share/doc/linux-doc-6.12/Documentation")

ROWS, FEATURES, CLASSES = 100_000, 200_000, 20

#: Words of a passage: with their pairs they make about 80 features.
_WORDS = 46


def load() -> tuple[Any, NDArray[np.int64]]:
    """Words and pairs of words (N, D) in CSR, hashed, by tf-idf, rows of length 1; the folder that a passage is from.

    The folders of most passages are taken, without translations; passages end with their file.
    """
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer

    passages = _passages(FOLDER)
    largest = sorted(passages, key=lambda part: (-len(passages[part]), part))[:CLASSES]
    labelled = [(text, label) for label, part in enumerate(largest) for text in passages[part]]
    order = np.random.default_rng(0).permutation(len(labelled))[:ROWS]
    hashing = HashingVectorizer(n_features=FEATURES, ngram_range=(1, 2), norm=None, alternate_sign=False)
    counts = hashing.transform(labelled[i][0] for i in order)
    return TfidfTransformer().fit_transform(counts).tocsr(), np.array([labelled[i][1] for i in order])


def _passages(folder: Path) -> dict[str, list[str]]:
    """Those of each folder in a folder."""
    from sklearn.feature_extraction.text import CountVectorizer

    words_of = CountVectorizer().build_analyzer()
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.glob("*/**/*.gz")):
        part = path.relative_to(folder).parts[0]
        if part == "translations" or path.name.endswith(".svg.gz"):
            continue
        words = words_of(gzip.decompress(path.read_bytes()).decode(errors="replace"))
        found[part] += [" ".join(words[first : first + _WORDS]) for first in range(0, len(words), _WORDS)]
    return found
