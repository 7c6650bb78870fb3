"""Sounds without a pitch that go on for as long as they are held: a record's surface, rain, wind, the sea.

Each is one loop without a seam; a held note reads it from where the piece stands, so that the same rain falls however
often it is struck.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from app.models.audio import SAMPLE_RATE
from app.services.instruments.base import NoteEvent
from app.services.instruments.envelopes import Envelope
from app.services.instruments.sources import CACHE, Kept, Planes
from app.services.instruments.synths.touch import touched
from app.services.instruments.tones import Tone
from app.utils.seeds import rng_for

#: Seconds that a record of 33⅓ turns a minute takes for one.
_TURN_S = 1.8
_TOP_HZ = 17_000.0
#: No drop is louder than so many usual ones.
_LARGEST_DROP = 2.5
#: Frames between two points of what changes slowly.
_STEP = 256

Wave = NDArray[np.float32]


class _Round:
    """A stereo loop to be read for ever, from a frame of the piece on."""

    def __init__(self, samples: Planes, offset: int = 0) -> None:
        self.frames: int | None = None
        self.scale = 1.0
        self._samples = samples
        self._offset = offset

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        return self._samples.nbytes

    def beginning(self, frame: int) -> "_Round":
        """The same loop, read from another place on."""
        return _Round(self._samples, frame)

    def read(self, first: int, last: int) -> Kept:
        """Frames `first` to `last`, shape (2, last − first)."""
        size = self._samples.shape[1]
        at = (first + self._offset) % size
        if at + last - first <= size:
            return self._samples[:, at : at + last - first]
        return np.take(self._samples, np.arange(at, at + last - first), axis=1, mode="wrap")


class TextureSynth:
    """One texture as an instrument; pitch means nothing to it."""

    def __init__(self, key: str, make: Callable[[np.random.Generator], Planes], envelope: Envelope) -> None:
        self.crossfeed = 0.0
        self._key, self._make, self._envelope = key, make, envelope

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """The texture for as long as the note lasts; which of its part it is does not matter."""
        del number
        loop = CACHE.get(("texture", self._key), lambda: _Round(self._make(rng_for(0, "texture", self._key))))
        return [touched(event, loop.beginning(event.start_frame), self._envelope, choke)]

    def exclusive_class(self, event: NoteEvent) -> int:
        """None: notes that touch are one by now, and what has ended fades under what begins."""
        del event
        return 0


def _shaped(rng: np.random.Generator, size: int, gains: Callable[[Wave], Wave]) -> Wave:
    """Endless noise of power 1 whose partials have the gains of their frequencies (in Hz); shape (size,)."""
    hertz = np.arange(1, size // 2 + 1, dtype=np.float32) * np.float32(SAMPLE_RATE / size)
    chance = rng.standard_normal(2 * len(hertz), np.float32).view(np.complex64)
    chance *= gains(hertz) * np.clip((_TOP_HZ - hertz) / 2_000.0, 0.0, 1.0, dtype=np.float32)
    chance *= np.float32(size / np.sqrt(2 * np.vdot(chance, chance).real))
    return np.asarray(fft.irfft(np.concatenate((np.zeros(1, np.complex64), chance)), size), np.float32)


def _band(low_hz: float, high_hz: float, order: float = 2.0) -> Callable[[Wave], Wave]:
    """Gains of a band-pass with soft edges, `order` times 6 dB an octave."""

    def gains(hertz: Wave) -> Wave:
        edges = 1 + np.float32(low_hz / high_hz) ** 2 + (np.float32(low_hz) / hertz) ** 2
        return np.asarray((edges + (hertz / np.float32(high_hz)) ** 2) ** np.float32(-order / 2), np.float32)

    return gains


def _wide(make: Callable[[], Wave], width: float) -> Wave:
    """Two noises as a middle and a side, so that mono keeps most; shape (2, size)."""
    mid, side = make(), make() * width
    return np.stack((mid + side, mid - side))


def _slow(rng: np.random.Generator, size: int, fewest: int, most: int) -> Wave:
    """A slow wandering between about −1 and 1 that closes after `size` frames, of so many cycles."""
    turns = 2 * np.pi * np.arange(0, size, _STEP) / size
    waves = [np.cos(cycles * turns + 2 * np.pi * rng.random()) for cycles in range(fewest, most + 1)]
    return _between(np.sum(waves, axis=0) / np.sqrt(len(waves)), size)


def _between(points: NDArray[np.float64], size: int) -> Wave:
    """A curve of `size` frames from a point each `_STEP` frames, that ends where it begins."""
    frames = np.arange(size, dtype=np.float32)
    return np.asarray(np.interp(frames, np.arange(len(points) + 1) * _STEP, [*points, points[0]]), np.float32)


def _drops(
    rng: np.random.Generator, size: int, *, a_second: float, hertz: tuple[float, float], fall_ms: float, spread: float,
    kinds: int = 6,
) -> Wave:  # fmt: skip
    """Short ringing drops at random places, levels and sides, round the loop; shape (2, size)."""
    out = np.zeros((2, size), np.float32)
    time_s = np.arange(round(0.008 * fall_ms * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    for _ in range(kinds):
        tone_hz = np.exp(rng.uniform(*np.log(hertz)))
        # As a bubble closes, its tone climbs.
        drop = np.sin(2 * np.pi * tone_hz * time_s * (1 + 60.0 * time_s)) * np.exp(-time_s / (fall_ms / 1000))
        drop *= np.minimum(time_s / 1.5e-4, 1.0)
        count = round(a_second * size / SAMPLE_RATE / kinds)
        level = np.minimum(rng.lognormal(-0.5, spread, count), _LARGEST_DROP) * rng.choice((-1.0, 1.0), count)
        side = rng.uniform(-0.7, 0.7, count)
        place = (rng.integers(0, size, count)[:, np.newaxis] + np.arange(len(drop))) % size
        for channel, gain in enumerate((1 - side, 1 + side)):
            np.add.at(out[channel], place, np.outer(level * gain, drop).astype(np.float32))
    return out


def _finished(samples: Wave) -> Planes:
    """As it is kept: without DC, its power that of a quiet tone."""
    samples = samples - samples.mean(axis=1, keepdims=True)
    return np.asarray(samples * (0.1 / np.sqrt(np.mean(samples**2))), np.float32)


def vinyl_surface(rng: np.random.Generator) -> Planes:
    """Five turns of a well-loved record: dust, a few scratches that come round each turn, hiss and a little rumble."""
    turn = round(_TURN_S * SAMPLE_RATE)
    size = 5 * turn
    hiss = _wide(lambda: _shaped(rng, size, _band(900.0, 9_000.0, 1.2)), 0.5) * 0.0042
    rumble = _wide(lambda: _shaped(rng, size, _band(35.0, 120.0, 3.0)), 0.2) * 0.0008
    dust = _drops(rng, size, a_second=26.0, hertz=(1_800.0, 6_500.0), fall_ms=0.35, spread=0.9) * 0.06
    pops = _drops(rng, size, a_second=1.4, hertz=(500.0, 1_600.0), fall_ms=1.1, spread=0.4) * 0.07
    scratch = _drops(rng, turn, a_second=2.2, hertz=(1_000.0, 3_000.0), fall_ms=0.7, spread=0.2, kinds=2) * 0.06
    return _finished(hiss + rumble + dust + pops + np.tile(scratch, 5))


def rain_falling(rng: np.random.Generator) -> Planes:
    """Steady rain: the hush of thousands of drops, and the nearer ones that are heard alone."""
    size = 11 * SAMPLE_RATE
    hush = _wide(lambda: _shaped(rng, size, _band(500.0, 5_500.0, 1.4)), 0.5)
    hush *= 1.0 + 0.18 * _slow(rng, size, 2, 9)
    far = _drops(rng, size, a_second=160.0, hertz=(2_200.0, 7_500.0), fall_ms=0.8, spread=0.6, kinds=12)
    near = _drops(rng, size, a_second=14.0, hertz=(900.0, 2_600.0), fall_ms=4.0, spread=0.6, kinds=9) * 0.9
    return _finished(0.26 * hush + far + near)


def wind_blowing(rng: np.random.Generator) -> Planes:
    """Gusts of air that whistle a little as they come and go."""
    size = 12 * SAMPLE_RATE
    low = _wide(lambda: _shaped(rng, size, _band(110.0, 420.0, 2.5)), 0.6)
    gust = np.clip(0.55 + 0.45 * _slow(rng, size, 1, 6), 0.05, 2.0)
    made = low * gust
    for centre_hz in (520.0, 690.0, 910.0, 1_240.0):
        whistle = _shaped(rng, size, _band(centre_hz, centre_hz, 9.0))
        made += whistle * (0.3 * np.clip(_slow(rng, size, 2, 11) + 0.25 * (gust - 0.8), 0.0, 1.6) * gust)
    return _finished(made)


def sea_rolling(rng: np.random.Generator) -> Planes:
    """Waves on a beach: each swells, breaks brightly and draws back; three to a loop, no two alike."""
    size = 18 * SAMPLE_RATE
    time_s = np.arange(0, size, _STEP) / SAMPLE_RATE
    deep = _wide(lambda: _shaped(rng, size, _band(70.0, 500.0, 2.0)), 0.6)
    surf = _wide(lambda: _shaped(rng, size, _band(350.0, 3_800.0, 1.3)), 0.5)
    foam = _wide(lambda: _shaped(rng, size, _band(2_500.0, 8_000.0, 1.5)), 0.6)
    swell, hiss = np.full(len(time_s), 0.06), np.full(len(time_s), 0.01)
    for number in range(3):
        since_s = (time_s - 6.0 * number - rng.uniform(-0.7, 0.7)) % 18.0
        level = rng.uniform(0.75, 1.1)
        swell += level * np.clip(since_s / 2.4, 0.0, 1.0) ** 2 * np.exp(-np.maximum(since_s - 2.4, 0.0) / 1.1)
        hiss += level * np.clip((since_s - 1.7) / 1.2, 0.0, 1.0) ** 2 * np.exp(-np.maximum(since_s - 2.9, 0.0) / 1.7)
    rising = _between(swell, size)
    return _finished(0.5 * deep * rising + 0.7 * surf * rising + 0.3 * foam * _between(hiss, size))


def _open(key: str, make: Callable[[np.random.Generator], Planes], attack_s: float, release_s: float) -> TextureSynth:
    return TextureSynth(key, make, Envelope(attack_s=attack_s, decay_s=1_000.0, release_s=release_s))


#: Textures by key, each with what opens it.
TEXTURES: dict[str, Callable[[], TextureSynth]] = {
    "vinyl_crackle": partial(_open, "vinyl_crackle", vinyl_surface, 0.15, 2.0),
    "rain": partial(_open, "rain", rain_falling, 0.5, 4.0),
    "wind": partial(_open, "wind", wind_blowing, 0.9, 5.0),
    "sea_waves": partial(_open, "sea_waves", sea_rolling, 0.6, 5.0),
}
