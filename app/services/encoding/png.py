"""Pixels go in, the bytes of a PNG file come out (ISO/IEC 15948)."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def grey_png(pixels: NDArray[np.uint8]) -> bytes:
    """A greyscale picture, shape (rows, columns), 0 black … 255 white. The same pixels give the same bytes."""
    return _png(pixels, pixels.shape[1], kind=0)


def colour_png(pixels: NDArray[np.uint8]) -> bytes:
    """A picture of shape (rows, columns, 3): red, green, blue, 0 … 255. The same pixels give the same bytes."""
    rows, columns, _ = pixels.shape
    return _png(pixels.reshape(rows, 3 * columns), columns, kind=2)


def _png(rows_of_bytes: NDArray[np.uint8], columns: int, *, kind: int) -> bytes:
    rows = len(rows_of_bytes)
    # Each row begins with the number of its filter: 0, none.
    lines = np.hstack((np.zeros((rows, 1), np.uint8), rows_of_bytes)).tobytes()
    header = struct.pack(">IIBBBBB", columns, rows, 8, kind, 0, 0, 0)
    return b"".join(
        (_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(lines, 6)), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
