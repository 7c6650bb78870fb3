"""Guitar strings, for fonts that hold only a few periods of each: a pitch goes in, a string that is plucked comes out.

A loop of a few periods rings with one colour until it ends: all its partials fall alike, and many of them at once sound
like a piano. Of a real string every partial dies in a time of its own, the string swings in two directions that beat
against each other, and a box of wood with resonances of its own answers to it and to the stroke (Fletcher and Rossing,
*The Physics of Musical Instruments*, chapters 2 and 9; Woodhouse, *Plucked guitar transients*, Acta Acustica 90, 2004).

As in `pluck`, the m-th period is the inverse FFT of the partials after m periods.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from app.models.audio import SAMPLE_RATE
from app.services.instruments.base import NoteEvent
from app.services.instruments.envelopes import Envelope
from app.services.instruments.pitched import hermite
from app.services.instruments.sources import CACHE, GrowingSource
from app.services.instruments.synths.touch import touched
from app.services.instruments.tones import Tone
from app.utils.seeds import rng_for
from app.utils.units import midi_to_hz

#: Weights of touch, each with the velocity it starts at and the one that its colour is made for, as in sampled ones.
_TOUCHES = ((100, 116), (70, 85), (40, 58), (0, 28))

#: Natural logarithm of a fall by 60 dB.
_FALL = math.log(10.0**-3)

#: Partials this far below the loudest, in nepers (87 dB), are not heard and not made.
_UNHEARD = 10.0

#: Nothing is made above this.
_TOP_HZ = 15_000.0

#: The stroke's own sound is over after so long, and the string sets in this softly.
_STROKE_S, _ONSET_S = 0.35, 0.0015

#: Height of a pickup's resonance, with its cable and its pot, above what lies below it.
_PICKUP_QUALITY = 2.5

#: How far a partial may be turned against its neighbours in one period: periods are joined by cross-fades.
_MOST_TURN = 0.12


@dataclass(frozen=True, kw_only=True, slots=True)
class Voicing:
    """What kind of guitar it is."""

    key: str
    #: Where it is plucked and, on an electric one, where its pickup sits, as parts of the string; 0 for none.
    pluck: float
    pickup: float = 0.0
    #: Where the pickup resonates, in Hz; 0 for not at all.
    resonance_hz: float = 0.0
    #: Partials fall with this power of their number, and above these frequencies, struck softly and hard.
    slope: float
    soft_hz: float
    hard_hz: float
    #: Seconds in which 110 Hz falls by 60 dB, how much sooner higher strings do, and from where on partials do in less
    #: than half the time.
    fall_s: float
    fall_by_key: float = 0.8
    dull_hz: float
    #: Seconds in which a string under the palm falls by 60 dB; 0 where it is free.
    muted_s: float = 0.0
    #: Stiffness of the string: how far its partials lie above whole multiples.
    stiffness: float
    #: How unevenly partials begin, in level and phase, 0…1: even ones buzz. A box of wood sees to it otherwise.
    scatter: float = 0.0
    #: Share of the second direction in which it swings, and how far it is out of tune with the first, in Hz.
    second: float = 0.3
    beat_hz: float = 0.3
    #: Resonances of the box: Hz, quality, level. Electric ones have none.
    modes: tuple[tuple[float, float, float], ...] = ()
    #: Level of the many small ones above.
    ripple: float = 0.0
    #: Level of the box when struck, and of nail or pick, with its length and its colour.
    knock: float = 0.0
    pick: float = 0.0
    pick_s: float = 0.01
    pick_hz: float = 3_500.0
    #: Where the loudspeaker of its amplifier ends, in Hz; 0 for none.
    speaker_hz: float = 0.0
    #: Seconds in which a hand ends it.
    release_s: float = 0.25


#: By instrument. Of a box the three lowest resonances are known: air, top and both (Fletcher and Rossing, chapter 9).
VOICINGS: dict[str, Voicing] = {
    "nylon_guitar": Voicing(
        key="nylon_guitar", pluck=0.2, slope=1.0, soft_hz=1_200, hard_hz=7_000, fall_s=10.0, dull_hz=800,
        stiffness=3e-5, modes=((98, 12, 1.0), (196, 14, 1.2), (385, 18, 0.7)), ripple=0.5,
        knock=0.4, pick=0.08, pick_s=0.012,
    ),
    "steel_guitar": Voicing(
        key="steel_guitar", pluck=0.2, slope=0.9, soft_hz=2_000, hard_hz=10_000, fall_s=11.0, dull_hz=2_000,
        stiffness=8e-5, modes=((104, 12, 1.0), (205, 14, 1.2), (390, 18, 0.7)), ripple=0.5,
        knock=0.5, pick=0.13, pick_s=0.006, pick_hz=6_000,
    ),
    "jazz_guitar": Voicing(
        key="jazz_guitar", pluck=0.2, pickup=0.26, slope=1.0, soft_hz=900, hard_hz=2_800, fall_s=9.0, dull_hz=1_200,
        stiffness=6e-5, second=0.2, pick=0.04, pick_hz=2_000,
    ),
    "clean_guitar": Voicing(
        key="clean_guitar", pluck=0.1, pickup=0.1, slope=1.0, soft_hz=3_000, hard_hz=20_000, fall_s=12.0, dull_hz=1_800,
        stiffness=6e-5, second=0.2, scatter=0.7, resonance_hz=3_000, pick=0.07, pick_s=0.008, pick_hz=3_000,
        speaker_hz=5_000,
    ),
    "muted_guitar": Voicing(
        key="muted_guitar", pluck=0.2, pickup=0.18, slope=0.9, soft_hz=2_000, hard_hz=13_000, fall_s=12.0,
        dull_hz=3_500, muted_s=1.3, stiffness=1.5e-4, second=0.2, scatter=0.5, resonance_hz=3_500, pick=0.03,
        pick_s=0.008, pick_hz=3_000, speaker_hz=5_500,
    ),
}  # fmt: skip


class Guitar:
    """A guitar without a recording. Thread-safe."""

    def __init__(self, voicing: Voicing) -> None:
        self.crossfeed = 0.0
        self._voicing = voicing
        self._envelope = Envelope(attack_s=0.0, decay_s=60.0, sustain_db=0.0, release_s=voicing.release_s)

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """The tone of a note; which note of its part it is does not matter here."""
        del number
        pitch, velocity = min(max(event.pitch, 0), 127), min(max(event.velocity, 1), 127)
        touch = next(weight for least, weight in _TOUCHES if velocity >= least)
        source = CACHE.get(("guitar", self._voicing, pitch, touch), partial(_String, self._voicing, pitch, touch))
        return [touched(event, source, self._envelope, choke)]

    def exclusive_class(self, event: NoteEvent) -> int:
        """None: all strings may sound together."""
        del event
        return 0


class _String(GrowingSource):
    def __init__(self, voicing: Voicing, pitch: int, velocity: int) -> None:
        hertz = midi_to_hz(pitch)
        weight = (velocity / 127) ** 1.3
        corner_hz = voicing.soft_hz + (voicing.hard_hz - voicing.soft_hz) * weight
        number = np.arange(1, max(2, int(min(4.0 * corner_hz, _TOP_HZ) / hertz)) + 1)
        partial_hz = np.asarray(number * hertz, np.float64)
        level = np.sin(math.pi * number * voicing.pluck) / number**voicing.slope / (1 + (partial_hz / corner_hz) ** 2)
        fall_s = voicing.fall_s * (110.0 / hertz) ** voicing.fall_by_key / (1 + (partial_hz / voicing.dull_hz) ** 1.1)
        if voicing.muted_s:
            fall_s = np.minimum(fall_s, voicing.muted_s * (220.0 / hertz) ** 0.3 / (1 + (partial_hz / 1_200) ** 0.9))
        answer = _boxed(voicing, partial_hz) if voicing.modes else _electric(voicing, pitch, partial_hz)
        swing = -1j * level * answer
        self._swing = (swing / np.sqrt(np.sum(np.abs(swing) ** 2))).astype(np.complex128)
        # Decay and turn of each partial in one period, in both directions. The second gives its strength to the box
        # twice as fast, and what is left of the first rings on.
        sharp = np.minimum(2 * math.pi * number * (np.sqrt(1 + voicing.stiffness * number**2) - 1), _MOST_TURN)
        rng = rng_for(0, "guitar", voicing.key, str(pitch))
        beat = 2 * math.pi * voicing.beat_hz / hertz * rng.uniform(0.4, 1.6, len(number))
        first = _FALL / (fall_s * hertz) + 1j * sharp
        second = 2.2 * _FALL / (fall_s * hertz) + 1j * np.minimum(sharp + beat, _MOST_TURN)
        self._ways = ((first, 1 - voicing.second), (second, voicing.second))
        self._fastest = _FALL / (fall_s * hertz)
        self._hertz = hertz
        self._stroke = _stroke(voicing) * np.float32(velocity / 127)
        loudest = float(np.sum(np.abs(self._swing)) + np.abs(self._stroke).max())
        super().__init__(frames=int(1.3 * float(fall_s.max()) * SAMPLE_RATE), loudest=loudest)

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        count = self._heard(first * self._hertz / SAMPLE_RATE)
        # At least twice as many points as the highest partial needs, so that reading between them is exact enough.
        points = max(32, 1 << math.ceil(math.log2(4 * count)))
        step = points * self._hertz / SAMPLE_RATE
        positions = np.arange(first, last) * step
        whole = positions.astype(np.intp)
        part = (positions - whole).astype(np.float32)
        begin = (int(whole[0]) - 1) // points
        rows = (int(whole[-1]) + 2) // points + 2 - begin
        spectra = np.zeros((rows, points // 2 + 1), np.complex64)
        inside = spectra[:, 1 : count + 1]
        for way, share in self._ways:
            start = self._swing[:count] * np.exp(begin * way[:count]) * (share * points / 2)
            inside += start.astype(np.complex64) * np.exp(np.outer(np.arange(rows), way[:count])).astype(np.complex64)
        periods = fft.irfft(spectra, points, axis=1)
        rise = np.arange(points, dtype=np.float32) / np.float32(points)
        string = (periods[:-1] + (periods[1:] - periods[:-1]) * rise).ravel()
        whole -= begin * points
        out = hermite(string, whole, part)
        if first == 0:
            onset = round(_ONSET_S * SAMPLE_RATE)
            out[:onset] *= np.sin(np.linspace(0, math.pi / 2, onset, dtype=np.float32)) ** 2
        struck = self._stroke[first:last]
        out[: len(struck)] += struck
        return out

    def _heard(self, period: float) -> int:
        """How many partials still sound after so many periods."""
        level = np.log(np.abs(self._swing) + 1e-12) + period * self._fastest
        return int(np.flatnonzero(level > level.max() - _UNHEARD)[-1]) + 1


@lru_cache(maxsize=16)
def _box(voicing: Voicing) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Frequency, quality and level of all resonances of a box; the upper ones lie as densely as in any."""
    rng = rng_for(0, "guitar box", voicing.key)
    hertz = 230.0 * np.cumprod(np.exp(rng.uniform(0.02, 0.09, 64)))
    hertz = hertz[hertz < 6_500]
    levels = voicing.ripple * rng.normal(0.0, 1.0, len(hertz)) * (hertz / 400.0) ** -0.15
    small = np.column_stack((hertz, rng.uniform(30.0, 40.0, len(hertz)), levels))
    table = np.concatenate((np.array(voicing.modes, np.float64), small))
    return table[:, 0], table[:, 1], table[:, 2]


def _boxed(voicing: Voicing, hertz: NDArray[np.float64]) -> NDArray[np.complex128]:
    """What the box makes of a string's force at these frequencies."""
    mode, quality, level = _box(voicing)
    at = hertz[:, None]
    resonant = level * mode * at / quality / (mode**2 - at**2 + 1j * mode * at / quality)
    # Between its resonances a box answers too, evenly and a little later.
    return np.asarray(resonant.sum(axis=1) + 0.26 * np.exp(-1j * hertz * 4e-4), np.complex128)


def _electric(voicing: Voicing, pitch: int, hertz: NDArray[np.float64]) -> NDArray[np.complex128]:
    """What pickup and loudspeaker make of the partials of a string."""
    rng = rng_for(0, "guitar scatter", voicing.key, str(pitch))
    # Drawn for as many partials as there may be: those that a string has are scattered alike however it is struck.
    most = int(_TOP_HZ / midi_to_hz(0))
    turn = math.pi * voicing.scatter * rng.uniform(-1.0, 1.0, most)[: len(hertz)]
    level = 10 ** (0.25 * voicing.scatter * rng.normal(0.0, 1.0, most)[: len(hertz)].clip(-1.5, 1.5))
    answer = level * np.exp(1j * turn) * np.sin(math.pi * voicing.pickup * np.arange(1, len(hertz) + 1))
    if voicing.resonance_hz:
        above = hertz / voicing.resonance_hz
        answer /= 1 - above**2 + 1j * above / _PICKUP_QUALITY
    if voicing.speaker_hz:
        answer /= np.sqrt(1 + (hertz / voicing.speaker_hz) ** 8)
    return np.asarray(answer, np.complex128)


@lru_cache(maxsize=16)
def _stroke(voicing: Voicing) -> NDArray[np.float32]:
    """The box as a stroke makes it ring, and the noise of nail or pick."""
    time_s = np.arange(round(_STROKE_S * SAMPLE_RATE)) / SAMPLE_RATE
    noise = rng_for(0, "guitar pick", voicing.key).normal(0.0, 1.0, len(time_s))
    spectrum = np.fft.rfft(noise)
    colour = np.fft.rfftfreq(len(noise), 1 / SAMPLE_RATE) / voicing.pick_hz
    noise = np.fft.irfft(spectrum * colour / (1 + colour**2) ** 1.5, len(noise))
    stroke = voicing.pick * np.exp(-time_s / voicing.pick_s) * noise / noise.std()
    if voicing.modes:
        for mode, quality, level in zip(*_box(voicing), strict=True):
            ringing = np.exp(-math.pi * mode * time_s / quality) * np.sin(2 * math.pi * mode * time_s)
            stroke += 0.35 * voicing.knock * level * (mode / 200.0) ** -0.3 * ringing
    # It neither begins with a step nor is it cut off at its end.
    stroke *= np.minimum(1.0, time_s / _ONSET_S) * np.minimum(1.0, (_STROKE_S - time_s) / 0.05)
    return np.asarray(stroke, np.float32)
