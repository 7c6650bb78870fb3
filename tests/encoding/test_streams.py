"""Forms that are sent while they are made."""

import io

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE
from app.services.encoding.mp3 import FRAME_SAMPLES, split_frames
from app.services.encoding.streams import STREAM_FORMS, Mp3Stream, mp3_frames


def sweep(frames: int) -> NDArray[np.float32]:
    time_s = np.arange(frames) / SAMPLE_RATE
    tone = 0.3 * np.sin(2 * np.pi * (200 + 400 * time_s) * time_s)
    return np.stack((tone, -0.5 * tone), axis=1).astype(np.float32)


def sent(form: str, samples: NDArray[np.float32]) -> list[bytes]:
    stream = STREAM_FORMS[form](len(samples))
    starts = range(0, len(samples), BLOCK_FRAMES)
    return [stream.add(samples[at : at + BLOCK_FRAMES], last=at + BLOCK_FRAMES >= len(samples)) for at in starts]


@pytest.mark.parametrize(("form", "error"), [("mp3", 0.02), ("wav", 2**-23)])
def test_what_is_decoded_is_what_went_in_frame_by_frame(form: str, error: float) -> None:
    samples = sweep(5 * SAMPLE_RATE)

    heard, rate = soundfile.read(io.BytesIO(b"".join(sent(form, samples))), dtype="float32")

    assert rate == SAMPLE_RATE
    assert heard.shape == samples.shape
    assert np.abs(heard - samples).max() < error


@pytest.mark.parametrize("form", sorted(STREAM_FORMS))
def test_each_block_gives_something_to_hear_at_once(form: str) -> None:
    pieces = sent(form, sweep(4 * BLOCK_FRAMES + 5))

    assert all(pieces)
    if form == "mp3":  # all of the first block but the few frames that LAME looks ahead
        assert len(pieces[0]) > (BLOCK_FRAMES // FRAME_SAMPLES - 3) * 835
    else:
        assert len(pieces[0]) == 44 + BLOCK_FRAMES * 6


@pytest.mark.parametrize("frames", [1, 1_151, 1_152, 1_153, 1_199, 1_200, *(s * SAMPLE_RATE for s in (5, 6, 7, 11))])
def test_the_head_promises_as_many_frames_as_come(frames: int) -> None:
    stream = Mp3Stream(frames)

    (head, *music) = split_frames(stream.add(np.zeros((frames, 2), np.float32), last=True))

    assert len(music) == mp3_frames(frames)
    assert int.from_bytes(head[44:48], "big") == len(music)
