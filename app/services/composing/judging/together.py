"""What can be measured of voices together: dissonance, parallels, bass, harmony, the contrast of sections.

Each function returns a plain quantity, or None where the music has too little to say.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from math import log2
from operator import attrgetter

import numpy as np

from app.models.score import DRUM_ROLES, Note
from app.services.composing.judging.hearing import Hearing
from app.services.composing.layout import Stretch
from app.services.theory.scales import pitch_class, third_of
from app.services.theory.tonality import key_margin

#: Seconds in which different chords are counted.
WINDOW_S = 30.0

#: What makes a difference between two sections: twice the notes, so many semitones, so many players, so much force.
_SEMITONES, _PLAYERS, _FORCE = 6.0, 4.0, 24.0


def clashes(hearing: Hearing) -> float | None:
    """Share of the melody's time in which it stands a semitone from another voice, outside its chord."""
    if not hearing.melody:
        return None
    melody = hearing.sounding(hearing.melody)
    own = set(map(id, hearing.melody))
    others = hearing.sounding(note for note in hearing.pitched if id(note) not in own)
    foreign = melody & ~hearing.harmony
    rubbed = foreign & (np.roll(others, 1, axis=1) | np.roll(others, -1, axis=1))
    return float(rubbed.any(axis=1).sum() / max(melody.any(axis=1).sum(), 1))


def parallels(hearing: Hearing) -> float | None:
    """Share of moves in which melody and bass go the same way from one octave or fifth to another."""
    if not hearing.bass or len(hearing.melody) < 2:
        return None
    starts = np.array([note.start_beat for note in hearing.bass])
    moved = parallel = 0
    for before, after in pairwise(hearing.melody):
        low, high = (int(np.searchsorted(starts, note.start_beat + 1e-6)) - 1 for note in (before, after))
        if low < 0 or hearing.bass[low].pitch == hearing.bass[high].pitch or before.pitch == after.pitch:
            continue
        moved += 1
        first, second = before.pitch - hearing.bass[low].pitch, after.pitch - hearing.bass[high].pitch
        same_way = (after.pitch > before.pitch) == (hearing.bass[high].pitch > hearing.bass[low].pitch)
        parallel += same_way and first % 12 == second % 12 and first % 12 in (0, 7)
    return parallel / moved if moved >= 4 else None


def bass_moves(hearing: Hearing) -> float | None:
    """Share of chord changes at which the bass goes on by a step, a third, a fourth or a fifth."""
    notes = _at_changes(hearing)
    if len(notes) < 4 or _static(hearing):
        return None
    sizes = [abs(after - before) for (before, _), (after, _) in pairwise(notes)]
    return sum(0 < size <= 7 for size in sizes) / len(sizes)


def bass_carries(hearing: Hearing) -> float | None:
    """Share of chords whose own bass note the bass strikes."""
    notes = _at_changes(hearing)
    return sum(pitch % 12 == bass for pitch, bass in notes) / len(notes) if notes else None


def _at_changes(hearing: Hearing) -> list[tuple[int, int]]:
    """The bass's pitch where each chord begins, with the pitch class the chord has in the bass."""
    found: dict[float, tuple[int, int]] = {}
    starts = np.array([note.start_beat for note in hearing.bass])
    for bar in hearing.setting.bars:
        for change in bar.changes:
            beat = bar.start_beat + change.position
            index = int(np.searchsorted(starts, beat - 1e-6))
            if index < len(starts) and starts[index] < beat + change.length - 1e-6:
                found[beat] = (hearing.bass[index].pitch, change.chord.bass)
    return [found[beat] for beat in sorted(found)]


def _static(hearing: Hearing) -> bool:
    """Whether the style stands still in its harmony: it is not judged by it."""
    return hearing.setting.style.harmony.static


def chord_pace(hearing: Hearing) -> float | None:
    """Chord changes a minute."""
    if _static(hearing) or len(hearing.setting.bars) < 4:
        return None
    minutes = hearing.score.length_beats / hearing.setting.plan.tempo_bpm
    return (len(hearing.score.chords) - 1) / minutes


def chord_variety(hearing: Hearing) -> float | None:
    """Different chords in the poorest thirty seconds; in what there is of a shorter piece."""
    if _static(hearing) or len(hearing.setting.bars) < 4:
        return None
    window = WINDOW_S * hearing.setting.plan.tempo_bpm / 60.0
    firsts = np.arange(0.0, max(hearing.score.length_beats - window / 2, 1e-6), window / 2)
    counts = [
        len({c.symbol for c in hearing.score.chords if first - c.length_beats < c.start_beat < first + window})
        for first in firsts
    ]
    return float(min(counts))


def home(hearing: Hearing) -> float | None:
    """How much better all notes fit the plan's key than the next best one: difference of two correlations."""
    plan = hearing.setting.plan
    heard = np.zeros(12)
    for note in hearing.pitched:
        heard[note.pitch % 12] += note.length_beats
    if np.count_nonzero(heard) < 3:
        return None
    return key_margin(heard, pitch_class(plan.tonic), third_of(plan.mode))


def contrast(hearing: Hearing) -> float | None:
    """Mean distance between neighbouring sections of different material or kind: notes, register, players, force."""
    stretches = [s for s in hearing.setting.stretches if s.bars > 1 or s.index + 1 < len(hearing.setting.stretches)]
    looks = [_look(hearing, stretch) for stretch in stretches]
    distances = [
        float(np.mean(np.abs(np.array(looks[i]) - np.array(looks[i + 1]))))
        for i in range(len(stretches) - 1)
        if stretches[i].key != stretches[i + 1].key
    ]
    return float(np.mean(distances)) if distances else None


def _look(hearing: Hearing, stretch: Stretch) -> tuple[float, float, float, float]:
    """A section's notes a beat, mean pitch, players and mean velocity, in units of what makes a difference."""
    first = stretch.first_bar * hearing.setting.metre.beats
    beats = stretch.bars * hearing.setting.metre.beats
    drums = {voice.name for voice in hearing.setting.plan.ensemble if voice.role in DRUM_ROLES}
    notes = [
        (note, part.voice)
        for part in hearing.score.parts
        for note in _between(part.notes, first - 1e-6, first + beats - 1e-6)
    ]
    pitches = [note.pitch for note, voice in notes if voice not in drums]
    return (
        log2((len(notes) + 1) / beats),
        float(np.mean(pitches)) / _SEMITONES if pitches else 60.0 / _SEMITONES,
        len({voice for _, voice in notes}) / _PLAYERS,
        float(np.mean([note.velocity for note, _ in notes])) / _FORCE if notes else 0.0,
    )


def _between(notes: Sequence[Note], first: float, end: float) -> Sequence[Note]:
    """Those of a part's notes, which are in order, that begin from `first` to before `end`."""
    return notes[bisect_left(notes, first, key=_start) : bisect_left(notes, end, key=_start)]


_start = attrgetter("start_beat")
