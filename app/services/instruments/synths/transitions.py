"""What leads into a section and what it bursts with: a riser as long as its note, and an impact with its long fall.

Noise is shaped frame by frame on its spectrum, so a sweep costs a few transforms and no filter that runs on samples.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from app.models.audio import SAMPLE_RATE
from app.services.instruments.base import NoteEvent
from app.services.instruments.envelopes import Envelope
from app.services.instruments.sources import CACHE, FixedSource, Planes
from app.services.instruments.synths.drum_tools import falling, seconds, swept_sine
from app.services.instruments.synths.touch import touched
from app.services.instruments.tones import Tone
from app.services.theory.instruments import RISER_PITCH
from app.utils.seeds import rng_for

Wave = NDArray[np.float64]

#: Frames of a spectrum, and from one to the next.
_WINDOW, _HOP = 2_048, 1_024
#: How much wider than its middle the noise is.
_WIDTH = 0.6
#: A riser stops so short of the beat it leads to, in seconds: a breath before the burst.
_BREATH_S = 0.012
_LONGEST_S, _SHORTEST_S = 16.0, 0.15
_IMPACT_S = 5.0
#: A turn, for the whistle's wave.
_TURN = np.linspace(0.0, 1.0, 513)
_ENVELOPE = Envelope(attack_s=0.0, decay_s=1_000.0, release_s=1_000.0)


class Transitions:
    """Risers at one key, impacts at all above it; notes may be as long as they like."""

    def __init__(self) -> None:
        self.crossfeed = 0.0

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """The riser or impact of a note; which of its part it is does not matter."""
        del number
        if event.pitch <= RISER_PITCH:
            length_s = round(min(max(event.length_frames / SAMPLE_RATE, _SHORTEST_S), _LONGEST_S), 3)
            source = CACHE.get(("riser", length_s), lambda: FixedSource(rising(length_s)))
        else:
            source = CACHE.get(("impact",), lambda: FixedSource(impact()))
        return [touched(event, source, _ENVELOPE, choke)]

    def exclusive_class(self, event: NoteEvent) -> int:
        """None: an impact falls on while the next riser begins."""
        del event
        return 0


def rising(length_s: float) -> Planes:
    """Noise that climbs from a rumble to a hiss and swells by 36 dB, a whistle inside it; shape (2, frames)."""
    rng = rng_for(0, "riser")
    frames = round(length_s * SAMPLE_RATE)

    def gains(part: Wave, hertz: Wave) -> Wave:
        centre_hz = 180.0 * 45.0**part
        return np.asarray(1.0 / (1.0 + ((hertz / centre_hz - centre_hz / hertz) * 0.55) ** 2))

    wave = _swept_noise(rng, frames, gains)
    along = np.linspace(0.0, 1.0, frames)
    # Two octaves up, in equal steps to the ear: the integral of 220·4^t.
    turns = 220.0 * length_s / np.log(4.0) * (np.exp2(2.0 * along) - 1.0)
    turns -= np.floor(turns)
    wave += np.interp(turns, _TURN, 0.12 * np.sin(2 * np.pi * _TURN) + 0.06 * np.sin(4 * np.pi * _TURN)) * along
    # What swells and trembles, faster and faster, is slow enough for a point each millisecond.
    part = np.linspace(0.0, 1.0, max(2, round(1_000 * length_s)))
    trembling = 0.5 + 0.5 * np.sin(2 * np.pi * length_s * (2.0 * part + 10.0 / 3.0 * part**3))
    level = 10.0 ** (-36.0 / 20 * (1.0 - part) ** 0.8) * (1.0 - 0.35 * part * trembling)
    wave *= np.interp(along, part, level)
    return _finished(wave, fall_s=min(_BREATH_S, length_s / 8), level=0.30)


def impact() -> Planes:
    """A deep stroke, a burst of noise that darkens, and a long fall; shape (2, frames)."""
    rng = rng_for(0, "impact")
    time_s = seconds(_IMPACT_S)

    def gains(part: Wave, hertz: Wave) -> Wave:
        edge_hz = 250.0 + 9_000.0 * np.exp(-7.0 * part)
        return np.asarray((1.0 + (90.0 / hertz) ** 2) ** -0.5 / (1.0 + (hertz / edge_hz) ** 2))

    burst = _swept_noise(rng, len(time_s), gains) * (0.75 * falling(time_s, 1.4) + 0.3 * falling(time_s, 7.0))
    boom = np.tanh(1.8 * swept_sine(time_s, 120.0, 38.0, 0.07)) * falling(time_s, 2.6)
    return _finished(0.55 * burst + boom, fall_s=0.4, level=0.62)


def _swept_noise(rng: np.random.Generator, frames: int, gains: Callable[[Wave, Wave], Wave]) -> Wave:
    """Stereo noise of power about 1, its spectrum shaped by `gains` of (part of the way 0…1, Hz); shape (2, frames)."""
    count = -(-frames // _HOP) + 1
    hertz = np.arange(_WINDOW // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / _WINDOW)
    hertz[0] = hertz[1]
    shape = gains(np.arange(count)[:, np.newaxis] / max(count - 1, 1), hertz)
    shape[:, 0] = 0.0
    shape *= np.clip((17_500.0 - hertz) / 2_500.0, 0.0, 1.0)
    shape /= np.sqrt(np.mean(shape**2, axis=1, keepdims=True))
    window = np.sqrt(_WINDOW / 2) * np.sin(np.pi * (np.arange(_WINDOW) + 0.5) / _WINDOW)
    out = np.zeros((2, (count + 1) * _HOP))
    for channel in range(2):
        noise = rng.standard_normal((count, 2 * (_WINDOW // 2 + 1)), np.float32).view(np.complex64)
        noise *= shape
        pieces = fft.irfft(noise, _WINDOW, axis=1) * window
        out[channel, : count * _HOP] += pieces[:, :_HOP].ravel()
        out[channel, _HOP:] += pieces[:, _HOP:].ravel()
    mid, side = out[0], _WIDTH * out[1]
    return np.stack((mid + side, mid - side))[:, _HOP // 2 : _HOP // 2 + frames]


def _finished(wave: Wave, *, fall_s: float, level: float) -> Planes:
    """As it is kept: without DC, without clicks at its ends, at a level."""
    rise, fall = 64, max(32, round(fall_s * SAMPLE_RATE))
    shape = np.ones(wave.shape[1])
    shape[:rise] = 0.5 - 0.5 * np.cos(np.pi * np.arange(rise) / rise)
    shape[-fall:] = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fall + 1) / fall)
    wave = wave * shape
    wave -= shape * (wave.sum(axis=1, keepdims=True) / shape.sum())
    return np.asarray(wave * level, np.float32)
