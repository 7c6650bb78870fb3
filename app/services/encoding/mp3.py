"""The frame that tells players an MP3's exact length: LAME's bare frames go in, the frame before them comes out.

An encoder and a decoder of MP3 each add silence. The Info frame with LAME's extension, the first of the stream, says
how much, so that players give back the frames that went in. Layout: gabriel.mp3-tech.org, *MP3 Info Tag revision 1*.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from app.models.audio import SAMPLE_RATE
from app.services.encoding.crc16 import crc16

#: Samples of a frame in MPEG-1 Layer III.
FRAME_SAMPLES = 1_152
#: Silence that LAME puts before the sound.
ENCODER_DELAY = 576
#: Silence that a decoder needs after the sound before it has given all of it.
DECODER_DELAY = 529

#: kbit/s by index in the frame header, MPEG-1 Layer III (ISO 11172-3, 2.4.2.3).
_BIT_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_SIDE_INFORMATION_BYTES = 32
#: Bits of the header's last byte to LAME's code of the stereo mode: stereo 1, joint 3, dual 2, mono 0.
_LAME_STEREO_MODES = (1, 3, 2, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameHeader:
    """What the first four bytes of a frame say."""

    bit_rate_kbps: int
    padded: bool

    @property
    def length(self) -> int:
        """Bytes of the whole frame."""
        return FRAME_SAMPLES // 8 * self.bit_rate_kbps * 1000 // SAMPLE_RATE + self.padded


def read_header(stream: bytes, at: int = 0) -> FrameHeader:
    """The frame header at a place in the stream; ValueError if it is not MPEG-1 Layer III at 44.1 kHz."""
    header = int.from_bytes(stream[at : at + 4], "big")
    index = header >> 12 & 0xF
    if header >> 17 != 0x7FFD or header >> 10 & 3 != 0 or not 0 < index < len(_BIT_RATES):
        raise ValueError("not a frame of MPEG-1 Layer III at 44.1 kHz")
    return FrameHeader(bit_rate_kbps=_BIT_RATES[index], padded=bool(header >> 9 & 1))


def main_data_begin(frame: bytes) -> int:
    """How many bytes before its own body a frame's content begins, 0…511."""
    return frame[4] << 1 | frame[5] >> 7


def split_frames(stream: bytes) -> list[bytes]:
    """The frames of a bare stream."""
    frames = []
    at = 0
    while at < len(stream):
        frames.append(stream[at : at + read_header(stream, at).length])
        at += len(frames[-1])
    if frames and len(frames[-1]) != read_header(frames[-1]).length:
        raise ValueError("the last MP3 frame is cut off")
    return frames


def info_frame_length(first: bytes) -> int:
    """Bytes of the Info frame of a stream that begins with the frame `first`."""
    header = read_header(first)
    return header.length - header.padded


def info_frame(first: bytes, lengths: Sequence[int], *, checksum: int, frames: int, quality: int) -> bytes:
    """The frame to put before a bare stream, so that it decodes to exactly `frames` frames of sound.

    `first` is the stream's first frame, `lengths` the bytes of all, `checksum` the CRC-16 of the whole. ValueError if
    the stream cannot hold so much.
    """
    end_padding = len(lengths) * FRAME_SAMPLES - ENCODER_DELAY - frames
    if not DECODER_DELAY <= end_padding < 4_096:
        raise ValueError(f"{len(lengths)} MP3 frames cannot hold {frames} frames of sound")
    # The padding bit and the joint-stereo bits belong to the frame they came from.
    header = bytes([first[0], first[1], first[2] & ~0x02, first[3] & 0xCF])
    length = info_frame_length(first)
    stereo_mode = _LAME_STEREO_MODES[first[3] >> 6]
    stream_bytes = length + sum(lengths)
    all_fields = 0x0F
    tag = b"".join((
        header,
        bytes(_SIDE_INFORMATION_BYTES),
        b"Info",
        struct.pack(">III", all_fields, len(lengths), stream_bytes),
        _seek_table([length, *lengths]),
        struct.pack(">I", quality),
        b"LAME3.100",
        bytes([0x01]),  # tag revision 0, constant bit rate
        bytes(1 + 4 + 2 + 2 + 1),  # low-pass, peak, two loudness corrections, psychoacoustic flags: not stated
        bytes([min(read_header(first).bit_rate_kbps, 255)]),
        (ENCODER_DELAY << 12 | end_padding).to_bytes(3, "big"),
        bytes([1 << 6 | stereo_mode << 2, 0, 0, 0]),  # made from 44.1 kHz; no gain change, no preset
        struct.pack(">IH", stream_bytes, checksum),
    ))  # fmt: skip
    return (tag + struct.pack(">H", crc16(tag))).ljust(length, b"\0")


def _seek_table(lengths: list[int]) -> bytes:
    """For each per cent of the time, the place in 256ths of the bytes."""
    starts = [0, *accumulate(lengths)]
    return bytes(min(255, starts[percent * len(lengths) // 100] * 256 // starts[-1]) for percent in range(100))
