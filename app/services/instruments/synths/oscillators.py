"""The subtractive synthesiser: oscillators, a moving low-pass, an envelope; a patch is a row of numbers.

Brightness is a cross-fade between neighbouring variants of a loop that were filtered once, by their partials.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.instruments.base import NoteEvent
from app.services.instruments.envelopes import Envelope
from app.services.instruments.pitched import hermite
from app.services.instruments.sources import CACHE, GrowingSource, Planes, Source
from app.services.instruments.synths.waves import Loops, Lowpass, Wave, make_loops
from app.services.instruments.tones import Tone
from app.utils.seeds import rng_for
from app.utils.units import midi_to_hz

#: Velocities in one step of brightness.
VELOCITY_STEP = 12
#: How loudness follows velocity: amplitude is (velocity / 127) to this power.
VELOCITY_POWER = 1.7


@dataclass(frozen=True, kw_only=True, slots=True)
class Brightness:
    """How far the filter is open, 0…1, while a note lasts."""

    base: float
    #: Added at full velocity.
    by_velocity: float = 0.3
    #: Added at note-on at full velocity, rising and falling with these time constants.
    sweep: float = 0.0
    sweep_rise_s: float = 0.002
    sweep_fall_s: float = 0.3
    #: Slow movement to both sides.
    wander: float = 0.0
    wander_hz: float = 0.1

    def at(self, time_s: NDArray[np.float64], velocity: int, phase: float) -> NDArray[np.float64]:
        """Openness at seconds after note-on; `phase` 0…1 is where the slow movement begins."""
        force = velocity / 127
        openness = np.full(len(time_s), self.base + self.by_velocity * force)
        if self.sweep:
            rise = 1.0 - np.exp(-time_s / self.sweep_rise_s)
            openness += self.sweep * (0.4 + 0.6 * force) * rise * np.exp(-time_s / self.sweep_fall_s)
        if self.wander:
            openness += self.wander * np.sin(2 * np.pi * (self.wander_hz * time_s + phase))
        return np.asarray(np.clip(openness, 0.0, 1.0), np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch:
    """A sound of the synthesiser."""

    waves: tuple[Wave, ...]
    tone: Lowpass
    brightness: Brightness
    envelope: Envelope
    #: Frames of its loops; long where detuned oscillators beat. Of free-running patches at 220 Hz: they beat the faster
    #: the higher they sound.
    loop_frames: int = 8_192
    #: How far apart the channels of a stereo patch stand, 0 (mono) to 1.
    width: float = 0.6
    #: Whether each note begins somewhere else in the loop and moves on its own.
    free_running: bool = False
    #: Depth in cents, rate and onset of a vibrato; only where notes do not run freely.
    vibrato_cents: float = 0.0
    vibrato_hz: float = 5.4
    vibrato_delay_s: float = 0.35

    @property
    def stereo(self) -> bool:
        """Whether its channels differ."""
        return any(wave.side for wave in self.waves)


class OscillatorSynth:
    """An instrument of one patch. `key` names it in the cache, `seed` scatters its free-running notes."""

    def __init__(self, key: str, patch: Patch, seed: int) -> None:
        #: A shifted third alone would cancel some of itself in mono.
        self.crossfeed = 1.0 - patch.width if patch.stereo else 0.0
        self._key = key
        self._patch = patch
        self._seed = seed

    def tones(self, event: NoteEvent, number: int, choke: int | None) -> Sequence[Tone]:
        """The tone of a note."""
        pitch, velocity = min(max(event.pitch, 0), 127), min(max(event.velocity, 1), 127)
        return [
            Tone(
                self._source(pitch, velocity, number),
                self._patch.envelope,
                start=event.start_frame,
                length=event.length_frames,
                gain=(velocity / 127) ** VELOCITY_POWER,
                choke=choke,
            )
        ]

    def exclusive_class(self, event: NoteEvent) -> int:
        """None: all notes may sound together."""
        del event
        return 0

    def _source(self, pitch: int, velocity: int, number: int) -> Source:
        loops = CACHE.get(("loops", self._key, pitch), lambda: self._loops(pitch))
        if self._patch.free_running:
            rng = rng_for(self._seed, "synth", self._key, str(number))
            offset, phase = int(rng.integers(loops.frames)), float(rng.random())
            return _FreeNote(self._patch, loops, velocity, offset, phase)
        step = min(velocity // VELOCITY_STEP * VELOCITY_STEP + VELOCITY_STEP // 2, 127)
        return CACHE.get(("note", self._key, pitch, step), lambda: _StruckNote(self._patch, loops, step))

    def _loops(self, pitch: int) -> Loops:
        patch = self._patch
        rng = rng_for(0, "loops", self._key, str(pitch)) if len(patch.waves) > 2 else None
        hertz = midi_to_hz(pitch)
        longer = min(max(220.0 / hertz, 0.4), 2.0) if patch.free_running else 1.0
        return make_loops(patch.waves, patch.tone, hertz, frames=round(patch.loop_frames * longer), rng=rng)


#: Frames between two points of the brightness curve.
_CONTROL_FRAMES = 128
_RAMP = (np.arange(_CONTROL_FRAMES) / _CONTROL_FRAMES).astype(np.float32)


def _variant_places(patch: Patch, first: int, last: int, velocity: int, phase: float) -> NDArray[np.float32]:
    """Which variant sounds at each frame, fractions between two, 0…variants − 1."""
    start, stop = first // _CONTROL_FRAMES, -(-last // _CONTROL_FRAMES) + 1
    time_s = np.arange(start, stop, dtype=np.float64) * (_CONTROL_FRAMES / SAMPLE_RATE)
    points = (patch.brightness.at(time_s, velocity, phase) * (patch.tone.variants - 1)).astype(np.float32)
    places: NDArray[np.float32] = (points[:-1, None] + np.diff(points)[:, None] * _RAMP).ravel()
    return places[first - start * _CONTROL_FRAMES : last - start * _CONTROL_FRAMES]


def _blend(loops: Loops, places: NDArray[np.float32], read: Sequence["_Reader"]) -> Planes:
    """Cross-fade neighbouring variants as `places` says; one reader a channel."""
    out = np.empty((len(read), len(places)), np.float32)
    highest = len(loops.samples) - 1
    lower = places.astype(np.int8)
    part = places - lower
    edges = [0, *(np.flatnonzero(lower[1:] != lower[:-1]) + 1).tolist(), len(places)]
    for begin, end in itertools.pairwise(edges):
        variant = int(lower[begin])
        for channel, reader in enumerate(read):
            darker = reader.part(loops, variant, begin, end)
            if variant == highest:
                out[channel, begin:end] = darker
                continue
            mixed = out[channel, begin:end]
            np.subtract(reader.part(loops, variant + 1, begin, end), darker, out=mixed)
            mixed *= part[begin:end]
            mixed += darker
    return out


class _Reader:
    """Reads a loop from a place on, at its own speed."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def part(self, loops: Loops, variant: int, begin: int, end: int) -> NDArray[np.float32]:
        """Frames `begin` to `end` after the place."""
        return loops.window(variant, self._offset + begin, end - begin)


class _BendingReader(_Reader):
    """Reads a loop at places between its frames, for vibrato."""

    def __init__(self, positions: NDArray[np.float64]) -> None:
        super().__init__(0)
        whole = np.floor(positions).astype(np.intp)
        self._part = (positions - whole).astype(np.float32)
        self._low = int(whole[0]) - 1
        self._whole = whole - self._low

    def part(self, loops: Loops, variant: int, begin: int, end: int) -> NDArray[np.float32]:
        """Frames `begin` to `end` of the positions."""
        window = loops.window(variant, self._low, int(self._whole[-1]) + 3)
        return hermite(window, self._whole[begin:end].copy(), self._part[begin:end])


class _FreeNote:
    """A note made while it is read: it begins anywhere in the loop, so keeping it would serve nobody."""

    def __init__(self, patch: Patch, loops: Loops, velocity: int, offset: int, phase: float) -> None:
        self.frames: int | None = None
        self.scale = 1.0
        self._patch, self._loops, self._velocity = patch, loops, velocity
        self._offset, self._phase = offset, phase

    @property
    def nbytes(self) -> int:
        """It holds nothing of its own."""
        return 0

    def read(self, first: int, last: int) -> Planes:
        """Frames `first` to `last`, shape (channels, last − first)."""
        places = _variant_places(self._patch, first, last, self._velocity, self._phase)
        readers = [_Reader(self._offset + first)]
        if self._patch.stereo:
            readers.append(_Reader(self._offset + first + self._loops.frames // 3))
        return _blend(self._loops, places, readers)


class _StruckNote(GrowingSource):
    """A note that begins like all notes of its pitch and weight."""

    def __init__(self, patch: Patch, loops: Loops, velocity: int) -> None:
        super().__init__(channels=2 if patch.stereo else 1)
        self._patch, self._loops, self._velocity = patch, loops, velocity

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        patch = self._patch
        places = _variant_places(patch, first, last, self._velocity, 0.0)
        shifts = (0, self._loops.frames // 3) if patch.stereo else (0,)
        if not patch.vibrato_cents:
            return _blend(self._loops, places, [_Reader(first + shift) for shift in shifts])
        positions = self._positions(first, last)
        return _blend(self._loops, places, [_BendingReader(positions + shift) for shift in shifts])

    def _positions(self, first: int, last: int) -> NDArray[np.float64]:
        """Places in the loop with vibrato: the integral of a sine that grows in over half a second."""
        patch = self._patch
        time_s = np.arange(first, last) / SAMPLE_RATE
        depth = patch.vibrato_cents / 1200 * np.log(2.0) * SAMPLE_RATE / (2 * np.pi * patch.vibrato_hz)
        grown = np.clip((time_s - patch.vibrato_delay_s) / 0.5, 0.0, 1.0)
        waving = 1.0 - np.cos(2 * np.pi * patch.vibrato_hz * np.maximum(time_s - patch.vibrato_delay_s, 0.0))
        return np.asarray(np.arange(first, last) + depth * grown * waving + 2.0, np.float64)
