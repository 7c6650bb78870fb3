"""Bowed strings, for fonts that hold only a few periods of each: a pitch goes in, a string under the bow comes out.

The bow makes a sawtooth of the string (Helmholtz), whose pitch the left hand lets swing once a note has begun. The
body's resonances stand still meanwhile, so each partial grows and fades as it swings across them: that, and the noise
of the bow, is what an ear knows a violin by (Fletcher and Rossing, *The Physics of Musical Instruments*, chapter 10;
Mellody and Wakefield, *The time-frequency characteristics of violin vibrato*, JASA 107, 2000).
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
from app.services.instruments.sources import CACHE, CHUNK_FRAMES, LONG_RING, GrowingSource
from app.services.instruments.synths.touch import touched
from app.services.instruments.tones import Tone
from app.utils.seeds import rng_for
from app.utils.units import midi_to_hz

#: Weights of touch, each with the velocity it starts at and the one that its colour is made for, as in sampled ones.
_TOUCHES = ((100, 116), (40, 76), (0, 28))

#: Nothing is made above this.
_TOP_HZ = 14_000.0

#: Frames between two looks at what moves the pitch, and as many of them as are made before a long note goes round.
_CONTROL = 64
_CONTROLS = LONG_RING.start // _CONTROL + 2 * CHUNK_FRAMES // _CONTROL + LONG_RING.seam // _CONTROL

#: Frames that a body rings on.
_BODY = 2_048

#: Frames that are sent through it at once.
_SIZE = fft.next_fast_len(CHUNK_FRAMES + _BODY, real=True)

#: Releases are times of a fall by 96 dB; to the ear a body is silent after a third of it.
_RELEASES = 3.0

#: The hand begins to swing after so long, and is in full swing after so long again.
_STILL_S, _SWELL_S = 0.05, 0.2

#: Slow wandering of the pitch, in cents; the bow's noise, and how much more of it there is while it catches the string.
_WANDER_CENTS = 2.5
_HISS, _CATCH, _CATCH_S = 0.03, 0.12, 0.035


@dataclass(frozen=True, kw_only=True, slots=True)
class Bowing:
    """What kind of fiddle it is."""

    key: str
    #: Its air's and its two wooden resonances, and the hill of its bridge, in Hz.
    air_hz: float
    wood_hz: tuple[float, float]
    hill_hz: float
    #: How fast and how far the hand swings.
    vibrato_hz: float
    vibrato_cents: float
    #: Seconds in which the bow has caught the string, and in which it rings on.
    attack_s: float
    release_s: float


#: By instrument. Resonances after Jansson, *Acoustics for Violin and Guitar Makers*, and Fletcher and Rossing.
BOWINGS: dict[str, Bowing] = {
    "violin": Bowing(
        key="violin", air_hz=275, wood_hz=(450, 540), hill_hz=2_500, vibrato_hz=5.9, vibrato_cents=28,
        attack_s=0.09, release_s=0.14,
    ),
    "fiddle": Bowing(
        key="fiddle", air_hz=280, wood_hz=(460, 550), hill_hz=2_700, vibrato_hz=5.6, vibrato_cents=12,
        attack_s=0.06, release_s=0.1,
    ),
    "viola": Bowing(
        key="viola", air_hz=225, wood_hz=(350, 430), hill_hz=2_000, vibrato_hz=5.5, vibrato_cents=26,
        attack_s=0.1, release_s=0.16,
    ),
    "cello": Bowing(
        key="cello", air_hz=102, wood_hz=(176, 203), hill_hz=1_500, vibrato_hz=5.2, vibrato_cents=24,
        attack_s=0.11, release_s=0.2,
    ),
    "contrabass": Bowing(
        key="contrabass", air_hz=62, wood_hz=(98, 120), hill_hz=900, vibrato_hz=4.6, vibrato_cents=14,
        attack_s=0.12, release_s=0.22,
    ),
}  # fmt: skip


class Fiddle:
    """A bowed instrument without a recording. Thread-safe."""

    def __init__(self, bowing: Bowing) -> None:
        self.crossfeed = 0.0
        self._bowing = bowing
        self._envelope = Envelope(
            attack_s=bowing.attack_s, decay_s=1.0, sustain_db=0.0, release_s=bowing.release_s * _RELEASES
        )

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """The tone of a note; which note of its part it is does not matter here."""
        del number
        pitch, velocity = min(max(event.pitch, 0), 127), min(max(event.velocity, 1), 127)
        touch = next(weight for least, weight in _TOUCHES if velocity >= least)
        source = CACHE.get(("bowed", self._bowing, pitch, touch), partial(_String, self._bowing, pitch, touch))
        return [touched(event, source, self._envelope, choke)]

    def exclusive_class(self, event: NoteEvent) -> int:
        """None: two strings may sound together."""
        del event
        return 0


class _String(GrowingSource):
    def __init__(self, bowing: Bowing, pitch: int, velocity: int) -> None:
        hertz = midi_to_hz(pitch)
        number = np.arange(1, max(2, int(_TOP_HZ / hertz)) + 1)
        # The harder the bow, the sharper the corner that runs round the string.
        corner_hz = bowing.hill_hz * (0.6 + 1.4 * velocity / 127)
        level = 1 / number / (1 + (number * hertz / corner_hz) ** 2)
        points = max(64, 1 << math.ceil(math.log2(4 * len(number))))
        spectrum = np.zeros(points // 2 + 1, np.complex128)
        spectrum[1 : len(number) + 1] = -1j * level
        wave = fft.irfft(spectrum, points)
        body = _body(bowing)
        # As loud after the body as other pitches are.
        grid = np.abs(body[np.clip(np.round(number * hertz / SAMPLE_RATE * _SIZE).astype(int), 0, len(body) - 1)])
        wave /= np.sqrt(np.sum((level * grid) ** 2) / 2) * 2 / points
        self._wave = np.concatenate((wave[-1:], wave, wave[:2])).astype(np.float32)
        self._points = points
        self._body = body
        self._hiss = np.float32(_HISS / np.sqrt(np.mean(np.abs(body) ** 2)))
        self._name = (bowing.key, str(pitch))
        self._phase = np.concatenate(([0.0], np.cumsum(_swinging(bowing, pitch) * hertz * _CONTROL / SAMPLE_RATE)))
        super().__init__(frames=None, loudest=8.0)

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        begin = first - _BODY
        frames = np.arange(begin, last)
        phase = np.interp(frames / _CONTROL, np.arange(len(self._phase)), self._phase)
        place = (phase % 1.0) * self._points
        whole = place.astype(np.intp)
        part = (place - whole).astype(np.float32)
        whole += 1
        bowed = hermite(self._wave, whole, part)
        bowed += self._noise(begin, last)
        bowed[frames < 0] = 0.0
        ringing = fft.irfft(fft.rfft(bowed, _SIZE) * self._body, _SIZE)
        return np.asarray(ringing[_BODY : last - begin], np.float32)

    def _noise(self, begin: int, last: int) -> NDArray[np.float32]:
        made = [
            rng_for(0, "bow", *self._name, str(chunk)).standard_normal(CHUNK_FRAMES, np.float32)
            for chunk in range(max(begin, 0) // CHUNK_FRAMES, -(-last // CHUNK_FRAMES))
        ]
        noise = np.concatenate(made)
        offset = max(begin, 0) % CHUNK_FRAMES
        noise = noise[offset : offset + last - max(begin, 0)]
        if begin < 0:
            noise = np.concatenate((np.zeros(-begin, np.float32), noise))
        time_s = np.maximum(np.arange(begin, last), 0) / SAMPLE_RATE
        strength = 1 + _CATCH / _HISS * np.exp(-time_s / _CATCH_S)
        return np.asarray(noise * (strength * self._hiss), np.float32)


def _swinging(bowing: Bowing, pitch: int) -> NDArray[np.float64]:
    """What the pitch is multiplied with at each control step: the hand never swings quite evenly."""
    rng = rng_for(0, "vibrato", bowing.key, str(pitch))
    time_s = np.arange(_CONTROLS) * _CONTROL / SAMPLE_RATE
    swell = np.clip((time_s - _STILL_S) / _SWELL_S, 0.0, 1.0)
    uneven = 1 + 0.06 * np.sin(2 * math.pi * rng.uniform(0.3, 0.6) * time_s + rng.uniform(0, 6))
    turn = 2 * math.pi * bowing.vibrato_hz * rng.uniform(0.95, 1.05) * time_s + 0.5 * np.sin(
        2 * math.pi * rng.uniform(0.2, 0.5) * time_s
    )
    cents = bowing.vibrato_cents * swell * uneven * np.sin(turn)
    for _ in range(3):
        cents += _WANDER_CENTS / 2 * np.sin(2 * math.pi * rng.uniform(0.3, 3.0) * time_s + rng.uniform(0, 6))
    return np.asarray(np.exp2(cents / 1200), np.float64)


@lru_cache(maxsize=8)
def _body(bowing: Bowing) -> NDArray[np.complex64]:
    """What a body makes of the strings' force, on the grid of the transform it is used in."""
    rng = rng_for(0, "fiddle body", bowing.key)
    hertz = np.fft.rfftfreq(2 * _SIZE, 1 / SAMPLE_RATE)
    small = bowing.wood_hz[1] * 1.35 * np.cumprod(np.exp(rng.uniform(0.03, 0.11, 60)))
    small = small[small < 9_000]
    hill = 0.3 * (bowing.wood_hz[1] / small) ** 0.4 + 0.55 / (
        1 + ((small - bowing.hill_hz) / (0.4 * bowing.hill_hz)) ** 2
    )
    rows = [(bowing.air_hz, 8.0, 1.3), (bowing.wood_hz[0], 10.0, 1.3), (bowing.wood_hz[1], 10.0, -1.4)]
    rows += zip(
        small.tolist(), rng.uniform(18, 35, len(small)).tolist(), (hill * rng.choice((-1, 1), len(small))).tolist(),
        strict=True,
    )  # fmt: skip
    answer = np.full(len(hertz), 0.12, np.complex128)
    for mode, quality, level in rows:
        answer += level * 1j * mode * hertz / quality / (mode**2 - hertz**2 + 1j * mode * hertz / quality)
    answer *= hertz / np.sqrt(hertz**2 + (0.7 * bowing.air_hz) ** 2)
    impulse = np.fft.irfft(answer)[:_BODY]
    impulse[-512:] *= np.linspace(1.0, 0.0, 512)
    return np.asarray(np.fft.rfft(impulse, _SIZE), np.complex64)
