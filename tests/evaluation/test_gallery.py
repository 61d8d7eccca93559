from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from crossentropy.evaluation._gallery import image_uri


def pixels(uri: str) -> list[list[int]]:
    """The grey values of an 8-bit PNG whose lines are not filtered, each chunk's checksum checked."""
    kind, _, text = uri.partition(",")
    assert kind == "data:image/png;base64"
    data = base64.b64decode(text)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    chunks, place = {}, 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        name, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", data, place + 8 + length) == (zlib.crc32(name + body),)
        chunks[name] = body
        place += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, depth, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, colour) == (8, 0)
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:].tolist()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.array([[0, 7, 255], [1, 2, 3]], dtype=np.uint8), [[0, 7, 255], [1, 2, 3]]),
        (np.array([[0.0, 8.0], [16.0, 4.0]]), [[0, 128], [255, 64]]),
        ([[-1, 1]], [[0, 255]]),
        (np.array([[-1.7e308, 0.0, 1.7e308]]), [[0, 128, 255]]),
        (np.full((1, 2), 3.5), [[0, 0]]),
        (np.array([[0, 1, 2], [3, 4, 5]], dtype=np.uint8).T, [[0, 3], [1, 4], [2, 5]]),
    ],
    ids=["uint8 as it is", "floats stretched", "list of ints", "largest floats", "flat", "Fortran order"],
)
def test_the_png_holds_the_image(image: Any, expected: list[list[int]]) -> None:
    assert pixels(image_uri(image)) == expected


def test_the_image_is_not_changed() -> None:
    """Promise 23."""
    image = np.array([[0.0, 2.0]])
    image.setflags(write=False)
    image_uri(image)
    assert image.tolist() == [[0.0, 2.0]]


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (
            np.zeros(4),
            ValueError,
            "image: expected a 2-D array of at least one pixel, got shape (4,); reshape it to (height, width)",
        ),
        (
            np.zeros((0, 3)),
            ValueError,
            "image: expected a 2-D array of at least one pixel, got shape (0, 3); reshape it to (height, width)",
        ),
        ([[np.nan, 1.0]], ValueError, "image: expected finite values, got NaN or inf; replace those pixels"),
        (
            [["a"]],
            TypeError,
            "image: expected real numbers (float16, bfloat16, float32, float64, integers), got dtype <U1; "
            "convert it, for example with .astype('float64')",
        ),
    ],
)
def test_what_is_no_image_is_refused(image: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        image_uri(image)
    assert str(caught.value) == message
