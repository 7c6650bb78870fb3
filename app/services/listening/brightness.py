"""Brightness of finished audio: where the middle of its spectrum lies. Listens at the full rate, for cymbals count."""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from app.models.audio import SAMPLE_RATE, Samples

#: Frames of a spectrum, 46 ms, and between two of them: enough for an average, for an eighth of the work.
_WINDOW_FRAMES = 2_048
_HOP_FRAMES = 16_384


class Brightness:
    """Adds up magnitudes by frequency, block by block; loud moments count for more, silence for nothing."""

    def __init__(self) -> None:
        self._window = np.hanning(_WINDOW_FRAMES).astype(np.float32)
        self._magnitudes: NDArray[np.float64] = np.zeros(_WINDOW_FRAMES // 2 + 1)

    def add(self, samples: Samples) -> None:
        """Hear the next block, shape (frames, 2)."""
        starts = range(0, len(samples) - _WINDOW_FRAMES + 1, _HOP_FRAMES)
        if not starts:
            return
        # Each channel by itself: what is out of phase between them is heard too.
        windows = np.stack([samples[start : start + _WINDOW_FRAMES].T for start in starts]) * self._window
        self._magnitudes += np.abs(rfft(windows)).sum(axis=(0, 1), dtype=np.float64)

    @property
    def centroid_hz(self) -> float | None:
        """Spectral centroid: the mean of the frequencies, each counted by its magnitude. None for silence."""
        total = float(self._magnitudes.sum())
        if total <= 1e-6:
            return None
        frequencies_hz = np.arange(len(self._magnitudes)) * (SAMPLE_RATE / _WINDOW_FRAMES)
        return round(float(frequencies_hz @ self._magnitudes) / total, 1)
