"""What a finished piece measures: the numbers that go into its record."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.models.audio import BLOCK_FRAMES, SAMPLE_RATE, Samples
from app.services.dsp.loudness import LoudnessMeter
from app.services.dsp.true_peak import TruePeakMeter
from app.utils.units import gain_to_db

#: Name to number; see `Meter.measured`.
Measured: TypeAlias = dict[str, float]


class Meter:
    """Measures two channels block by block."""

    def __init__(self, *, sample_rate: int = SAMPLE_RATE) -> None:
        self._loudness = LoudnessMeter(sample_rate=sample_rate)
        self._true_peak = TruePeakMeter()
        self._frames = 0
        self._sums: NDArray[np.float64] = np.zeros(2)
        self._products: NDArray[np.float64] = np.zeros(3)

    def add(self, samples: Samples) -> None:
        """Hear the next block, shape (frames, 2): BLOCK_FRAMES, or fewer for the last."""
        self._loudness.add(samples)
        self._true_peak.add(samples)
        self._frames += len(samples)
        left, right = np.ascontiguousarray(samples.T)
        self._sums += (left.sum(), right.sum())
        self._products += [np.einsum("i,i->", *pair) for pair in ((left, left), (right, right), (left, right))]

    def measured(self) -> Measured:
        """All numbers so far, rounded to what they are worth.

        `loudness_lufs` (−70 for silence), `loudness_range_lu`, `true_peak_dbtp` (−200 for silence), `dc` (the larger of
        the channels' means, 0…1) and `correlation` (1 mono, 0 unrelated, −1 cancels in mono).
        """
        left, right, both = self._products
        power = np.sqrt(left * right)
        return {
            "loudness_lufs": round(self._loudness.integrated_lufs, 2),
            "loudness_range_lu": round(self._loudness.range_lu, 2),
            "true_peak_dbtp": round(gain_to_db(self._true_peak.highest), 2),
            "dc": round(float(np.abs(self._sums).max()) / max(self._frames, 1), 6),
            "correlation": round(float(both / power), 3) if power > 0 else 1.0,
        }


def measure(samples: Samples, sample_rate: int = SAMPLE_RATE) -> Measured:
    """Measure a finished piece, shape (frames, 2); the numbers are those of `Meter.measured`."""
    meter = Meter(sample_rate=sample_rate)
    for first in range(0, len(samples), BLOCK_FRAMES):
        meter.add(samples[first : first + BLOCK_FRAMES])
    return meter.measured()
