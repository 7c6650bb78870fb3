"""An audio file as somebody sent it → its samples. Rule: nothing here trusts the file, its header included."""

from typing import BinaryIO

import numpy as np
import soundfile

from app.models.audio import Samples

#: Channels and frames a second that are read.
MOST_CHANNELS, LEAST_RATE, MOST_RATE = 8, 4_000, 192_000
#: Peak below which a recording is silent: -60 dBFS.
SILENT_PEAK = 1e-3

#: Frames that are read at once.
_AT_ONCE = 65_536


class SoundUnusable(ValueError):
    """A file that is no use as a recording; the message says why, as the rest of a sentence about it."""


def heard(file: BinaryIO, *, fewest_s: float, most_s: float) -> tuple[Samples, int]:
    """The first `most_s` seconds of a file, of shape (frames, 1 or 2), and its frames a second. `SoundUnusable`.

    What a header promises is never believed: frames are counted as they come, so that memory and time are bounded.
    Of more than two channels the first two are kept.
    """
    try:
        with soundfile.SoundFile(file) as sound:
            rate, channels = sound.samplerate, sound.channels
            if not 1 <= channels <= MOST_CHANNELS or not LEAST_RATE <= rate <= MOST_RATE:
                raise SoundUnusable(f"has {channels} channels at {rate} Hz; at most {MOST_CHANNELS} at {MOST_RATE}")
            samples = _read(sound, round(most_s * rate))
    except SoundUnusable:
        raise
    except (soundfile.SoundFileError, RuntimeError, OSError, ValueError, TypeError) as error:
        raise SoundUnusable("is not audio that can be read, or is broken") from error
    if len(samples) < fewest_s * rate:
        raise SoundUnusable(f"is shorter than {fewest_s:g} s")
    if not np.isfinite(samples).all():
        raise SoundUnusable("holds values that are no sound")
    if np.abs(samples).max() < SILENT_PEAK:
        raise SoundUnusable("is silent")
    return samples, rate


def _read(sound: soundfile.SoundFile, most: int) -> Samples:
    blocks = []
    missing = most
    while missing > 0:
        block = sound.read(min(missing, _AT_ONCE), dtype="float32", always_2d=True)
        if not len(block):
            break
        blocks.append(block[:, :2].copy() if block.shape[1] > 2 else block)
        missing -= len(block)
    return np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)
