"""Ogg pages: the encoder's random serial replaced, its comments by ours, every checksum made anew (RFC 3533)."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.services.encoding.tags import Tags, vorbis_comments

#: Serial number of the one stream in every file. libogg draws it by chance; reproducible bytes need it fixed.
SERIAL = 1

#: Page flags.
CONTINUED = 1

_HEADER = struct.Struct("<4sBBqIIIB")
#: Header packets before the sound, by the first packet's first bytes, and what the comment packet is wrapped in.
_CODECS = {
    b"\x01vorbis": (3, b"\x03vorbis", b"\x01"),
    b"OpusHead": (2, b"OpusTags", b""),
}
_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """An Ogg page without its place in the stream."""

    flags: int
    #: Frames up to the last packet that ends here; −1 if none does.
    granule: int
    #: Lengths of the segments; a packet ends with the first below 255.
    lacing: bytes
    body: bytes


def retagged(content: bytes, tags: Tags) -> Iterator[bytes]:
    """The pages of a Vorbis or Opus file with our serial, our tags and valid checksums."""
    for sequence, page in enumerate(_with_tags(read_pages(content), tags)):
        yield page_bytes(page, sequence)


def read_pages(content: bytes) -> Iterator[Page]:
    """The pages of an Ogg file, in order. ValueError where it is damaged."""
    at = 0
    while at < len(content):
        if len(content) - at < _HEADER.size:
            raise ValueError("an Ogg page is cut off")
        capture, _, flags, granule, _, _, _, segments = _HEADER.unpack_from(content, at)
        if capture != b"OggS":
            raise ValueError("not an Ogg page")
        lacing = content[at + _HEADER.size : at + _HEADER.size + segments]
        begin = at + _HEADER.size + segments
        at = begin + sum(lacing)
        if at > len(content):
            raise ValueError("an Ogg page is cut off")
        yield Page(flags=flags, granule=granule, lacing=lacing, body=content[begin:at])


def page_bytes(page: Page, sequence: int) -> bytes:
    """A page as it is stored, at its place in the stream."""
    header = (b"OggS", 0, page.flags, page.granule, SERIAL, sequence)
    stored = _HEADER.pack(*header, 0, len(page.lacing)) + page.lacing + page.body
    return stored[:22] + struct.pack("<I", ogg_crc(stored)) + stored[26:]


def ogg_crc(page: bytes) -> int:
    """Checksum of a page whose own checksum field is zero.

    Ogg's CRC runs over the same polynomial as zlib's, but with the highest bit first and without zlib's inversions;
    so it is zlib's, at zlib's speed, of the bytes with their bits reversed.

    >>> hex(ogg_crc(b"123456789"))
    '0x89a1897f'
    """
    register = zlib.crc32(page.translate(_BITS_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{register:032b}"[::-1], 2)


def _with_tags(pages: Iterator[Page], tags: Tags) -> Iterator[Page]:
    first = next(pages)
    count, begins, ends = next(
        (codec for magic, codec in _CODECS.items() if first.body.startswith(magic)), (0, b"", b"")
    )
    if not count:
        raise ValueError("neither Vorbis nor Opus")
    packets: list[bytes] = []
    unfinished = b""
    while len(packets) < count - 1:  # header pages are never shared with sound
        page = next(pages)
        whole, unfinished = _packets(page, unfinished)
        packets += whole
    vendor_bytes = int.from_bytes(packets[0][len(begins) : len(begins) + 4], "little")
    vendor = packets[0][len(begins) + 4 : len(begins) + 4 + vendor_bytes]
    yield first
    yield from _paged([begins + vorbis_comments(tags, vendor) + ends, *packets[1:]])
    yield from pages


def _packets(page: Page, unfinished: bytes) -> tuple[list[bytes], bytes]:
    whole = []
    at = 0
    for length in page.lacing:
        unfinished += page.body[at : at + length]
        at += length
        if length < 255:
            whole.append(unfinished)
            unfinished = b""
    return whole, unfinished


def _paged(packets: list[bytes]) -> Iterator[Page]:
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
    body = b"".join(packets)
    blank = Page(flags=0, granule=0, lacing=b"", body=b"")
    for begin in range(0, len(lacing), 255):
        segments = lacing[begin : begin + 255]
        begins_inside = begin > 0 and lacing[begin - 1] == 255
        length = sum(segments)
        yield replace(
            blank,
            flags=CONTINUED if begins_inside else 0,
            # A page on which no packet ends has no position.
            granule=0 if any(segment < 255 for segment in segments) else -1,
            lacing=segments,
            body=body[:length],
        )
        body = body[length:]
