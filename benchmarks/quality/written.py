"""What the score says of the music: changes of harmony, sections, beats and players. The detectors' cross-check."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from app.models.plan import Plan
from app.models.score import DRUM_ROLES, Score
from app.services.planning import members_of, refused_by
from benchmarks.quality.audible import Hearing

#: A note belongs to a beat if it stands no further from it, in beats.
_NEAR = 0.12

#: The last beats, where players slow down, are left out of the beat's variation.
_ENDING_BEATS = 8


def chord_changes_a_minute(score: Score) -> float:
    """How often the harmony moves on."""
    symbols = [chord.symbol for chord in score.chords]
    changes = sum(one != other for one, other in pairwise(symbols))
    return changes * 60.0 / score.seconds_at(score.length_beats)


def distinct_chords(score: Score, seconds: float = 30.0) -> int:
    """Different chords among those that begin in the first seconds."""
    return len({chord.symbol for chord in score.chords if score.seconds_at(chord.start_beat) < seconds})


def sections_a_minute(plan: Plan) -> float:
    """Sections of the form by its length."""
    return len(plan.form) * 60.0 / plan.duration_s


def beat_variation(performance: Score) -> float | None:
    """Spread of the time between beats against its mean, as they are played; None where too few beats are struck."""
    struck: dict[int, list[float]] = {}
    for part in performance.parts:
        for note in part.notes:
            beat = round(note.start_beat)
            if abs(note.start_beat - beat) <= _NEAR and beat < performance.length_beats - _ENDING_BEATS:
                struck.setdefault(beat, []).append(performance.seconds_at(note.start_beat))
    times = {beat: float(np.mean(seconds)) for beat, seconds in struck.items()}
    lengths = [times[beat + 1] - times[beat] for beat in sorted(times) if beat + 1 in times]
    return float(np.std(lengths) / np.mean(lengths)) if len(lengths) >= 8 else None


def drummers(plan: Plan, score: Score) -> list[str]:
    """Voices that drum, and have something to."""
    playing = {part.voice for part in score.parts if part.notes}
    return [voice.name for voice in plan.ensemble if voice.role in DRUM_ROLES and voice.name in playing]


def missing(plan: Plan, score: Score, voices: Mapping[str, Hearing], wanted: tuple[str, ...]) -> dict[str, str]:
    """Why a wanted instrument is not there, by the word for it; empty if all are."""
    playing = {part.voice for part in score.parts if part.notes}
    faults = {}
    for word in wanted:
        players = [voice.name for voice in plan.ensemble if voice.instrument in members_of(word)]
        if not players:
            faults[word] = "not in the ensemble"
        elif not playing.intersection(players):
            faults[word] = "has no notes"
        elif not any(voices[name].audible for name in players):
            best = max((voices[name] for name in players), key=lambda hearing: hearing.heard)
            faults[word] = f"not heard: sounds {best.sounds:.0%} of the piece, stands out in {best.heard:.0%}"
    return faults


def unwanted(plan: Plan, score: Score, refused: tuple[str, ...]) -> list[str]:
    """Instruments that play though they were refused."""
    banned = frozenset().union(*(refused_by(word) for word in refused))
    playing = {part.voice for part in score.parts if part.notes}
    drumming = drummers(plan, score) if "drums" in refused else []
    return [
        voice.instrument
        for voice in plan.ensemble
        if voice.name in drumming or (voice.instrument in banned and voice.name in playing)
    ]
