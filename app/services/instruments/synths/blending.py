"""Notes of the subtractive synthesiser: loops of a pitch and a curve of brightness go in, a source comes out.

Brightness is a cross-fade between neighbouring variants of a loop that were filtered once, by their partials.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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


class StruckNote(GrowingSource):
    """A note that begins like all notes of its pitch and weight."""

    def __init__(self, patch: Patch, loops: Loops, curve: Curve) -> None:
        super().__init__(channels=2 if patch.stereo else 1)
        self._patch, self._loops, self._curve = patch, loops, curve

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        patch = self._patch
        mixture = _Mixture(self._curve, first, last)
        shifts = (0, self._loops.frames // 3) if patch.stereo else (0,)
        if not patch.vibrato_cents:
            return _blend(self._loops, mixture, [_Reader(first + shift) for shift in shifts])
        positions = self._positions(first, last)
        return _blend(self._loops, mixture, [_BendingReader(positions + shift) for shift in shifts])

    def _positions(self, first: int, last: int) -> NDArray[np.float64]:
        """Places in the loop with vibrato: the integral of a sine that grows in over half a second."""
        patch = self._patch
        time_s = np.arange(first, last) / SAMPLE_RATE
        depth = patch.vibrato_cents / 1200 * np.log(2.0) * SAMPLE_RATE / (2 * np.pi * patch.vibrato_hz)
        grown = np.clip((time_s - patch.vibrato_delay_s) / 0.5, 0.0, 1.0)
        waving = 1.0 - np.cos(2 * np.pi * patch.vibrato_hz * np.maximum(time_s - patch.vibrato_delay_s, 0.0))
        return np.asarray(np.arange(first, last) + depth * grown * waving + 2.0, np.float64)
