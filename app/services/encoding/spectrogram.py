"""A master → a picture of what sounds when: time from left to right, pitch from bottom to top."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.fft
import soundfile
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.encoding.colours import heat, to_bytes
from app.services.encoding.draft import write_bytes
from app.services.encoding.png import colour_png

#: Columns and rows in pixels.
WIDTH, HEIGHT = 1_600, 480
#: Pitches at the bottom and at the top; each octave is as high as the next.
LOWEST_HZ, HIGHEST_HZ = 32.0, 16_000.0
#: Below the loudest pixel, this is black.
RANGE_DB = 75.0

_WINDOW_FRAMES = 4_096
#: Windows of a column at least so near to each other that no note is missed.
_FARTHEST_FRAMES = 2_048
#: Higher pitches are weaker in all music; so much an octave makes them as visible.
_TILT_DB = 3.0


def write_spectrogram(source_wav: Path, path: Path) -> None:
    """Write the picture as PNG, WIDTH × HEIGHT pixels. The same sound gives the same bytes. `StorageFailed`."""
    edges_hz = np.geomspace(LOWEST_HZ, HIGHEST_HZ, HEIGHT + 1)
    edges = edges_hz * _WINDOW_FRAMES / SAMPLE_RATE
    bins = np.arange(_WINDOW_FRAMES // 2 + 2) - 0.5
    power = np.empty((HEIGHT, WIDTH))
    for column, spectrum in enumerate(_spectra(source_wav)):
        below = np.concatenate(([0.0], np.cumsum(spectrum)))
        # The power between two pitches, per hertz: low rows share a bin, high ones hold many.
        power[:, column] = np.diff(np.interp(edges, bins, below)) / np.diff(edges)
    level_db = 10 * np.log10(power + 1e-12) + _TILT_DB * np.log2(edges_hz[:-1] / LOWEST_HZ)[:, np.newaxis]
    strength = np.clip((level_db - level_db.max()) / RANGE_DB + 1, 0, 1)
    if power.max() < 1e-9:  # silence has no loudest place
        strength[:] = 0
    write_bytes(path, colour_png(to_bytes(heat(strength[::-1]))))


def _spectra(source_wav: Path) -> Iterator[NDArray[np.float64]]:
    # The mean power spectrum of each column's stretch of time, of both channels.
    window = np.hanning(_WINDOW_FRAMES).astype(np.float32)[:, np.newaxis]
    with soundfile.SoundFile(source_wav) as source:
        step = source.frames / WIDTH
        looks = max(1, int(np.ceil(step / _FARTHEST_FRAMES)))
        for column in range(WIDTH):
            first = int(column * step - _WINDOW_FRAMES / 2)
            last = int((column + 1) * step + _WINDOW_FRAMES / 2)
            lead = max(0, -first)
            source.seek(max(0, first))
            heard = source.read(last - first - lead, dtype="float32", always_2d=True)
            padded = np.zeros((max(last - first, _WINDOW_FRAMES), heard.shape[1]), dtype=np.float32)
            padded[lead : lead + len(heard)] = heard
            starts = (np.arange(looks) + 0.5) / looks * (len(padded) - _WINDOW_FRAMES)
            windows = np.stack([padded[int(at) : int(at) + _WINDOW_FRAMES] for at in starts])
            spectra = scipy.fft.rfft(windows * window, axis=1)
            yield np.mean((spectra.real**2 + spectra.imag**2).sum(axis=2), axis=0, dtype=np.float64)
