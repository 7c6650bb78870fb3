"""Sound as it is made → bytes to send at once: a form whose head says how long it will be, and then goes on.

Decoders give back exactly the frames that went in, as from the finished file.
"""

import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Protocol

import lameenc
import numpy as np

from app.models.audio import SAMPLE_RATE, Samples
from app.services.encoding.lame import MP3_KBPS, MP3_QUALITY
from app.services.encoding.mp3 import FRAME_SAMPLES, info_frame
from app.services.encoding.pcm import pcm16, pcm24

_WAV_BITS = 24
_WAV_FRAME_BYTES = 2 * _WAV_BITS // 8


class ByteStream(Protocol):
    """Takes blocks, gives bytes."""

    def add(self, block: Samples, *, last: bool = False) -> bytes:
        """What there is to send once this block came too: float32, shape (frames, 2), within −1…1."""


class Mp3Stream:
    """Frames of LAME as they come, in one piece, after the frame that tells players the exact length."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._encoder = lameenc.Encoder()
        self._encoder.silence()
        self._encoder.set_channels(2)
        self._encoder.set_in_sample_rate(SAMPLE_RATE)
        self._encoder.set_bit_rate(MP3_KBPS)
        self._encoder.set_quality(MP3_QUALITY)
        self._begun = False

    def add(self, block: Samples, *, last: bool = False) -> bytes:
        """The frames that are ready."""
        music = bytes(self._encoder.encode(pcm16(block).tobytes())) if len(block) else b""
        if last:
            music += bytes(self._encoder.flush())
        if not music or self._begun:
            return music
        self._begun = True
        return self._head(music) + music

    def _head(self, music: bytes) -> bytes:
        # Nobody knows the checksum of what is to come; players do not ask.
        count = mp3_frames(self._frames)
        ends = [number * FRAME_SAMPLES // 8 * MP3_KBPS * 1000 // SAMPLE_RATE for number in range(count + 1)]
        lengths = [end - begin for begin, end in pairwise(ends)]
        return info_frame(music, lengths, checksum=0, frames=self._frames, quality=100 - 10 * 4 - MP3_QUALITY)


class WavStream:
    """PCM of 24 bits after the header of a file that will be as long as promised."""

    def __init__(self, frames: int) -> None:
        size = frames * _WAV_FRAME_BYTES
        rate = SAMPLE_RATE * _WAV_FRAME_BYTES
        layout = struct.pack("<HHIIHH", 1, 2, SAMPLE_RATE, rate, _WAV_FRAME_BYTES, _WAV_BITS)
        self._head = struct.pack("<4sI4s4sI", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16) + layout
        self._head += struct.pack("<4sI", b"data", size)

    def add(self, block: Samples, *, last: bool = False) -> bytes:  # noqa: ARG002 - the protocol's; nothing is kept back
        """The samples."""
        head, self._head = self._head, b""
        whole = np.ascontiguousarray(pcm24(block)).astype("<i4")
        return head + whole.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()


#: Forms that can be listened to while they are made, each with what makes its stream for a number of frames.
STREAM_FORMS: dict[str, Callable[[int], ByteStream]] = {"mp3": Mp3Stream, "wav": WavStream}


def mp3_frames(frames: int) -> int:
    """How many MP3 frames LAME makes of so many frames of sound: one more than hold it, for what it is late.

    >>> mp3_frames(44_100)
    40
    """
    return -(-frames // FRAME_SAMPLES) + 1
