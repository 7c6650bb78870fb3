"""Finished stereo blocks go in, what listening needs of them comes out: one channel at a quarter of the rate, levels.

Rule: nothing in this package knows a plan or a score, except `comparing`, which sets what was heard beside them.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, upfirdn

from app.models.audio import SAMPLE_RATE, Samples

#: Rate at which tempo and key are listened for.
LISTENING_RATE = SAMPLE_RATE // 4
_STEP = 4

#: Taps of the filter before thinning out; enough, for what folds back lies above the bands that are listened to.
_TAPS = 33

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


class Ear:
    """Listens block by block."""

    def __init__(self) -> None:
        self._taps = firwin(_TAPS, 0.9 / _STEP).astype(np.float32)
        self._mono: list[Mono] = []
        self._rest: Mono = np.zeros(_TAPS - 1, np.float32)
        self._powers: list[NDArray[np.float64]] = []
        self._unread = np.empty(0, np.float32)
        self._beginning: Samples = np.empty((0, 2), np.float32)
        self._end: Samples = np.empty((0, 2), np.float32)
        self._frames = 0

    def add(self, samples: Samples) -> None:
        """Hear the next block, shape (frames, 2); all but the last have a multiple of four frames."""
        mono = samples.sum(axis=1)
        line = np.concatenate((self._rest, mono))
        count = len(mono) // _STEP
        self._mono.append(upfirdn(self._taps, line, down=_STEP)[(_TAPS - 1) // _STEP :][:count])
        self._rest = line[-(_TAPS - 1) :]
        self._add_power(samples)
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
        )

    def _add_power(self, samples: Samples) -> None:
        power = np.concatenate((self._unread, np.einsum("ij,ij->i", samples, samples)))
        hop = SAMPLE_RATE // LEVELS_PER_S
        whole = len(power) // hop * hop
        self._powers.append(power[:whole].reshape(-1, hop).mean(axis=1, dtype=np.float64) / 2)
        self._unread = power[whole:]
