"""A small convolutional network on Fashion-MNIST, trained with PyTorch's cross-entropy and with this one.

    python examples/training/fashion_mnist.py [--data FOLDER] [--epochs 8]

Prints the curves, the accuracy on the test images, and what the loss takes of time and memory, as Markdown. The third
training is PyTorch's with logits in float64: as far as rounding alone moves a curve.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Iterator
from pathlib import Path

import comparison
import numpy as np
import torch
from comparison import Loss
from torch import Tensor, nn

from crossentropy.torch import functional

DATA = Path("/usr/share/datasets/fashion-mnist")
BATCH, RATE = 1000, 8e-3
LOSSES: dict[str, Loss] = {
    "PyTorch": lambda model, logits, classes: nn.functional.cross_entropy(logits, classes),
    "crossentropy": lambda model, logits, classes: functional.cross_entropy(logits, classes),
    "PyTorch, float64": lambda model, logits, classes: nn.functional.cross_entropy(logits.double(), classes),
}


def load(folder: Path, part: str) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) from 0 to 1, and their classes (N,)."""
    images, classes = read(folder / f"{part}-images-idx3-ubyte.gz"), read(folder / f"{part}-labels-idx1-ubyte.gz")
    return images[:, None].float() / 255, classes.long()


def read(path: Path) -> Tensor:
    """A file of bytes in the format idx: the fourth byte counts the axes, whose lengths follow in four bytes each."""
    if not path.exists():
        sys.exit(
            f"{path} is missing: install Debian's package dataset-fashion-mnist, or unpack it anywhere without root "
            "(apt-get download dataset-fashion-mnist; dpkg -x dataset-fashion-mnist_*.deb .) and pass "
            "--data usr/share/datasets/fashion-mnist"
        )
    content = bytearray(gzip.decompress(path.read_bytes()))
    shape = np.frombuffer(content, ">i4", content[3], 4)
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=4 + shape.nbytes).reshape(shape))


def network() -> nn.Module:
    """Two convolutions and two linear layers: logits of ten classes."""
    first = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    second = [nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        return torch.cat([model(part) for part in images.split(BATCH)])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the four files")
    parser.add_argument("--epochs", type=int, default=8)
    options = parser.parse_args()
    images, classes = load(options.data, "train")
    test_images, test_classes = load(options.data, "t10k")

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(options.epochs):
            for rows in torch.randperm(len(images)).split(BATCH):
                yield images[rows], classes[rows]

    torch.manual_seed(0)
    model, steps = network(), options.epochs * -(-len(images) // BATCH)
    trainings = comparison.train(model, LOSSES, batches(), RATE, steps)

    print("# A small convolutional network on Fashion-MNIST\n")
    print(
        f"{len(images):,} images, in batches of {BATCH:,} rows of 10 classes.",
        comparison.conditions(model, steps),
        sep="\n",
    )
    print("", *comparison.curves(trainings), sep="\n")
    print("The third training, whose logits become float64, tells how far rounding alone moves a curve.\n")
    print(*comparison.heading(*trainings, of=f"of the {len(test_images):,} test images"), sep="\n")
    right = [logits_of(training.model, test_images).argmax(1) == test_classes for training in trainings.values()]
    print(comparison.row("right, %", *(f"{100 * found.float().mean():.2f}" for found in right)), end="\n\n")
    at_once = logits_of(trainings["PyTorch"].model, images), classes
    rows = (
        ("ms, all images at once, median", comparison.milliseconds(trainings, *at_once)),
        ("MB, all images at once, most", comparison.megabytes(trainings, *at_once)),
    )
    print(*comparison.costs(trainings, *rows), sep="\n")


if __name__ == "__main__":
    main()
