"""A guitar amplifier: a string's signal goes in, what its loudspeaker gives comes out.

Chords go through it as one signal, so their tones distort each other: that is what makes a fifth roar, and no sample of
a single string has it. Two stages clip, each after its own filter, and the loudspeaker takes away what is above 5 kHz.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from app.models.audio import Samples
from app.services.dsp import biquad
from app.services.dsp.filters import StreamingFilter
from app.utils.units import db_to_gain


@dataclass(frozen=True, kw_only=True, slots=True)
class AmpVoicing:
    """How an amplifier is set."""

    #: Gain into the first and the second stage, in dB, for a line at −23 LUFS.
    first_db: float
    second_db: float
    #: How far the second stage leans to one side: even harmonics.
    lean: float
    #: Level after the loudspeaker at which such a line stays as loud as it was, in dB.
    level_db: float


#: By name, from hardly driven to fully.
VOICINGS: Mapping[str, AmpVoicing] = {
    "clean": AmpVoicing(first_db=10.0, second_db=6.0, lean=0.1, level_db=-12.0),
    "crunch": AmpVoicing(first_db=14.0, second_db=8.0, lean=0.15, level_db=-19.5),
    "lead": AmpVoicing(first_db=27.0, second_db=16.0, lean=0.15, level_db=-24.5),
}

#: Strings below this are no guitar's, and rumble would drive the stages; between them it is what the first one made.
_LOWEST_HZ, _BETWEEN_HZ = 110.0, 60.0

#: The middle is lifted before it is clipped, so that it clips first and chords stay clear.
_MIDDLE_HZ, _MIDDLE_DB = 900.0, 5.0

#: Twelve-inch loudspeaker in a closed box, in Hz and dB: its bass, its box, its cone, and where it ends.
_SPEAKER = ((110.0, 3.0), (400.0, -3.0), (2_600.0, 5.0))
_SPEAKER_LOW_HZ, _SPEAKER_HIGH_HZ = 80.0, 4_800.0

#: Quality factors of a fourth-order Butterworth filter's two sections.
_FOURTH = (0.5412, 1.3066)


class Amplifier:
    """One player's amplifier, fed block by block. It has one loudspeaker: both sides come out alike.

    A block of silence brings it to rest.
    """

    def __init__(self, voicing: AmpVoicing) -> None:
        self._first = _Stage(voicing.first_db, 0.0)
        self._second = _Stage(voicing.second_db, voicing.lean)
        self._level = np.float32(db_to_gain(voicing.level_db))
        self._before = StreamingFilter(
            biquad.cascade(biquad.high_pass(_LOWEST_HZ), biquad.bell(_MIDDLE_HZ, _MIDDLE_DB, q=0.7)), channels=1
        )
        self._between = StreamingFilter(biquad.high_pass(_BETWEEN_HZ), channels=1)
        self._speaker = StreamingFilter(
            biquad.cascade(
                biquad.high_pass(_SPEAKER_LOW_HZ),
                *(biquad.bell(hz, db, q=1.0) for hz, db in _SPEAKER),
                *(biquad.low_pass(_SPEAKER_HIGH_HZ, q=q) for q in _FOURTH),
            ),
            channels=1,
        )

    def process(self, samples: Samples) -> Samples:
        """The next block, shape (frames, 2)."""
        line = samples.mean(axis=1, dtype=np.float32, keepdims=True)
        line = self._first.process(self._before.process(line))
        line = self._speaker.process(self._second.process(self._between.process(line)))
        out = np.empty(samples.shape, np.float32, order="F")
        out[:] = line * self._level
        return out


class _Stage:
    # y = x / √(1 + x²), averaged between each sample and the one before (antiderivative antialiasing, first order:
    # Parker, Zavalishin and Le Bivic 2016). Of this curve the average is (a + b) / (√(1 + a²) + √(1 + b²)), which needs
    # no division by a difference.
    def __init__(self, gain_db: float, lean: float) -> None:
        self._gain = np.float32(db_to_gain(gain_db))
        self._lean = np.float32(lean)
        root = np.sqrt(1 + self._lean * self._lean)
        self._rest = (self._lean + self._lean) / (root + root)  # to the last digit what silence comes out as
        self._last = self._lean

    def process(self, line: Samples) -> Samples:
        driven = np.empty((len(line) + 1, 1), np.float32)
        driven[0] = self._last
        np.multiply(line, self._gain, out=driven[1:])
        driven[1:] += self._lean
        self._last = driven[-1, 0]
        roots = np.sqrt(1 + driven * driven)
        clipped: Samples = (driven[1:] + driven[:-1]) / (roots[1:] + roots[:-1])
        clipped -= self._rest
        return clipped
