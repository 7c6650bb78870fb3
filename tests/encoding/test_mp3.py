import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from app.models.audio import SAMPLE_RATE, Samples
from app.services.encoding.crc16 import crc16
from app.services.encoding.mp3 import info_frame, read_header, split_frames
from tests.encoding.readers import slow_crc16, synchsafe

Encoded = Callable[[str], Path]


@pytest.fixture
def stream(encoded: Encoded) -> bytes:
    """The MP3's frames, from the Info frame on."""
    content = encoded("mp3").read_bytes()
    return content[10 + synchsafe(content[6:10]) :]


@pytest.fixture
def info(stream: bytes) -> bytes:
    assert stream[36:40] == b"Info"
    return stream[: read_header(stream).length]


def test_every_frame_is_stereo_at_256_kbit_s(stream: bytes) -> None:
    for frame in split_frames(stream):
        assert frame[:2] == b"\xff\xfb"
        assert read_header(frame).bit_rate_kbps == 256
        assert frame[3] >> 6 == 0


def test_the_info_frame_counts_frames_and_bytes(stream: bytes, info: bytes) -> None:
    flags, frames, size = struct.unpack(">III", info[40:52])

    assert flags == 0b1111
    assert frames == len(split_frames(stream)) - 1
    assert size == len(stream)


def test_delay_and_padding_leave_exactly_the_music(info: bytes, music: Samples) -> None:
    (frames,) = struct.unpack(">I", info[44:48])
    gaps = int.from_bytes(info[177:180], "big")

    assert info[156:165] == b"LAME3.100"
    assert gaps >> 12 == 576
    assert frames * 1_152 - (gaps >> 12) - (gaps & 0xFFF) == len(music)


def test_the_seek_table_leads_to_the_right_place(stream: bytes, info: bytes) -> None:
    table = list(info[52:152])

    assert table[0] == 0
    assert table == sorted(table)
    for percent in range(100):  # at a constant rate, per cent of the time are per cent of the bytes
        assert table[percent] == pytest.approx(percent * 2.56, abs=3)


def test_both_checksums_are_those_of_lame(stream: bytes, info: bytes) -> None:
    length, music_crc, tag_crc = struct.unpack(">IHH", info[184:192])

    assert length == len(stream)
    assert music_crc == slow_crc16(stream[len(info) :])
    assert tag_crc == slow_crc16(info[:190])


@pytest.mark.parametrize("size", [0, 1, 2, 3, 17, 255, 10_001])
def test_the_checksum_is_right_for_any_length(size: int) -> None:
    content = np.random.default_rng(size).bytes(size)

    assert crc16(content) == slow_crc16(content)
    assert crc16(content, crc16(b"before")) == slow_crc16(b"before" + content)


def test_without_the_info_frame_players_would_hear_the_silence_of_encoder_and_decoder(
    stream: bytes, info: bytes, music: Samples, tmp_path: Path
) -> None:
    (tmp_path / "bare.mp3").write_bytes(stream[len(info) :])

    samples, rate = soundfile.read(tmp_path / "bare.mp3")

    assert rate == SAMPLE_RATE
    assert len(samples) > len(music)


def test_frames_that_cannot_hold_the_music_are_refused(stream: bytes, info: bytes, music: Samples) -> None:
    bare = split_frames(stream[len(info) :])

    for wrong in (len(music) + 5_000, len(music) - 5_000):
        with pytest.raises(ValueError, match="cannot hold"):
            info_frame(bare[0], [len(frame) for frame in bare], checksum=0, frames=wrong, quality=50)


@pytest.mark.parametrize("damaged", [b"RIFF", b"\xff\xfb\xf4\x04", b"\xff\xf3\xb0\x04", b"\xff\xfb\xb8\x04", b""])
def test_what_is_no_frame_is_refused(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="not a frame"):
        read_header(damaged)


def test_a_frame_that_is_cut_off_is_refused(stream: bytes) -> None:
    with pytest.raises(ValueError, match="cut off"):
        split_frames(stream[:-1])
