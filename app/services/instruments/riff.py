"""Chunks of a RIFF file: bytes go in, named stretches of them come out."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

_HEADER = struct.Struct("<4sI")


class BrokenRiff(ValueError):
    """The bytes are no RIFF file, or end before their chunks do."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A named stretch of a file."""

    #: Four characters.
    name: str
    #: First byte of its content, and the byte after its last.
    first: int
    last: int

    @property
    def size(self) -> int:
        """Bytes of content."""
        return self.last - self.first


def chunks(content: bytes | mmap, first: int, last: int) -> Iterator[Chunk]:
    """Chunks that lie one after the other between two places.

    The standard asks for a pad byte after a chunk of odd size; some writers forget it. A name never begins with a
    zero byte, so the byte itself tells. `BrokenRiff` where a chunk reaches beyond `last`.
    """
    while first + _HEADER.size <= last:
        name, size = _HEADER.unpack(content[first : first + _HEADER.size])
        begin, end = first + _HEADER.size, first + _HEADER.size + size
        if end > last:
            raise BrokenRiff(f"chunk {name!r} needs {size} bytes, {last - begin} are left")
        yield Chunk(name.decode("latin-1"), begin, end)
        first = end + (1 if size % 2 and end < last and content[end] == 0 else 0)


def chunk_map(content: bytes | mmap, form: str) -> dict[str, Chunk]:
    """Chunks inside the lists of a RIFF file of a form ("sfbk"), by name. `BrokenRiff` if it is not one."""
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != form.encode():
        raise BrokenRiff(f"it does not begin as a RIFF file of the form {form}")
    (size,) = struct.unpack("<I", content[4:8])
    if 8 + size > len(content) + 1:
        raise BrokenRiff(f"it says {size + 8} bytes and has {len(content)}")
    found: dict[str, Chunk] = {}
    for chunk in chunks(content, 12, len(content)):
        if chunk.name == "LIST":
            found.update((inner.name, inner) for inner in chunks(content, chunk.first + 4, chunk.last))
    return found
