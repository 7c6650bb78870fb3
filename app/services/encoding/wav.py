"""Tags for a WAV file: loop points, a LIST/INFO and an ID3 chunk behind the samples."""

import struct
from pathlib import Path

from app.models.audio import SAMPLE_RATE
from app.services.encoding.tags import Tags, id3, riff_chunk, riff_info

#: The note at which a sampler plays the file as it is: middle C.
_UNITY_NOTE = 60


def tag_wav(path: Path, tags: Tags, *, frames: int) -> None:
    """Append the tags to a WAV file that ends with its `frames` frames of samples."""
    chunks = _chunks(tags, frames)
    with path.open("r+b") as file:
        file.seek(0, 2)
        file.write(chunks)
        riff_bytes = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", riff_bytes))


def wav_head(tags: Tags, *, frames: int) -> bytes:
    """What a tagged WAV file of so many frames of stereo in 24 bits begins with, up to its samples."""
    channels, bits = 2, 24
    frame_bytes = channels * bits // 8
    data_bytes = frames * frame_bytes
    form = struct.pack("<HHIIHH", 1, channels, SAMPLE_RATE, SAMPLE_RATE * frame_bytes, frame_bytes, bits)
    rest = b"WAVE" + riff_chunk(b"fmt ", form) + b"data" + struct.pack("<I", data_bytes)
    return b"RIFF" + struct.pack("<I", len(rest) + data_bytes + len(_chunks(tags, frames))) + rest


def _chunks(tags: Tags, frames: int) -> bytes:
    # What stands behind the samples.
    tag = id3(tags)
    return (loop_points(frames) if tags.loop else b"") + riff_info(tags) + (riff_chunk(b"id3 ", tag) if tag else b"")


def loop_points(frames: int) -> bytes:
    """A `smpl` chunk that has a whole file played over and over.

    After IBM and Microsoft, *Multimedia Programming Interface and Data Specifications* 1.0 and its update of 1994: both
    ends of the loop are sample numbers that are played; a play count of 0 is for ever.
    """
    maker, product, smpte_format, smpte_offset, own_bytes = 0, 0, 0, 0, 0
    period_ns = round(1e9 / SAMPLE_RATE)
    head = (maker, product, period_ns, _UNITY_NOTE, 0, smpte_format, smpte_offset, 1, own_bytes)
    forward, identifier, fraction, for_ever = 0, 0, 0, 0
    loop = (identifier, forward, 0, frames - 1, fraction, for_ever)
    return riff_chunk(b"smpl", struct.pack("<15I", *head, *loop))
