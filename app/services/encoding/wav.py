"""Tags for a WAV file: a LIST/INFO and an ID3 chunk behind the samples."""

import struct
from pathlib import Path

from app.services.encoding.tags import Tags, id3, riff_chunk, riff_info


def tag_wav(path: Path, tags: Tags) -> None:
    """Append the tags to a WAV file that ends with its samples."""
    chunks = riff_info(tags)
    tag = id3(tags)
    if tag:
        chunks += riff_chunk(b"id3 ", tag)
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(chunks)
        riff_bytes = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", riff_bytes))
