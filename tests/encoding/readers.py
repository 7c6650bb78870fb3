"""Readers written from the formats' own specifications, so that the tests do not believe the writers."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OGG_POLYNOMIAL = 0x04C11DB7


def read_id3(content: bytes) -> dict[str, str]:
    """Frames of an ID3v2.4 tag in UTF-8; COMM and TXXX under "COMM:description"."""
    assert content[:6] == b"ID3\4\0\0"
    end = 10 + synchsafe(content[6:10])
    found = {}
    at = 10
    while at < end:
        name, size = content[at : at + 4].decode(), synchsafe(content[at + 4 : at + 8])
        assert content[at + 8 : at + 10] == b"\0\0"
        body = content[at + 10 : at + 10 + size]
        assert body[0] == 3, "3 stands for UTF-8"
        text = body[1:].decode()
        if name == "COMM":
            text = text[3:]  # the language
        if name in ("COMM", "TXXX"):
            description, text = text.split("\0")
            name = f"{name}:{description}"
        found[name] = text
        at += 10 + size
    assert at == end
    return found


def synchsafe(four: bytes) -> int:
    assert all(byte < 128 for byte in four)
    return sum(byte << shift for byte, shift in zip(four, (21, 14, 7, 0), strict=True))


def read_riff(content: bytes) -> dict[bytes, bytes]:
    """Chunks of a RIFF file by name."""
    assert content[:4] == b"RIFF"
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8
    return dict(riff_chunks(content[12:]))


def riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(content):
        size = struct.unpack("<I", content[at + 4 : at + 8])[0]
        yield content[at : at + 4], content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def read_comments(block: bytes) -> dict[str, str]:
    """Vorbis comments by name."""
    at = 4 + struct.unpack_from("<I", block)[0]
    (count,) = struct.unpack_from("<I", block, at)
    at += 4
    found = {}
    for _ in range(count):
        (size,) = struct.unpack_from("<I", block, at)
        name, _, text = block[at + 4 : at + 4 + size].decode().partition("=")
        found[name] = text
        at += 4 + size
    return found


def read_flac_blocks(content: bytes) -> dict[int, bytes]:
    assert content[:4] == b"fLaC"
    blocks, at, last = {}, 4, False
    while not last:
        last, kind = bool(content[at] & 128), content[at] & 127
        size = int.from_bytes(content[at + 1 : at + 4], "big")
        blocks[kind] = content[at + 4 : at + 4 + size]
        at += 4 + size
    assert content[at : at + 2] in (b"\xff\xf8", b"\xff\xf9"), "the first frame follows the metadata"
    return blocks


@dataclass
class OggPage:
    flags: int
    granule: int
    serial: int
    sequence: int
    checksum: int
    segments: bytes
    body: bytes
    stored: bytes


def read_ogg(content: bytes) -> list[OggPage]:
    pages, at = [], 0
    while at < len(content):
        magic, version, flags, granule, serial, sequence, checksum, count = struct.unpack_from(
            "<4sBBqIIIB", content, at
        )
        assert (magic, version) == (b"OggS", 0)
        segments = content[at + 27 : at + 27 + count]
        end = at + 27 + count + sum(segments)
        pages.append(
            OggPage(
                flags, granule, serial, sequence, checksum, segments, content[at + 27 + count : end], content[at:end]
            )
        )
        at = end
    assert at == len(content)
    return pages


def ogg_packets(pages: list[OggPage]) -> Iterator[bytes]:
    packet = b""
    for page in pages:
        at = 0
        for size in page.segments:
            packet += page.body[at : at + size]
            at += size
            if size < 255:
                yield packet
                packet = b""


def slow_ogg_crc(page: bytes) -> int:
    """The checksum of RFC 3533, bit by bit."""
    register = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (OGG_POLYNOMIAL if register & 0x80000000 else 0)
        register &= 0xFFFFFFFF
    return register


def slow_crc16(content: bytes) -> int:
    register = 0
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register


def lag(source: NDArray[np.float32], decoded: NDArray[np.float32], reach: int = 2_000) -> int:
    """Frames by which the decoded sound comes late, found by cross-correlation."""
    size = 1 << (len(source) + reach).bit_length()
    spectrum = np.fft.rfft(decoded[:, 0], size) * np.conj(np.fft.rfft(source[:, 0], size))
    likeness = np.fft.irfft(spectrum, size)
    return int(np.argmax(np.concatenate((likeness[-reach:], likeness[: reach + 1])))) - reach
