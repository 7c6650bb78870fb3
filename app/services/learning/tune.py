"""What is heard of a piece before anything is learned from it: its lines, in beats, and the key they are in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from app.models.score import Note
from app.services.theory.metre import Metre, metre_of
from app.services.theory.tonality import key_margin

#: How much a last bass note on the key note counts for a key, against differences of correlations.
_AT_HOME = 0.15


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One player's notes."""

    #: General MIDI program, 0…127.
    program: int
    #: Sorted by start_beat, then pitch.
    notes: tuple[Note, ...]

    @property
    def height(self) -> float:
        """Mean pitch."""
        return float(np.mean([note.pitch for note in self.notes]))

    @property
    def top(self) -> tuple[Note, ...]:
        """Its highest note at each moment: a melody where it has one."""
        highest = {note.start_beat: note for note in self.notes}
        return tuple(highest[beat] for beat in sorted(highest))


@dataclass(frozen=True, kw_only=True, slots=True)
class Tune:
    """A piece as it is learned from and measured."""

    #: Lines with pitches, highest first; the first sings.
    lines: tuple[Line, ...]
    #: Notes whose pitches are drum keys.
    drums: tuple[Note, ...]
    tempo_bpm: float
    time_signature: str
    #: Key note's pitch class.
    root: int
    #: "major" or "minor".
    third: str

    @property
    def metre(self) -> Metre:
        """Its metre."""
        return metre_of(self.time_signature)

    @property
    def melody(self) -> tuple[Note, ...]:
        """What the highest line sings."""
        return self.lines[0].top

    @property
    def length_beats(self) -> float:
        """Where its last pitched note ends."""
        return max(note.start_beat + note.length_beats for line in self.lines for note in line.notes)


def key_of(lines: Sequence[Line]) -> tuple[int, str]:
    """Key note and third that fit the notes best; a bass that ends on the key note speaks for it."""
    amounts = [0.0] * 12
    for note in all_notes(lines):
        amounts[note.pitch % 12] += note.length_beats
    last = max(lines[-1].notes, key=lambda note: (note.start_beat, -note.pitch)).pitch % 12
    fits = {
        (root, third): key_margin(amounts, root, third) + _AT_HOME * (root == last)
        for root in range(12)
        for third in ("major", "minor")
    }
    return max(fits, key=lambda key: fits[key])


def all_notes(lines: Iterable[Line]) -> list[Note]:
    """The notes of all lines by when they begin."""
    return sorted((note for line in lines for note in line.notes), key=lambda note: (note.start_beat, note.pitch))


def ordered(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Lines that have notes, highest first; equals stay in their order."""
    return tuple(sorted((line for line in lines if line.notes), key=lambda line: -line.height))
