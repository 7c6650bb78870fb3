"""What sounds in a tune's harmony: the triad of each slot of a bar, above the key note.

Rule: music that is learned from and music that is measured are heard by the same ears.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from app.services.learning.tune import Tune

#: Semitones of the triads that are told apart, by the sign they have in a chord's name.
TRIADS: dict[str, tuple[int, ...]] = {"maj": (0, 4, 7), "min": (0, 3, 7), "dim": (0, 3, 6)}

#: How much of a triad's worth each of its notes that stays silent takes away, and how much its root in the bass adds.
_SILENT, _IN_BASS = 0.12, 0.12

#: A diminished triad is a dominant without its root more often than a chord of its own.
_SELDOM = {"maj": 0.0, "min": 0.0, "dim": 0.06}


@dataclass(frozen=True, slots=True)
class Heard:
    """A triad above a key note."""

    #: Semitones above the key note, 0…11.
    degree: int
    kind: str


#: Every triad; its notes as a row of twelve, its root and how much less it is believed.
ALL_HEARD = tuple(Heard(degree, kind) for kind in TRIADS for degree in range(12))
_TONES = np.array(
    [[(tone - heard.degree) % 12 in TRIADS[heard.kind] for tone in range(12)] for heard in ALL_HEARD], float
)
_ROOTS = np.array([heard.degree for heard in ALL_HEARD])
_RARITY = np.array([_SELDOM[heard.kind] for heard in ALL_HEARD])


def slot_beats(tune: Tune) -> float:
    """How long a chord lasts at least: half a bar that has a half, else a bar."""
    metre = tune.metre
    half = metre.half()
    return half if abs(2 * half - metre.beats) < 1e-6 and half >= 1 else metre.beats


def amounts(tune: Tune) -> NDArray[np.float64]:
    """How long each pitch class above the key note sounds in each slot, in beats: shape (slots, 12)."""
    step = slot_beats(tune)
    found = np.zeros((max(1, ceil(tune.length_beats / step - 1e-6)), 12))
    for line in tune.lines:
        for note in line.notes:
            first, end = int(note.start_beat / step + 1e-6), note.start_beat + note.length_beats
            for slot in range(first, min(len(found), ceil(end / step - 1e-6))):
                inside = min(end, (slot + 1) * step) - max(note.start_beat, slot * step)
                found[slot, (note.pitch - tune.root) % 12] += max(inside, 0.0)
    return found


def chords(tune: Tune) -> tuple[Heard | None, ...]:
    """The triad of each slot of the tune; None where nothing sounds."""
    step = slot_beats(tune)
    basses: dict[int, int] = {}
    for note in reversed(tune.lines[-1].notes):
        basses[int(note.start_beat / step + 1e-6)] = (note.pitch - tune.root) % 12
    sounding = amounts(tune)
    totals = sounding.sum(axis=1, keepdims=True)
    shares = sounding / np.maximum(totals, 1e-9)
    worths = shares @ _TONES.T - _SILENT * ((shares < 1e-9).astype(float) @ _TONES.T) - _RARITY
    for slot, bass in basses.items():
        worths[slot] += _IN_BASS * (bass == _ROOTS)
    best = worths.argmax(axis=1)
    return tuple(ALL_HEARD[int(place)] if total > 0 else None for place, total in zip(best, totals[:, 0], strict=True))
