"""Pieces of an MP3, encoded apart and joined."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.encoding import lame
from app.services.encoding.lame import OVERLAP_FRAMES, PIECE_FRAMES, Lame
from app.services.encoding.mp3 import DECODER_DELAY, ENCODER_DELAY, FRAME_SAMPLES, main_data_begin
from app.services.encoding.pcm import pcm16

PIECE = PIECE_FRAMES * FRAME_SAMPLES


@pytest.fixture(scope="module")
def music() -> NDArray[np.float32]:
    """35 s that are hard to encode here and easy there: chords, noise and rests."""
    rng = np.random.default_rng(4)
    frames = 35 * SAMPLE_RATE
    time_s = np.arange(frames) / SAMPLE_RATE
    chord = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (220.0, 277.2, 329.6, 1_760.0))
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 0.21 * time_s)
    noise = rng.standard_normal((frames, 2)) * (np.sin(2 * np.pi * 0.13 * time_s) ** 8)[:, np.newaxis]
    samples = 0.1 * (chord * swell)[:, np.newaxis] + 0.1 * noise
    samples[5 * SAMPLE_RATE : 6 * SAMPLE_RATE] = 0.0
    return np.clip(samples, -1, 1).astype(np.float32)


def frames_of(samples: NDArray[np.float32], *, threads: int = 1, steps: int = 32_768) -> list[bytes]:
    encoder = Lame(threads=threads)
    ready = [encoder.encode(pcm16(samples[at : at + steps]).tobytes()) for at in range(0, len(samples), steps)]
    return [*itertools.chain(*ready), *encoder.flush()]


def decoded(frames: list[bytes], folder: Path) -> NDArray[np.float32]:
    (folder / "bare.mp3").write_bytes(b"".join(frames))
    samples, _ = soundfile.read(folder / "bare.mp3", dtype="float32")
    return np.asarray(samples[ENCODER_DELAY + DECODER_DELAY :], np.float32)


def test_joined_pieces_sound_like_the_source_everywhere(music: NDArray[np.float32], tmp_path: Path) -> None:
    heard = decoded(frames_of(music), tmp_path)[: len(music)]

    error = np.square(heard - music).sum(axis=1)
    window = 2 * FRAME_SAMPLES
    levels = np.sqrt(error[: len(error) // window * window].reshape(-1, window).mean(axis=1))
    whole = decoded([*lame._encoded(pcm16(music).tobytes()).frames], tmp_path)[: len(music)]
    plain = np.square(whole - music).sum(axis=1)
    plain_levels = np.sqrt(plain[: len(plain) // window * window].reshape(-1, window).mean(axis=1))
    assert np.all(levels < 1.6 * plain_levels + 2e-4)


def test_the_joints_are_real(music: NDArray[np.float32]) -> None:
    joined, whole = frames_of(music), lame._encoded(pcm16(music).tobytes()).frames

    assert len(joined) == len(whole)
    assert joined[: PIECE_FRAMES - 10] == whole[: PIECE_FRAMES - 10]
    assert joined[PIECE_FRAMES + OVERLAP_FRAMES] != whole[PIECE_FRAMES + OVERLAP_FRAMES]


def test_no_frame_reaches_back_beyond_the_stream(music: NDArray[np.float32]) -> None:
    bodies = 0
    for frame in frames_of(music):
        assert main_data_begin(frame) <= bodies
        bodies += len(frame) - 36


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_portions_change_no_byte(music: NDArray[np.float32], threads: int) -> None:
    assert frames_of(music, threads=threads, steps=10_007) == frames_of(music)


def test_where_no_joint_fits_the_pieces_are_encoded_as_one(
    music: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lame, "JOINTS", ())

    assert frames_of(music) == lame._encoded(pcm16(music).tobytes()).frames


@pytest.mark.parametrize("frames", [1, 1_152, PIECE, PIECE + OVERLAP_FRAMES * FRAME_SAMPLES, PIECE + 24 * 1_152 + 1])
def test_any_length_gives_as_many_frames_as_one_run(music: NDArray[np.float32], frames: int) -> None:
    assert len(frames_of(music[:frames])) == len(lame._encoded(pcm16(music[:frames]).tobytes()).frames)
