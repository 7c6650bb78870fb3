"""What tests listen for in a score."""

from itertools import pairwise

from app.models.plan import Plan
from app.models.score import DRUM_ROLES, Note, Part, Score
from app.services.composing.setting import Bar, Setting
from app.services.theory.chords import Chord, chord_scale
from app.services.theory.instruments import UNPITCHED


def parts_of(score: Score, plan: Plan, *roles: str) -> list[Part]:
    """Parts whose voice has one of the roles and that play at all."""
    return [part for part in score.parts if plan.voice(part.voice).role in roles and part.notes]


def pitched(score: Score, plan: Plan) -> list[Part]:
    """Parts that are neither drums nor noises."""
    voices = [(part, plan.voice(part.voice)) for part in score.parts]
    return [part for part, voice in voices if voice.role not in DRUM_ROLES and voice.instrument not in UNPITCHED]


def bar_at(setting: Setting, beat: float) -> Bar:
    """The bar that a beat falls into."""
    return setting.bars[min(int((beat + 1e-6) // setting.metre.beats), len(setting.bars) - 1)]


def chord_at(setting: Setting, beat: float) -> Chord:
    """The chord that holds at a beat."""
    bar = bar_at(setting, beat)
    return bar.change_at(beat - bar.start_beat).chord


def share(flags: list[bool]) -> float:
    """Part of the flags that is true; 1 if there is none."""
    return sum(flags) / len(flags) if flags else 1.0


def on_strong_beats(setting: Setting, notes: tuple[Note, ...]) -> list[Note]:
    """Notes that begin on a pulse that carries weight."""
    return [note for note in notes if setting.metre.strength(note.start_beat % setting.metre.beats) >= 0.8]


def in_chord(setting: Setting, note: Note) -> bool:
    """Whether a note belongs to the chord it begins over."""
    return note.pitch % 12 in chord_at(setting, note.start_beat).classes


def in_scale(setting: Setting, note: Note) -> bool:
    """Whether a note belongs to its section's scale, bent to the chord it begins over."""
    return note.pitch % 12 in chord_scale(chord_at(setting, note.start_beat), bar_at(setting, note.start_beat).scale)


def leads_on(note: Note, after: Note | None) -> bool:
    """Whether a note moves on by step into the next, at once."""
    if after is None or abs(after.pitch - note.pitch) > 2:
        return False
    return after.start_beat - note.start_beat <= 0.55


def rhythm_of(part: Part, start: float, end: float) -> list[float]:
    """Where a part's notes begin within a stretch of beats, counted from its start."""
    return [round(note.start_beat - start, 4) for note in part.notes if start - 1e-6 <= note.start_beat < end - 1e-6]


def layouts(part: Part, least: int = 3) -> list[tuple[int, ...]]:
    """Chords of a part in order: pitches struck together."""
    groups: dict[float, list[int]] = {}
    for note in part.notes:
        groups.setdefault(note.start_beat, []).append(note.pitch)
    return [tuple(pitches) for _, pitches in sorted(groups.items()) if len(pitches) >= least]


def mean_move(chords: list[tuple[int, ...]]) -> float:
    """Semitones that each voice of a chord moves on average to the nearest note of the next."""
    moves = [
        sum(min(abs(pitch - other) for other in before) for pitch in after) / len(after)
        for before, after in pairwise(chords)
        if before != after
    ]
    return sum(moves) / len(moves) if moves else 0.0
