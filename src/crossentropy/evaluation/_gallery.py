"""The rows that surprised the model most, with their pictures."""

from __future__ import annotations

import base64
import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from crossentropy._validation import as_floats, sentence


@dataclass(frozen=True)
class SurprisingRow:
    """One row of the gallery.

    ``image`` is a 2-D array of brightness, or None: uint8 is drawn as it is (0 black, 255 white), any other dtype is
    stretched so that its least value is black and its greatest white. ``label`` is the truth, ``predicted`` the most
    probable class, ``probability`` the probability of the truth, ``surprisal`` its negative logarithm in nats (may be
    inf).

    >>> SurprisingRow(image=None, label="8", predicted="1", probability=0.25, surprisal=1.3863).predicted
    '1'
    """

    image: Any
    label: str
    predicted: str
    probability: float
    surprisal: float


def image_uri(image: Any) -> str:
    """A 2-D array of brightness as the ``data:`` address of a grey PNG.

    Raises ValueError for another number of dimensions, an empty image or a value that is not finite; TypeError for
    values that are no real numbers.
    """
    return "data:image/png;base64," + base64.b64encode(_png(_grey(image))).decode("ascii")


def _grey(image: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    if isinstance(image, np.ndarray) and image.dtype == np.uint8:
        brightness = image
    else:
        floats = as_floats("image", image).astype(np.float64)
        if not np.isfinite(floats).all():
            raise ValueError(
                sentence("image", expected="finite values", received="NaN or inf", remedy="replace those pixels")
            )
        lowest, highest = (floats.min(), floats.max()) if floats.size else (0.0, 0.0)
        # Halved, so that the span of the largest numbers does not overflow; a flat image is black.
        span = highest / 2 - lowest / 2
        shares = (floats / 2 - lowest / 2) / span if span > 0.0 else np.zeros_like(floats)
        brightness = np.rint(255.0 * shares).astype(np.uint8)
    if brightness.ndim != 2 or brightness.size == 0:
        raise ValueError(
            sentence(
                "image",
                expected="a 2-D array of at least one pixel",
                received=f"shape {brightness.shape}",
                remedy="reshape it to (height, width)",
            )
        )
    return brightness


def _png(grey: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """An 8-bit grey PNG (ISO/IEC 15948, 2004): header, one compressed block of unfiltered lines, end."""
    height, width = grey.shape
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
