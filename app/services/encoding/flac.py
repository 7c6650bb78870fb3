"""Tags for a FLAC file: its metadata with a comment block of our own."""

import shutil
from pathlib import Path

from app.services.encoding.tags import Tags, vorbis_comments

#: Block types (RFC 9639, 8.1).
STREAMINFO, COMMENTS = 0, 4
LAST = 0x80


def tag_flac(source: Path, target: Path, tags: Tags) -> None:
    """Copy a FLAC file, its comments replaced; what else stood before the frames, but for STREAMINFO, is left out."""
    with source.open("rb") as raw, target.open("wb") as tagged:
        if raw.read(4) != b"fLaC":
            raise ValueError("not a FLAC file")
        blocks: dict[int, bytes] = {}
        last = 0
        while not last:
            kind, *length = raw.read(4)
            last = kind & LAST
            blocks[kind & ~LAST] = raw.read(int.from_bytes(bytes(length), "big"))
        comments = blocks.get(COMMENTS, bytes(4))
        vendor = comments[4 : 4 + int.from_bytes(comments[:4], "little")]
        tagged.write(b"fLaC" + _block(STREAMINFO, blocks[STREAMINFO]))
        tagged.write(_block(COMMENTS | LAST, vorbis_comments(tags, vendor)))
        shutil.copyfileobj(raw, tagged, 1 << 20)


def _block(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + len(content).to_bytes(3, "big") + content
