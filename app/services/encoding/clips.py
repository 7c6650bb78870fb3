"""Clips: a recording as somebody sent it → a file of ours, and back to samples when a model wants it."""

from pathlib import Path

import numpy as np
import soundfile

from app.errors import InvalidField
from app.models.audio import SAMPLE_RATE, Samples
from app.models.clip import ClipFacts
from app.services.dsp.resampling import resampled
from app.services.dsp.sounding import SoundUnusable, heard
from app.utils.sniffing import HEAD_BYTES, SOUND_FORMATS, sound_format

#: Seconds of a clip.
FEWEST_S, MOST_S = 1.0, 300.0

#: Frames that are written at once.
_AT_ONCE = 65_536


def keep_clip(source: Path, target: Path) -> ClipFacts:
    """Write the sound of an untrusted file as FLAC in stereo at the house rate; what it was.

    `InvalidField` for what is no recording of `FEWEST_S` to `MOST_S` seconds. Where values go beyond full scale (only
    files of floats have such), all are made quieter alike.
    """
    with source.open("rb") as file:
        kind = sound_format(file.read(HEAD_BYTES))
        if kind is None:
            raise InvalidField("file", f"must be a recording: {', '.join(SOUND_FORMATS)}")
        file.seek(0)
        try:
            samples, rate = heard(file, fewest_s=FEWEST_S, most_s=MOST_S + 1)
        except SoundUnusable as error:
            raise InvalidField("file", str(error)) from error
    seconds, channels = len(samples) / rate, samples.shape[1]
    if seconds > MOST_S:
        raise InvalidField("file", f"is longer than {MOST_S:g} s")
    stereo = np.concatenate(list(resampled([np.ascontiguousarray(samples[:, [0, -1]])], rate, SAMPLE_RATE)))
    stereo /= max(float(np.abs(stereo).max()), 1.0)
    with soundfile.SoundFile(target, "w", SAMPLE_RATE, 2, "PCM_24", format="FLAC") as file:
        for begin in range(0, len(stereo), _AT_ONCE):
            file.write(stereo[begin : begin + _AT_ONCE])
    return ClipFacts(format=kind, seconds=round(seconds, 3), sample_rate=rate, channels=channels)


def read_clip(path: Path) -> tuple[Samples, int]:
    """The samples of a clip that was kept, shape (frames, 2), and how many a second."""
    return soundfile.read(path, dtype="float32", always_2d=True)  # type: ignore[no-any-return]  # it has no types
