"""True peak: how high the sound rises between its samples (ITU-R BS.1770-4, annex 2).

Interpolating everything would cost more than all the rest of a master. Only tops whose samples come near a floor of
interest are looked at; a limiter's floor is its ceiling, a meter's the highest peak it has seen.
"""

import numpy as np
from numpy.typing import NDArray

from app.models.audio import BLOCK_FRAMES, Samples
from app.services.dsp.cells import CELL_FRAMES, cell_count, cell_largest

#: Samples on each side that an interpolated value is made from, and the beta of their Kaiser window. Hats made of noise
#: reach up to half the sample rate; shorter or rounder windows miss half a decibel of their peaks.
_REACH = 12
_WINDOW_SHAPE = 6.0

#: Places between two samples that are looked at: four times oversampling.
_PLACES = (0.25, 0.5, 0.75)

#: Between two samples the sound is held to rise to at most this many times the largest of the four around. A sine
#: reaches 1.41, at a quarter of the sample rate; faster ones hit a sample near their top within a few turns.
_HIGHEST_RISE = 1.7

#: Places interpolated at once, few enough for the processor's cache.
_BATCH = 4_096


def _interpolators() -> NDArray[np.float32]:
    # Windowed sinc, one row a place, from the sample `_REACH - 1` before to the one `_REACH` after.
    offsets = np.arange(1 - _REACH, _REACH + 1) - np.array(_PLACES)[:, np.newaxis]
    window = np.i0(_WINDOW_SHAPE * np.sqrt(1 - (offsets / _REACH) ** 2)) / np.i0(_WINDOW_SHAPE)
    rows = np.sinc(offsets) * window
    scaled: NDArray[np.float64] = rows / rows.sum(axis=1, keepdims=True)
    return scaled.astype(np.float32)


_INTERPOLATORS = _interpolators()


def cell_true_peaks(samples: Samples, floor: float, *, known_from: float = np.inf) -> NDArray[np.float32]:
    """True peak of each cell that rises above `floor`, an amplitude above 0; of all others the largest sample.

    Shape (cells,). Where an earlier call's floor is handed in as `known_from`, only tops that it left out are looked
    at: the larger of both answers is the whole one.
    """
    peaks = np.zeros(cell_count(len(samples)), np.float32)
    for first in range(0, len(samples), BLOCK_FRAMES):
        largest = cell_largest(samples[first : first + BLOCK_FRAMES])
        cells = first // CELL_FRAMES
        peaks[cells : cells + len(largest)] = largest
        frames, heights = _tops_above(_with_surroundings(samples, first), floor, known_from)
        np.maximum.at(peaks, (frames + first) // CELL_FRAMES, heights)
    return peaks


def true_peak(samples: Samples) -> float:
    """Largest true peak of a piece as an amplitude; 0.0 for silence or nothing at all."""
    meter = TruePeakMeter(channels=samples.shape[1])
    for first in range(0, len(samples), BLOCK_FRAMES):
        meter.add(samples[first : first + BLOCK_FRAMES])
    return meter.highest


class TruePeakMeter:
    """Looks for the highest true peak block by block."""

    def __init__(self, *, channels: int = 2) -> None:
        # The last frames heard wait for what follows them; those before are there to be looked back at.
        self._tail = np.zeros((2 * _REACH, channels), np.float32)
        self._highest = 0.0

    def add(self, samples: Samples) -> None:
        """Look at the next block of any length, shape (frames, channels)."""
        joined = np.concatenate((self._tail, samples))
        self._highest = self._highest_of(joined)
        self._tail = joined[-2 * _REACH :]

    @property
    def highest(self) -> float:
        """Highest so far as an amplitude, if the piece ended here."""
        return self._highest_of(np.concatenate((self._tail, np.zeros((_REACH, self._tail.shape[1]), np.float32))))

    def _highest_of(self, joined: Samples) -> float:
        floor = max(self._highest, float(joined.max()), -float(joined.min()))
        if floor == 0.0:
            return 0.0
        return max(floor, float(_tops_above(joined, floor)[1].max(initial=0.0)))


def _with_surroundings(samples: Samples, first: int) -> Samples:
    # A block with `_REACH` frames on either side; silence stands where the piece has none.
    low, high = first - _REACH, min(first + BLOCK_FRAMES, len(samples)) + _REACH
    inner = samples[max(low, 0) : min(high, len(samples))]
    if len(inner) == high - low:
        return inner
    return np.pad(inner, ((max(-low, 0), max(high - len(samples), 0)), (0, 0)))


def _tops_above(
    samples: Samples, floor: float, known_from: float = np.inf
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    # Frame (counted from `_REACH` on) and height of each top between two samples that may rise above the floor.
    channels = samples.shape[1]
    flat = np.ascontiguousarray(samples).reshape(-1)
    steps = flat[channels:] - flat[:-channels]
    turns = steps[channels:] * steps[:-channels] <= 0
    # Where four samples in a row rise, or fall, no top is between the middle two; they are most of low-pitched sound.
    top = turns[:-channels] | turns[channels:]
    height = np.abs(flat)
    pairs = np.maximum(height[:-channels], height[channels:])
    near = np.maximum(pairs[: -2 * channels], pairs[2 * channels :])
    top &= near > floor / _HIGHEST_RISE
    top &= near <= known_from / _HIGHEST_RISE
    reach = _REACH * channels
    places = np.flatnonzero(top[reach - channels : len(flat) - reach - channels]) + reach
    tops = np.zeros(len(places), np.float32)
    for start in range(0, len(places), _BATCH):
        batch = places[start : start + _BATCH]
        taps = flat[np.arange(1 - _REACH, _REACH + 1)[:, np.newaxis] * channels + batch]
        highest = tops[start : start + _BATCH]
        for row in _INTERPOLATORS:
            np.maximum(highest, np.abs(_weighted_sum(taps, row)), out=highest)
    return places // channels - _REACH, tops


def _weighted_sum(rows: Samples, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    # Written out instead of a matrix product, whose rounding depends on the library's number of threads.
    total: NDArray[np.float32] = rows[0] * weights[0]
    for row, weight in zip(rows[1:], weights[1:], strict=True):
        total += row * weight
    return total
