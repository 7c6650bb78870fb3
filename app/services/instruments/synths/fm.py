"""Frequency modulation after Chowning (1973): an electric piano and a bell from pairs of sine waves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.instruments.envelopes import Envelope
from app.services.instruments.sources import GrowingSource
from app.services.instruments.synths.struck import StruckSynth
from app.utils.units import midi_to_hz

#: Sidebands reach about this many modulator frequencies beyond the index; they must stay below the top.
_TOP_HZ = 17_000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A carrier whose phase a modulator moves; times are those of a fall by 60 dB at middle C."""

    #: Frequencies against the note's.
    carrier: float
    modulator: float
    level: float
    fall_s: float
    #: Depth of the modulation in radians at full velocity, and how much of it the softest note keeps.
    index: float
    softest: float
    index_fall_s: float
    #: Index that stays when the struck one has gone.
    index_floor: float = 0.0
    #: Cents that the right channel lies above the left.
    spread_cents: float = 0.0


#: A tine and its tone bar: a warm pair, and a high one that is heard at the stroke.
PIANO = (
    Pair(carrier=1, modulator=1, level=1.0, fall_s=5.5, index=1.7, softest=0.2, index_fall_s=1.6, index_floor=0.12),
    Pair(carrier=1, modulator=14, level=0.45, fall_s=2.4, index=0.75, softest=0.1, index_fall_s=0.35),
    Pair(carrier=2.003, modulator=2, level=0.18, fall_s=2.2, index=0.8, softest=0.3, index_fall_s=0.8),
)
BELL = (
    Pair(carrier=1, modulator=3.5, level=0.8, fall_s=6.0, index=2.1, softest=0.35, index_fall_s=2.5, spread_cents=2.5),
    Pair(
        carrier=2.005,
        modulator=1.41,
        level=0.35,
        fall_s=3.0,
        index=1.3,
        softest=0.4,
        index_fall_s=1.2,
        spread_cents=-3.0,
    ),
    Pair(carrier=1, modulator=2.0, level=0.5, fall_s=8.0, index=0.25, softest=0.5, index_fall_s=4.0, spread_cents=1.0),
)
#: A bass of the first digital keyboards: a hard, hollow stroke that closes at once.
BASS = (
    Pair(carrier=1, modulator=1, level=1.0, fall_s=4.0, index=2.6, softest=0.25, index_fall_s=0.5, index_floor=0.35),
    Pair(carrier=1, modulator=3, level=0.4, fall_s=1.2, index=1.6, softest=0.2, index_fall_s=0.25),
    Pair(carrier=1, modulator=7, level=0.15, fall_s=0.3, index=1.2, softest=0.1, index_fall_s=0.12),
)


class _FmNote(GrowingSource):
    def __init__(self, pairs: tuple[Pair, ...], pitch: int, velocity: int) -> None:
        self._hertz = midi_to_hz(pitch)
        # Higher notes ring shorter, as on struck instruments.
        self._shorter = (261.6 / self._hertz) ** 0.5
        self._force = velocity / 127
        self._pairs = pairs
        longest_s = max(pair.fall_s for pair in pairs) * self._shorter * 1.4
        channels = 2 if any(pair.spread_cents for pair in pairs) else 1
        super().__init__(channels=channels, frames=int(longest_s * SAMPLE_RATE))

    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        channels = len(self._made)
        frame = np.arange(first, last, dtype=np.float64)
        out = np.zeros((channels, last - first), np.float32)
        for pair in self._pairs:
            level = _falling(frame, pair.fall_s * self._shorter) * np.float32(pair.level)
            index = _falling(frame, pair.index_fall_s * self._shorter) * np.float32(self._index(pair))
            index += np.float32(min(pair.index_floor, self._index(pair)))
            for channel in range(channels):
                cents = pair.spread_cents * (channel - 0.5) if channels == 2 else 0.0
                hertz = self._hertz * 2.0 ** (cents / 1200)
                moved = _turns(frame, hertz * pair.modulator)
                np.sin(moved, out=moved)
                moved *= index
                moved += _turns(frame, hertz * pair.carrier)
                np.sin(moved, out=moved)
                moved *= level
                out[channel] += moved
        return out

    def _index(self, pair: Pair) -> float:
        """Modulation depth for the note's velocity, as far as its sidebands stay below the top."""
        wanted = pair.index * (pair.softest + (1 - pair.softest) * self._force**1.5)
        room = (_TOP_HZ / self._hertz - pair.carrier) / pair.modulator - 1.0
        return float(min(wanted, max(room, 0.0) * 0.7))


def _falling(frame: NDArray[np.float64], fall_s: float) -> NDArray[np.float32]:
    exponents: NDArray[np.float32] = (frame * (np.log2(10.0**-3) / (fall_s * SAMPLE_RATE))).astype(np.float32)
    np.exp2(exponents, out=exponents)
    return exponents


def _turns(frame: NDArray[np.float64], hertz: float) -> NDArray[np.float32]:
    """Phase in radians, folded to one turn before it loses precision."""
    turns = frame * (hertz / SAMPLE_RATE)
    turns -= np.floor(turns)
    return (turns * (2 * np.pi)).astype(np.float32)


def fm_piano() -> StruckSynth:
    """An electric piano."""
    return StruckSynth(
        "fm_piano",
        lambda pitch, velocity: _FmNote(PIANO, pitch, velocity),
        Envelope(attack_s=0.002, decay_s=60.0, release_s=0.7),
    )


def fm_bass() -> StruckSynth:
    """A bass that is struck and stops with the key."""
    return StruckSynth(
        "fm_bass",
        lambda pitch, velocity: _FmNote(BASS, pitch, velocity),
        Envelope(attack_s=0.002, decay_s=60.0, release_s=0.35),
    )


def fm_bell() -> StruckSynth:
    """A bell that rings on after the key is let go."""
    return StruckSynth(
        "fm_bell",
        lambda pitch, velocity: _FmNote(BELL, pitch, velocity),
        Envelope(attack_s=0.002, decay_s=60.0, release_s=4.0),
    )
