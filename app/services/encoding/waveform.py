"""A master → the peaks of its waveform at several zooms, for pages that draw it."""

import json
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.encoding.draft import write_bytes

#: Frames behind one peak of the finest zoom, how much coarser each further zoom is, and how many there are.
FINEST_FRAMES = 256
COARSER = 4
ZOOMS = 5
#: What full scale is in the file.
FULL_SCALE = 127

#: Read at once: a whole number of the coarsest peaks.
_READ_FRAMES = 4 * FINEST_FRAMES * COARSER ** (ZOOMS - 1)


def write_waveform(source_wav: Path, path: Path) -> None:
    """Write the lowest and highest sample of either channel behind each peak, −127…127, as JSON. `StorageFailed`.

    Peaks are rounded away from zero, so that nothing that sounds is drawn as silence.
    """
    lows, highs = [], []
    with soundfile.SoundFile(source_wav) as source:
        frames = source.frames
        for block in source.blocks(_READ_FRAMES, dtype="float32", always_2d=True):
            starts = np.arange(0, len(block), FINEST_FRAMES)
            lows.append(np.minimum.reduceat(block, starts).min(axis=1))
            highs.append(np.maximum.reduceat(block, starts).max(axis=1))
    low, high = np.concatenate(lows), np.concatenate(highs)
    levels = []
    for zoom in range(ZOOMS):
        levels.append({"frames_per_peak": FINEST_FRAMES * COARSER**zoom, "min": _whole(low), "max": _whole(high)})
        starts = np.arange(0, len(low), COARSER)
        low, high = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
    drawn = {"version": 1, "sample_rate": SAMPLE_RATE, "frames": frames, "levels": levels}
    write_bytes(path, json.dumps(drawn, separators=(",", ":")).encode())


def _whole(values: NDArray[np.float32]) -> list[int]:
    away = np.copysign(np.ceil(np.abs(values) * FULL_SCALE - 1e-3), values)
    whole: list[int] = np.clip(away, -FULL_SCALE, FULL_SCALE).astype(int).tolist()
    return whole
