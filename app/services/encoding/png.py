"""Grey pixels go in, the bytes of a PNG file come out (ISO/IEC 15948)."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def grey_png(pixels: NDArray[np.uint8]) -> bytes:
    """A greyscale picture, shape (rows, columns), 0 black … 255 white. The same pixels give the same bytes."""
    rows, columns = pixels.shape
    # Each row begins with the number of its filter: 0, none.
    lines = np.hstack((np.zeros((rows, 1), np.uint8), pixels)).tobytes()
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"".join(
        (_SIGNATURE, _chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(lines, 6)), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
