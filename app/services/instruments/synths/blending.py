"""Notes of the subtractive synthesiser: loops of a pitch and a curve of brightness go in, a source comes out.

Brightness is a cross-fade between neighbouring variants of a loop that were filtered once, by their partials.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expi

from app.models.audio import SAMPLE_RATE
from app.services.instruments.pitched import hermite
from app.services.instruments.sources import GrowingSource, Planes
from app.services.instruments.synths.patch import Patch
from app.services.instruments.synths.waves import Loops

#: Frames between two points of the brightness curve.
_CONTROL_FRAMES = 128
_RAMP = (np.arange(_CONTROL_FRAMES) / _CONTROL_FRAMES).astype(np.float32)


class Curve(GrowingSource):
    """Which two neighbouring variants sound between two points of the brightness curve, and how much of the brighter.

    Its frames are those stretches, its rows: the darker variant of the pair, and the part of the brighter one (0…1) at
    the stretch's first and last point. Where brightness leaps over a variant, it stays at one of the pair for the three
    milliseconds of a stretch.
    """

    def __init__(self, patch: Patch, velocity: int, phase: float) -> None:
        super().__init__(channels=3)
        self._patch, self._velocity, self._phase = patch, velocity, phase

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        time_s = np.arange(first, last + 1, dtype=np.float64) * (_CONTROL_FRAMES / SAMPLE_RATE)
        highest = self._patch.tone.variants - 1
        points = self._patch.brightness.at(time_s, self._velocity, self._phase) * highest
        darker = np.minimum(np.floor(0.5 * (points[:-1] + points[1:])), max(highest - 1, 0))
        parts = np.clip((points[:-1] - darker, points[1:] - darker), 0.0, 1.0)
        return np.vstack((darker, parts)).astype(np.float32)


class _Mixture:
    """A note's variants from frame `first` to `last`, spread out over frames."""

    def __init__(self, curve: Curve, first: int, last: int) -> None:
        start, stop = first // _CONTROL_FRAMES, -(-last // _CONTROL_FRAMES)
        darker, from_, to = curve.read(start, stop)
        ramps = (to - from_)[:, np.newaxis] * _RAMP
        ramps += from_[:, np.newaxis]
        skipped = first - start * _CONTROL_FRAMES
        #: Part of the brighter variant at each frame, 0…1.
        self.part: NDArray[np.float32] = ramps.ravel()[skipped : skipped + last - first]
        turns = np.flatnonzero(darker[1:] != darker[:-1]) + 1
        edges = [0, *(turns * _CONTROL_FRAMES - skipped).tolist(), last - first]
        #: (begin, end, darker variant) of each stretch in which the pair stays.
        self.stretches = [
            (begin, end, int(darker[(begin + skipped) // _CONTROL_FRAMES])) for begin, end in itertools.pairwise(edges)
        ]


def _blend(loops: Loops, mixture: _Mixture, read: Sequence["_Reader"]) -> Planes:
    """Neighbouring variants mixed; one reader a channel."""
    out = np.empty((len(read), len(mixture.part)), np.float32)
    for begin, end, variant in mixture.stretches:
        for channel, reader in enumerate(read):
            darker = reader.part(loops, variant, begin, end)
            mixed = out[channel, begin:end]
            if loops.variants == 1:
                mixed[:] = darker
                continue
            np.subtract(reader.part(loops, variant + 1, begin, end), darker, out=mixed)
            mixed *= mixture.part[begin:end]
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
    """Reads a loop at places between its frames, for vibrato and slides."""

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


class FreeNote:
    """A note made while it is read: it begins anywhere in the loop, so keeping it would serve nobody."""

    def __init__(self, patch: Patch, loops: Loops, curve: Curve, offset: int) -> None:
        self.frames: int | None = None
        self.scale = 1.0
        self._stereo, self._loops, self._curve, self._offset = patch.stereo, loops, curve, offset

    @property
    def nbytes(self) -> int:
        """It holds nothing of its own."""
        return 0

    def read(self, first: int, last: int) -> Planes:
        """Frames `first` to `last`, shape (channels, last − first)."""
        readers = [_Reader(self._offset + first)]
        if self._stereo:
            readers.append(_Reader(self._offset + first + self._loops.frames // 3))
        return _blend(self._loops, _Mixture(self._curve, first, last), readers)


@dataclass(frozen=True, slots=True)
class Bend:
    """A pitch that begins some cents away and comes to its goal as a capacitor does to its charge."""

    cents: float
    #: Time constant in seconds.
    fall_s: float

    #: After so many time constants nothing is left of it.
    _OVER = 30.0

    @property
    def ahead(self) -> float:
        """Frames by which the whole bend gets ahead of a steady pitch; below 0 it stays behind."""
        return float(self.lead(np.array([self._OVER * self.fall_s * SAMPLE_RATE]))[0])

    def over(self, frame: int) -> bool:
        """Whether the pitch stands still from this frame on."""
        return frame >= self._OVER * self.fall_s * SAMPLE_RATE

    def lead(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        """Frames by which it has got ahead: the integral of exp(k·exp(−t/τ)) − 1, by the exponential integral."""
        depth, constant = self.cents / 1200 * math.log(2.0), self.fall_s * SAMPLE_RATE
        gone = np.minimum(frames / constant, self._OVER)
        return np.asarray(constant * (expi(depth) - expi(depth * np.exp(-gone)) - gone), np.float64)


class StruckNote(GrowingSource):
    """A note that begins like all notes of its pitch and weight."""

    def __init__(self, patch: Patch, loops: Loops, curve: Curve, slide: int = 0) -> None:
        """`slide` is how many semitones above its pitch (below: less than 0) a slide to it begins."""
        super().__init__(channels=2 if patch.stereo else 1)
        self._patch, self._loops, self._curve = patch, loops, curve
        self._bends = tuple(
            bend
            for bend in (Bend(100.0 * slide, patch.glide_s / 2), Bend(patch.drop_cents, patch.drop_s))
            if bend.cents
        )
        ahead = sum(bend.ahead for bend in self._bends)
        #: Where it ends up in the loop against a steady note: a whole number, so that it needs no interpolation then.
        self._arrives = math.ceil(ahead) + 2
        self._begins = self._arrives - ahead

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        patch = self._patch
        mixture = _Mixture(self._curve, first, last)
        shifts = (0, self._loops.frames // 3) if patch.stereo else (0,)
        if not patch.vibrato_cents and all(bend.over(first) for bend in self._bends):
            start = first + self._arrives if self._bends else first
            return _blend(self._loops, mixture, [_Reader(start + shift) for shift in shifts])
        positions = self._positions(first, last)
        return _blend(self._loops, mixture, [_BendingReader(positions + shift) for shift in shifts])

    def _positions(self, first: int, last: int) -> NDArray[np.float64]:
        """Places in the loop with what bends the pitch: slides, and a vibrato that grows in over half a second."""
        patch = self._patch
        frames = np.arange(first, last, dtype=np.float64)
        positions = frames + self._begins
        for bend in self._bends:
            positions += bend.lead(frames)
        if patch.vibrato_cents:
            time_s = frames / SAMPLE_RATE
            depth = patch.vibrato_cents / 1200 * np.log(2.0) * SAMPLE_RATE / (2 * np.pi * patch.vibrato_hz)
            grown = np.clip((time_s - patch.vibrato_delay_s) / 0.5, 0.0, 1.0)
            waving = 1.0 - np.cos(2 * np.pi * patch.vibrato_hz * np.maximum(time_s - patch.vibrato_delay_s, 0.0))
            positions += depth * grown * waving
        return positions
