"""A picture written is the picture read."""

import struct
import zlib

import numpy as np

from app.services.encoding.png import grey_png


def chunks(png):
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert crc == zlib.crc32(kind + body)
        yield kind, body
        at += 12 + length


def test_the_pixels_come_back():
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7)).astype(np.uint8)

    parts = dict(chunks(grey_png(pixels)))

    assert list(parts) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBB", parts[b"IHDR"][:10]) == (7, 5, 8, 0)
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), np.uint8).reshape(5, 8)
    assert not rows[:, 0].any()
    np.testing.assert_array_equal(rows[:, 1:], pixels)
