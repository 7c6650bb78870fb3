"""Finished stereo blocks go in, what listening needs of them comes out: one channel at a quarter of the rate, levels.

Rule: nothing in this package knows a plan or a score, except `comparing`, which sets what was heard beside them.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE, Samples
from app.services.listening.brightness import Brightness

#: Rate at which tempo and key are listened for.
LISTENING_RATE = SAMPLE_RATE // 4
_STEP = 4

#: Weights of seven samples in a row that make one, split over two groups of four: a triangle. What folds back onto the
#: tones that are listened to is 38 dB lower, and came from the quiet top of the spectrum.
_RISING, _FALLING = (1 / 16, 2 / 16, 3 / 16, 4 / 16), (3 / 16, 2 / 16, 1 / 16, 0.0)

#: Levels a second.
LEVELS_PER_S = 10

#: float32, shape (frames,), `LISTENING_RATE` frames a second.
Mono: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """A finished piece as it is listened to."""

    #: Both channels as one, at the listening rate.
    mono: Mono
    #: Mean square of each 100 ms over both channels, shape (times,).
    powers: NDArray[np.float64]
    #: The first and the last moment at the full rate, shape (frames, 2) each.
    beginning: Samples
    end: Samples
    #: Frames at the full rate.
    frames: int
    #: Spectral centroid in Hz; None for silence.
    brightness_hz: float | None = None


class Ear:
    """Listens block by block."""

    def __init__(self) -> None:
        self._mono: list[Mono] = []
        self._begun: Mono = np.zeros(1, np.float32)
        self._powers: list[NDArray[np.float64]] = []
        self._unread = np.empty(0, np.float32)
        self._beginning: Samples = np.empty((0, 2), np.float32)
        self._end: Samples = np.empty((0, 2), np.float32)
        self._brightness = Brightness()
        self._frames = 0

    def add(self, samples: Samples) -> None:
        """Hear the next block, shape (frames, 2); all but the last have a multiple of four frames."""
        left, right = np.ascontiguousarray(samples.T)
        groups = (left + right)[: len(left) // _STEP * _STEP].reshape(-1, _STEP)
        # A group that rises is finished by the group that follows.
        begun = np.concatenate((self._begun, _weighted(groups, _RISING)))
        self._mono.append(begun[:-1] + _weighted(groups, _FALLING))
        self._begun = begun[-1:]
        self._add_power(np.square(left) + np.square(right))
        self._brightness.add(samples)
        kept = SAMPLE_RATE // 2
        if len(self._beginning) < kept:
            self._beginning = np.concatenate((self._beginning, samples[: kept - len(self._beginning)]))
        self._end = np.concatenate((self._end, samples[-kept:]))[-kept:]
        self._frames += len(samples)

    def sound(self) -> Sound:
        """All that was heard."""
        return Sound(
            mono=np.concatenate((np.empty(0, np.float32), *self._mono)),
            powers=np.concatenate((np.empty(0), *self._powers)),
            beginning=self._beginning,
            end=self._end,
            frames=self._frames,
            brightness_hz=self._brightness.centroid_hz,
        )

    def _add_power(self, squares: Mono) -> None:
        power = np.concatenate((self._unread, squares))
        hop = SAMPLE_RATE // LEVELS_PER_S
        whole = len(power) // hop * hop
        self._powers.append(power[:whole].reshape(-1, hop).mean(axis=1, dtype=np.float64) / 2)
        self._unread = power[whole:]


def _weighted(groups: Mono, weights: tuple[float, ...]) -> Mono:
    total: Mono = groups[:, 0] * np.float32(weights[0])
    for column, weight in enumerate(weights[1:], start=1):
        total += groups[:, column] * np.float32(weight)
    return total
