"""A score as judges hear it: one melody, one bass, everybody else, each note over its chord."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from app.models.plan import Role
from app.models.score import DRUM_ROLES, Note, Score
from app.services.composing.changes import Change
from app.services.composing.phrasing import Phrase, phrases_of
from app.services.composing.setting import Bar, Setting

#: Cells of the grid on which sounding notes are compared, in a beat.
CELLS_A_BEAT = 4


class Hearing:
    """What the judges listen to; made once for a score and the setting it was written in."""

    def __init__(self, setting: Setting, score: Score) -> None:
        self.setting = setting
        self.score = score
        self._roles: dict[str, Role] = {voice.name: voice.role for voice in setting.plan.ensemble}

    @cached_property
    def melody(self) -> tuple[Note, ...]:
        """The notes of all leads in order; of those struck together the highest."""
        return tuple(_line(self._notes({"lead"}), highest=True))

    @cached_property
    def bass(self) -> tuple[Note, ...]:
        """The bass's notes in order; of those struck together the lowest."""
        return tuple(_line(self._notes({"bass"}), highest=False))

    @cached_property
    def pitched(self) -> tuple[Note, ...]:
        """All notes with a pitch."""
        return tuple(
            note for part in self.score.parts if self._roles[part.voice] not in DRUM_ROLES for note in part.notes
        )

    @cached_property
    def phrases(self) -> tuple[tuple[Phrase, tuple[Note, ...]], ...]:
        """The phrases in which the melody says something, each with its notes."""
        cut = [phrase for stretch in self.setting.stretches for phrase in phrases_of(self.setting, stretch)]
        starts = np.array([note.start_beat for note in self.melody])
        found = []
        for phrase in cut:
            first = phrase.bars[0].start_beat
            end = phrase.bars[-1].start_beat + self.setting.metre.beats
            low, high = np.searchsorted(starts, (first - 1e-6, end - 1e-6))
            if high > low:
                found.append((phrase, self.melody[int(low) : int(high)]))
        return tuple(found)

    @cached_property
    def rhythms(self) -> dict[int, tuple[tuple[Note, ...], tuple[float, ...]]]:
        """The melody's notes in each bar that has any, by the bar's index, with their positions in it."""
        gathered: dict[int, list[Note]] = {}
        for note in self.melody:
            gathered.setdefault(self.bar_of(note).index, []).append(note)
        return {
            index: (tuple(notes), tuple(round(n.start_beat - self.setting.bars[index].start_beat, 3) for n in notes))
            for index, notes in gathered.items()
        }

    def bar_of(self, note: Note) -> Bar:
        """The bar in which a note begins."""
        bars = self.setting.bars
        return bars[min(int(note.start_beat / self.setting.metre.beats + 1e-6), len(bars) - 1)]

    def chord_under(self, note: Note) -> Change:
        """The chord over which a note begins."""
        bar = self.bar_of(note)
        return bar.change_at(note.start_beat - bar.start_beat)

    def strength_of(self, note: Note) -> float:
        """Metrical weight of a note's beginning, 0…1."""
        return self.setting.metre.strength(note.start_beat - self.bar_of(note).start_beat)

    def sounding(self, notes: Iterable[Note]) -> NDArray[np.bool_]:
        """Which pitch classes sound when, shape (cells, 12)."""
        grid = np.zeros((int(np.ceil(self.score.length_beats * CELLS_A_BEAT)) + 1, 12), dtype=bool)
        for note in notes:
            begin = round(note.start_beat * CELLS_A_BEAT)
            end = round((note.start_beat + note.length_beats) * CELLS_A_BEAT)
            grid[begin : max(end, begin + 1), note.pitch % 12] = True
        return grid

    @cached_property
    def harmony(self) -> NDArray[np.bool_]:
        """Which pitch classes the chords have when, shape (cells, 12)."""
        grid = np.zeros((int(np.ceil(self.score.length_beats * CELLS_A_BEAT)) + 1, 12), dtype=bool)
        for bar in self.setting.bars:
            for change in bar.changes:
                begin = round((bar.start_beat + change.position) * CELLS_A_BEAT)
                end = round((bar.start_beat + change.position + change.length) * CELLS_A_BEAT)
                grid[begin:end, list(change.chord.classes)] = True
        return grid

    def _notes(self, roles: set[Role]) -> list[Note]:
        return [note for part in self.score.parts if self._roles[part.voice] in roles for note in part.notes]


def _line(notes: Sequence[Note], *, highest: bool) -> Iterable[Note]:
    """One note at a time, in order of their starts."""
    sign = 1 if highest else -1
    outer: dict[float, Note] = {}
    for note in notes:
        other = outer.get(note.start_beat)
        if other is None or sign * note.pitch > sign * other.pitch:
            outer[note.start_beat] = note
    return (outer[start] for start in sorted(outer))
