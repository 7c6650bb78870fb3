"""Files as they come with a request → files on the disk."""

import hashlib
from pathlib import Path
from typing import BinaryIO

#: Bytes that are copied at once.
_AT_ONCE = 1 << 20


def write_sent(content: BinaryIO, path: Path) -> tuple[int, str]:
    """Copy what was sent to a new file: how many bytes, and their SHA-256 in hexadecimal. `OSError`."""
    size, digest = 0, hashlib.sha256()
    with path.open("wb") as file:
        while piece := content.read(_AT_ONCE):
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()
