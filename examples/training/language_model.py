"""A small decoder-only language model on the words of a dictionary, trained with PyTorch's head and with this one.

    python examples/training/language_model.py [--data TEXT] [--steps 160]

Prints both curves, the loss of held-out words, and what the head takes of time and memory, as Markdown.
"""

from __future__ import annotations

import argparse
import gzip
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import comparison
import torch
from comparison import Loss
from torch import Tensor, nn

import crossentropy as ce
from crossentropy.torch import linear_softmax_cross_entropy

DATA = Path("/usr/share/dictd/wn.dict.dz")
LENGTH, BATCH, WIDTH, RATE = 128, 8, 128, 3e-3
RARE = 5  # a word that occurs less often is the word 0
HELD_OUT = 64  # passages


def load(path: Path) -> list[str]:
    """Words, in small letters, and marks."""
    if not path.exists():
        sys.exit(
            f"{path} is missing: install Debian's package dict-wn, or unpack it anywhere without root "
            "(apt-get download dict-wn; dpkg -x dict-wn_*.deb .) and pass --data usr/share/dictd/wn.dict.dz"
        )
    return re.findall(r"\w+|[^\w\s]", gzip.decompress(path.read_bytes()).decode().lower())


def numbered(words: list[str]) -> tuple[Tensor, Tensor, int]:
    """Passages (N, LENGTH) to train with and to hold out, in random order, and the number of words they have."""
    numbers: dict[str, int] = {}
    text = torch.tensor([numbers.setdefault(word, len(numbers)) for word in words])
    passages = text[: len(text) // LENGTH * LENGTH].view(-1, LENGTH)
    passages = passages[torch.randperm(len(passages))]
    known = passages[HELD_OUT:].flatten().bincount(minlength=len(numbers)) >= RARE
    passages = torch.where(known, known.cumsum(0), 0)[passages]
    return passages[HELD_OUT:], passages[:HELD_OUT], int(known.sum()) + 1


class Decoder(nn.Module):
    """Features of each position, made of its word and those before it. The embedding is the head's weight as well."""

    def __init__(self, words: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.word, self.position = (nn.Parameter(torch.randn(n, WIDTH) / WIDTH**0.5) for n in (words, LENGTH))
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LENGTH))

    def forward(self, passages: Tensor) -> Tensor:
        return self.layers(nn.functional.embedding(passages, self.word) + self.position, self.mask, is_causal=True)


def torch_head(model: Decoder, features: Tensor, passages: Tensor) -> Tensor:
    logits = features[:, :-1] @ model.word.T
    return nn.functional.cross_entropy(logits.flatten(0, 1), passages[:, 1:].flatten())


def our_head(model: Decoder, features: Tensor, passages: Tensor) -> Tensor:
    return linear_softmax_cross_entropy(features, model.word, passages, shift=1)


LOSSES: dict[str, Loss] = {"PyTorch": torch_head, "crossentropy": our_head}


def held_out_loss(training: comparison.Training, passages: Tensor) -> float:
    with torch.no_grad():
        losses = [training.loss(training.model, training.model(part), part) for part in passages.split(BATCH)]
    return float(torch.stack(losses).mean())


def frequency_loss(passages: Tensor, held_out: Tensor, words: int) -> float:
    """What the held-out words cost if each is predicted by its frequency."""
    counts = [part.flatten().bincount(minlength=words) for part in (held_out[:, 1:], passages)]
    return float(ce.cross_entropy(*(count / count.sum(dtype=torch.float64) for count in counts)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="a text, compressed with gzip")
    parser.add_argument("--steps", type=int, default=160)
    options = parser.parse_args()
    torch.manual_seed(0)
    passages, held_out, words = numbered(load(options.data))

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(options.steps):
            batch = passages[torch.randint(len(passages), (BATCH,))]
            yield batch, batch

    model = Decoder(words)
    trainings = comparison.train(model, LOSSES, batches(), RATE, options.steps)

    print("# A small language model on the words of a dictionary\n")
    print(
        f"{passages.numel():,} words of {words:,}, in batches of {BATCH} passages of {LENGTH}: {BATCH * (LENGTH - 1):,}"
    )
    print(f"rows of {words:,} classes, features of {WIDTH}.", comparison.conditions(model, options.steps))
    print("", *comparison.curves(trainings), "", sep="\n")
    print(
        *comparison.heading(*trainings, "frequencies alone", of=f"of {held_out[:, 1:].numel():,} held-out words"),
        sep="\n",
    )
    losses = [held_out_loss(training, held_out) for training in trainings.values()]
    unigram = frequency_loss(passages, held_out, words)
    print(comparison.row("nats a word", *(f"{loss:.4f}" for loss in (*losses, unigram))), end="\n\n")
    with torch.no_grad():
        features = model(held_out[:BATCH])
    memory = comparison.megabytes(trainings, features, held_out[:BATCH])
    print(*comparison.costs(trainings, ("MB in a step, most", memory)), sep="\n")


if __name__ == "__main__":
    main()
