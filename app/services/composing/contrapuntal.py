"""A line found against other lines: in the harmony, by step, never in parallel fifths or octaves with another.

Rule: what two lines may do together stands here as costs, and the cheapest of all lines is taken (Viterbi's algorithm).
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.models.score import Note
from app.services.theory.chords import Chord, chord_scale

#: Cost of moving so many semitones; wider moves cost the last.
MOVES = (0.9, 0.0, 0.0, 0.5, 0.5, 0.9, 3.0, 1.4, 2.2, 2.2, 4.0, 4.0, 2.4, 6.0)

#: Cost of sounding so many semitones, octaves aside, from another line where it weighs.
TOGETHER = (1.0, 4.0, 1.8, 0.0, 0.0, 0.6, 1.2, 0.5, 0.0, 0.0, 1.2, 3.0)

#: Costs: a note foreign to its chord where it weighs and where it passes, one outside the scale, fifths or octaves in
#: parallel, a line below one that it should be above, a scale step off the shape that is wished.
FOREIGN, PASSING, OUTSIDE, PARALLEL, CROSSED, OFF_SHAPE = 3.0, 0.35, 40.0, 6.0, 1.2, 0.5

#: How strongly a line is drawn to the middle of its register, per semitone.
HOMING = 0.07


class Sounding:
    """What a line sounds at a beat."""

    def __init__(self, notes: Sequence[Note]) -> None:
        self._notes = sorted(notes, key=lambda note: note.start_beat)
        self._starts = [note.start_beat for note in self._notes]

    def at(self, beat: float) -> int | None:
        """The pitch that sounds; nothing in a rest."""
        index = bisect_right(self._starts, beat + 1e-6) - 1
        if index < 0:
            return None
        note = self._notes[index]
        return note.pitch if note.start_beat + note.length_beats > beat else None


@dataclass(frozen=True, slots=True)
class Beat:
    """A note of a line before it has a pitch."""

    start_beat: float
    length_beats: float
    #: Metrical weight, 0…1.
    strength: float
    chord: Chord
    scale: tuple[int, ...]
    #: Scale steps from the note before that are wished; None leaves it free.
    step: int | None = None


def led_against(
    beats: Sequence[Beat],
    others: Sequence[tuple[Sounding, int]],
    *,
    reach: tuple[int, int],
    coming_from: tuple[float, int],
) -> list[int]:
    """A pitch within reach for each beat. `others` come with 1 if they lie above this line, −1 if below.

    `coming_from` is beat and pitch of the note before.
    """
    if not beats:
        return []
    pitches = np.arange(reach[0], reach[1] + 1)
    size = np.abs(pitches[None, :] - pitches[:, None])
    moving = np.array(MOVES)[np.minimum(size, len(MOVES) - 1)]
    total = _alone(beats[0], pitches) + _beside(beats[0], others, pitches)
    begun, pitch = coming_from
    total = total + np.array(MOVES)[np.minimum(np.abs(pitches - pitch), len(MOVES) - 1)]
    total = total + _parallels(begun, beats[0].start_beat, others, np.array([pitch]), pitches)[0]
    choices: list[NDArray[np.intp]] = []
    for before, beat in pairwise(beats):
        cost = _alone(beat, pitches) + _beside(beat, others, pitches)
        joined = (
            total[:, None]
            + moving
            + cost[None, :]
            + _parallels(before.start_beat, beat.start_beat, others, pitches, pitches)
        )
        if beat.step is not None:
            joined = joined + OFF_SHAPE * np.abs(pitches[None, :] - pitches[:, None] - beat.step * 12 / 7)
        choices.append(np.argmin(joined, axis=0))
        total = np.min(joined, axis=0)
    place = int(np.argmin(total))
    path = [place]
    for best in reversed(choices):
        place = int(best[place])
        path.append(place)
    return [int(pitches[place]) for place in reversed(path)]


def _alone(beat: Beat, pitches: NDArray[np.int_]) -> NDArray[np.float64]:
    """What a note costs by itself: in its chord, near the middle."""
    weighty = beat.strength >= 0.6 or beat.length_beats >= 1.0
    allowed = chord_scale(beat.chord, beat.scale)
    by_class = [
        0.0 if tone in beat.chord.classes else OUTSIDE if tone not in allowed else FOREIGN if weighty else PASSING
        for tone in range(12)
    ]
    cost: NDArray[np.float64] = np.array(by_class)[pitches % 12] + HOMING * np.abs(pitches - pitches.mean())
    return cost


def _beside(beat: Beat, others: Sequence[tuple[Sounding, int]], pitches: NDArray[np.int_]) -> NDArray[np.float64]:
    """What a note costs beside those that sound."""
    cost = np.zeros(len(pitches))
    weight = 1.0 if beat.strength >= 0.6 else 0.4
    for other, side in others:
        sounding = other.at(beat.start_beat)
        if sounding is not None:
            cost += weight * np.array(TOGETHER)[np.abs(pitches - sounding) % 12]
            cost += CROSSED * (side * (pitches - sounding) >= 0)
    return cost


def _parallels(
    before: float,
    beat: float,
    others: Sequence[tuple[Sounding, int]],
    earlier: NDArray[np.int_],
    pitches: NDArray[np.int_],
) -> NDArray[np.float64]:
    """What a move costs that keeps a fifth or an octave with a line that moves too."""
    cost = np.zeros((len(earlier), len(pitches)))
    for other, _ in others:
        first, second = other.at(before), other.at(beat)
        if first is None or second is None or first == second:
            continue
        was, becomes = (earlier - first) % 12, (pitches - second) % 12
        for perfect in (0, 7):
            cost += PARALLEL * np.outer(was == perfect, becomes == perfect)
    return cost
