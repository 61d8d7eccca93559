"""The problems, and what the fits should reach."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.linear_models import kernel_text

#: Debian's package dataset-fashion-mnist, as `make build/debian/dataset-fashion-mnist.unpacked` unpacks it.
FASHION_MNIST = Path("build/debian/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True)
class Case:
    """A problem at C = 1; how many times as long scikit-learn's lbfgs and the best peer should take, 0 for no aim."""

    key: str
    name: str
    make: Callable[[], tuple[Any, NDArray[np.int64]]]
    lbfgs: float = 0.0
    best: float = 0.0


def fashion_mnist() -> tuple[Any, NDArray[np.int64]]:
    """60000 images of clothes, 784 pixels between 0 and 1, float32."""

    def read(name: str, skip: int) -> NDArray[np.uint8]:
        with gzip.open(FASHION_MNIST / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=skip)

    images = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    return images / np.float32(255), read("train-labels-idx1-ubyte.gz", 8).astype(np.int64)


def synthetic(
    rows: int, features: int, classes: int, *, scales: tuple[float, float], strength: float, seed: int = 0
) -> tuple[Any, NDArray[np.int64]]:
    """Normal features, float32, of scales from one to another; labels drawn by logits of deviation ``strength``."""
    random = np.random.default_rng(seed)
    normal = random.normal(size=(rows, features)).astype(np.float32)
    weight = random.normal(size=(classes, features)) * (strength / np.sqrt(features))
    logits = normal @ weight.T.astype(np.float32)
    labels = (logits + random.gumbel(size=logits.shape)).argmax(axis=1)
    return normal * np.geomspace(*scales, features).astype(np.float32), labels


CASES = (
    Case("fashion-mnist", "Fashion-MNIST, 60000 × 784, 10 classes", fashion_mnist, 10.0, 4.0),
    Case(
        "100-classes",
        "synthetic, 20000 × 256, scales 1 to 100, 100 classes",
        lambda: synthetic(20_000, 256, 100, scales=(1.0, 100.0), strength=2.75),
        25.0,
        5.0,
    ),
    Case(
        "500-classes",
        "synthetic, 20000 × 512, scales 0.1 to 10, 500 classes",
        lambda: synthetic(20_000, 512, 500, scales=(0.1, 10.0), strength=1.5),
        15.0,
        5.0,
    ),
    Case(
        "unscaled",
        "synthetic, 20000 × 512, 500 classes",
        lambda: synthetic(20_000, 512, 500, scales=(1.0, 1.0), strength=1.0),
    ),
    Case(
        "kernel-text",
        "the Linux kernel's documentation, 100000 × 200000, sparse, 20 classes",
        kernel_text.load,
        best=5.0,
    ),
    Case(
        "2-classes",
        "synthetic, 1000000 × 50, 2 classes",
        lambda: synthetic(1_000_000, 50, 2, scales=(1.0, 10.0), strength=2.0),
        3.0,
        3.0,
    ),
)
