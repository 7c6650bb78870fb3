"""A plucked string after Karplus and Strong (1983), done on its spectrum.

The loop filter H of the string works on each harmonic for itself, so the m-th period is the inverse FFT of X·Hᵐ: many
periods at once, no feedback to wait for. Neighbouring periods pass one into the other, which keeps their seams smooth.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from app.models.audio import SAMPLE_RATE
from app.services.instruments.envelopes import Envelope
from app.services.instruments.pitched import hermite
from app.services.instruments.sources import GrowingSource
from app.services.instruments.synths.struck import StruckSynth
from app.utils.seeds import rng_for
from app.utils.units import midi_to_hz

_TOP_HZ = 16_000.0
#: Where the string is plucked, as a part of its length.
_PLUCK_POINT = 0.17
_ENVELOPE = Envelope(attack_s=0.002, decay_s=60.0, sustain_db=0.0, release_s=0.5)


class _String(GrowingSource):
    def __init__(self, pitch: int, velocity: int) -> None:
        hertz = midi_to_hz(pitch)
        number = np.arange(1, max(1, int(_TOP_HZ / hertz)) + 1)
        partial_hz = number * hertz
        # Seconds in which each harmonic falls by 60 dB: high strings and high harmonics die first.
        fall_s = 4.5 * (220.0 / hertz) ** 0.45 / (1.0 + (partial_hz / 1_900.0) ** 1.25)
        self._decay = np.log(10.0**-3) / (fall_s * hertz)
        softness = 900.0 + 5_200.0 * (velocity / 127) ** 1.5
        level = np.abs(np.sin(math.pi * number * _PLUCK_POINT)) / number**0.75 / (1.0 + (partial_hz / softness) ** 2)
        phase = rng_for(0, "pluck", str(pitch)).uniform(-0.9, 0.9, len(number)) - math.pi / 2
        self._pick = level * np.exp(1j * phase)
        # At least twice as many points as the highest harmonic needs, so that reading between them is exact enough.
        self._period = max(64, 1 << math.ceil(math.log2(4 * len(number))))
        self._step = self._period * hertz / SAMPLE_RATE
        super().__init__(frames=int(1.4 * float(fall_s[0]) * SAMPLE_RATE))

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        positions = np.arange(first, last) * self._step + 1.0
        whole = positions.astype(np.intp)
        part = (positions - whole).astype(np.float32)
        begin = (int(whole[0]) - 1) // self._period
        end = (int(whole[-1]) + 2) // self._period + 1
        spectra = np.zeros((end + 1 - begin, self._period // 2 + 1), np.complex64)
        spectra[:, 1 : len(self._pick) + 1] = self._pick * np.exp(np.outer(np.arange(begin, end + 1), self._decay))
        periods = fft.irfft(spectra, self._period, axis=1) * np.float32(self._period / 2)
        rise = np.arange(self._period, dtype=np.float32) / np.float32(self._period)
        string = (periods[:-1] + (periods[1:] - periods[:-1]) * rise).ravel()
        whole -= begin * self._period
        return hermite(string, whole, part)


def synth_pluck() -> StruckSynth:
    """The plucked string as an instrument."""
    return StruckSynth("synth_pluck", _String, _ENVELOPE)
