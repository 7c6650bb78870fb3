"""No line of a learned style says eight notes of what it was learned from: a note of each such passage is moved."""

from collections.abc import Sequence
from dataclasses import replace

from app.models.score import Note
from app.services.theory.passages import PASSAGE_NOTES, passages

#: Which notes of a passage are moved, in the order in which they are tried: those in its middle are missed least.
_TRIED = (4, 3, 5, 2, 6, 1, 7, 0)

#: How far, in semitones.
_MOVES = (2, -2, 1, -1, 3, -3, 4, -4, 5, -5)


def unquoted(
    notes: Sequence[Note], avoided: frozenset[int], *, scale: Sequence[int], reach: tuple[int, int]
) -> tuple[Note, ...]:
    """The line with none of the passages whose marks are avoided; unchanged where it has none.

    Notes are moved within the `scale` (pitch classes) and the `reach` (lowest and highest pitch). From front to back,
    so that what has been put right is not touched again.
    """
    made = list(notes)
    if not avoided:
        return tuple(made)
    place = 0
    while (place := _next(made, avoided, place)) >= 0:
        made = _moved(made, avoided, place, frozenset(scale), reach)
        place += 1
    return tuple(made)


def _next(notes: Sequence[Note], avoided: frozenset[int], start: int) -> int:
    """Place of the first avoided passage from `start` on; −1 where there is none."""
    rest = notes[start:]
    marks = passages([note.pitch for note in rest], [note.start_beat for note in rest])
    return next((start + place for place, mark in marks if mark in avoided), -1)


def _moved(
    notes: list[Note], avoided: frozenset[int], place: int, scale: frozenset[int], reach: tuple[int, int]
) -> list[Note]:
    """The notes with one of a passage moved so that no passage about it is avoided; else its last note left out."""
    low, high = reach
    for index in (place + offset for offset in _TRIED):
        for move in _MOVES:
            pitch = notes[index].pitch + move
            if low <= pitch <= high and pitch % 12 in scale:
                made = [*notes[:index], replace(notes[index], pitch=pitch), *notes[index + 1 :]]
                first = max(index - PASSAGE_NOTES + 1, 0)
                if _next(made[: index + PASSAGE_NOTES], avoided, first) < 0:
                    return made
    last = place + PASSAGE_NOTES - 1
    return [*notes[:last], *notes[last + 1 :]]
