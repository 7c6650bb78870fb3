"""What a player adds to a phrase: passing notes when it returns, approaches to strong notes, slides into long ones.

Rule: the notes that were there keep their starts; nothing is added before a section's first beat.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from app.models.score import Note
from app.services.composing.setting import Bar, Setting

#: From this weight on a place is strong enough to be approached.
STRONG = 0.6

#: An approach note's length, in beats.
APPROACH_BEATS = 0.5

#: A slide takes about this long, in seconds, and never more than this part of the time before its note.
SLIDE_S, SLIDE_SHARE = 0.07, 0.35

#: Softer than the note it belongs to by so much.
_PASSING_SOFTER, _SLIDE_SOFTER = 8, 16

#: The widest step from the note before to an approach note, in semitones.
_WIDEST = 7


def divided(notes: Sequence[Note], scale: tuple[int, ...], liking: float, rng: np.random.Generator) -> list[Note]:
    """Long notes step on to the next, or turn to their neighbour; `liking` is the chance at each."""
    made: list[Note] = []
    for note, after in zip(notes, [*notes[1:], None], strict=True):
        if after is None or note.length_beats < 0.9 or rng.random() >= liking:
            made.append(note)
            continue
        half = min(note.length_beats, after.start_beat - note.start_beat) / 2
        made.append(replace(note, length_beats=half))
        made.append(_added(note, _between(note, after.pitch, scale), note.start_beat + half, half))
    return made


def approached(
    notes: Sequence[Note],
    bars: Sequence[Bar],
    setting: Setting,
    reach: tuple[int, int],
    rng: np.random.Generator,
) -> list[Note]:
    """Chord tones on strong beats led into by a semitone: from the near side, or from both (an enclosure)."""
    liking = setting.style.melody.approaches
    if liking <= 0 or not notes:
        return list(notes)
    made = [notes[0]]
    for before, target in pairwise(notes):
        bar = bars[min(int((target.start_beat - bars[0].start_beat + 1e-6) // setting.metre.beats), len(bars) - 1)]
        position = target.start_beat - bar.start_beat
        wanted = rng.random() < liking
        enclosed = rng.random() < 0.4
        span = target.start_beat - before.start_beat
        chordal = target.pitch % 12 in bar.change_at(position).chord.classes
        led = abs(before.pitch - target.pitch) == 1 and span <= APPROACH_BEATS + 1e-6
        silent = span - before.length_beats > 2 * APPROACH_BEATS
        if not wanted or led or silent or not chordal or setting.metre.strength(position) < STRONG:
            made.append(target)
            continue
        near = target.pitch + (1 if before.pitch > target.pitch else -1)
        above = next((target.pitch + step for step in (1, 2) if (target.pitch + step) % 12 in bar.scale), near)
        if enclosed and span >= 3 * APPROACH_BEATS - 1e-6:
            tones = [above, target.pitch - 1]
        elif span >= 2 * APPROACH_BEATS - 1e-6:
            tones = [near]
        else:
            tones = []
        if tones and all(reach[0] <= tone <= reach[1] and abs(tone - before.pitch) <= _WIDEST for tone in tones):
            begin = target.start_beat - len(tones) * APPROACH_BEATS
            made[-1] = replace(made[-1], length_beats=min(made[-1].length_beats, begin - before.start_beat))
            made += [
                _added(before, tone, begin + place * APPROACH_BEATS, APPROACH_BEATS * 0.95)
                for place, tone in enumerate(tones)
            ]
        elif _may_change(made, near, setting, bars[0].start_beat) and reach[0] <= near <= reach[1]:
            made[-1] = replace(made[-1], pitch=near)
        made.append(target)
    return made


def slid(
    notes: Sequence[Note], setting: Setting, reach: tuple[int, int], begin: float, rng: np.random.Generator
) -> list[Note]:
    """Long notes slid into from a semitone below, just before their beat; never before the beat `begin`."""
    liking = setting.style.melody.slides
    if liking <= 0:
        return list(notes)
    made: list[Note] = []
    ended = begin
    for note in notes:
        wanted = rng.random() < liking
        room = note.start_beat - ended
        grace = min(SLIDE_S * setting.plan.tempo_bpm / 60.0, SLIDE_SHARE * room)
        below = note.pitch - 1
        if wanted and note.length_beats >= 0.9 and grace >= 0.06 and below >= reach[0]:
            if made and made[-1].start_beat + made[-1].length_beats > note.start_beat - grace:
                made[-1] = replace(made[-1], length_beats=note.start_beat - grace - made[-1].start_beat)
            velocity = max(1, note.velocity - _SLIDE_SOFTER)
            made.append(Note(pitch=below, start_beat=note.start_beat - grace, length_beats=grace, velocity=velocity))
        made.append(note)
        ended = note.start_beat
    return made


def _added(beside: Note, pitch: int, start: float, length: float) -> Note:
    velocity = max(1, beside.velocity - _PASSING_SOFTER)
    return Note(pitch=pitch, start_beat=start, length_beats=length, velocity=velocity)


def _may_change(made: Sequence[Note], pitch: int, setting: Setting, begin: float) -> bool:
    """Whether the last note is a passing one, that may take another pitch without breaking the line."""
    if len(made) < 2:
        return False
    weak = setting.metre.strength((made[-1].start_beat - begin) % setting.metre.beats) <= 0.3
    return weak and made[-1].length_beats <= APPROACH_BEATS and 0 < abs(pitch - made[-2].pitch) <= _WIDEST


def _between(note: Note, goal: int, scale: tuple[int, ...]) -> int:
    """A scale tone on the way from a note to the next, or a neighbour that the next is not, where there is none."""
    inner = [p for p in range(min(note.pitch, goal) + 1, max(note.pitch, goal)) if p % 12 in scale]
    if inner:
        return min(inner, key=lambda pitch: (abs(pitch - goal), pitch))
    beside = [note.pitch + step for step in (1, 2, -1, -2) if (note.pitch + step) % 12 in scale]
    return next((pitch for pitch in beside if pitch != goal), note.pitch)
