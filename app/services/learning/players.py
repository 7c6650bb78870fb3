"""Who plays in the files, where they lie, and the patterns of bass, chords and drums."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from app.models.plan import Role
from app.services.learning.hearing import chords, slot_beats
from app.services.learning.melody import STEPS, bars_of, patterns, rhythm_of
from app.services.learning.tune import Line, Tune, all_notes
from app.services.styles.grooves import Drums, Groove
from app.services.styles.idioms import Bass, Comping, Pattern
from app.services.styles.schema import EnsembleRole
from app.services.theory.drum_keys import DRUM_KEYS
from app.services.theory.instruments import GENERAL_MIDI

#: Bars of a bass, of chords and of drums that are kept.
_MOST = 16

_PROGRAMS = tuple(key for keys in GENERAL_MIDI.values() for key in keys)
_DRUMS = {key: name for name, key in reversed(DRUM_KEYS.items())}

#: The sign of a bass note by its semitones above the chord's root; others walk.
_BASS_SIGNS = {0: "R", 7: "5"}

#: From which velocity on a stroke is an accent, and up to which it is soft.
_ACCENT, _SOFT = 105, 55


def lines_of(tune: Tune) -> dict[Role, list[Line]]:
    """Which line has which role: the highest leads, the lowest is the bass, the others are the harmony."""
    found: dict[Role, list[Line]] = {"lead": [tune.lines[0]]}
    if len(tune.lines) > 1:
        found["bass"] = [tune.lines[-1]]
    if len(tune.lines) > 2:
        found["chords"] = list(tune.lines[1:-1])
    return found


def learned_ensemble(tunes: Sequence[Tune], base: dict[Role, EnsembleRole]) -> dict[Role, EnsembleRole]:
    """The players by role, as the tunes have them; how loud and where they stand is the base's, where it has them."""
    made: dict[Role, EnsembleRole] = {}
    for role in ("lead", "bass", "chords"):
        lines = [line for tune in tunes for line in lines_of(tune).get(role, [])]
        if lines:
            players = Counter(_PROGRAMS[line.program] for line in lines)
            pitches = [note.pitch for line in lines for note in line.notes]
            low, high = (round(float(edge)) for edge in np.percentile(pitches, (2, 98)))
            made[role] = base.get(role, EnsembleRole(instruments={"acoustic_grand_piano": 1.0})).model_copy(
                update={
                    "instruments": {key: count / len(lines) for key, count in sorted(players.items())},
                    "presence": 1.0 if role == "lead" else _share(role in lines_of(tune) for tune in tunes),
                    "from_energy": 0.0,
                    "low_pitch": low,
                    "high_pitch": max(high, low + 12),
                }
            )
    if any(tune.drums for tune in tunes):
        kit = base.get("drums", EnsembleRole(instruments={"standard_kit": 1.0}, low_pitch=27, high_pitch=87))
        made["drums"] = kit.model_copy(update={"presence": _share(bool(tune.drums) for tune in tunes)})
    return made


def learned_bass(tunes: Sequence[Tune], base: Bass) -> Bass:
    """How the lowest lines move: on roots, on fifths, or walking."""
    found: dict[str, Counter[str]] = {}
    for tune in tunes:
        sounding, step, beats = chords(tune), slot_beats(tune), tune.metre.beats
        for line in lines_of(tune).get("bass", []):
            for bar in bars_of(line.notes, beats).values():
                strokes = []
                for note in bar:
                    chord = sounding[min(int(note.start_beat / step + 1e-6), len(sounding) - 1)]
                    above = (note.pitch - tune.root - chord.degree) % 12 if chord is not None else 0
                    strokes.append((note.start_beat % beats, note.length_beats, _BASS_SIGNS.get(above, "w")))
                if rhythm := rhythm_of(strokes, beats):
                    found.setdefault(tune.time_signature, Counter())[rhythm] += 1
    return base.model_copy(update={"patterns": patterns(found, _MOST)}) if found else base


def learned_chords(tunes: Sequence[Tune], base: Comping) -> Comping:
    """When the inner lines strike, whoever of them does."""
    found: dict[str, Counter[str]] = {}
    for tune in tunes:
        beats = tune.metre.beats
        inner = Line(program=0, notes=tuple(all_notes(lines_of(tune).get("chords", []))))
        for bar in bars_of(inner.top, beats).values():
            if rhythm := rhythm_of([(note.start_beat % beats, note.length_beats, "x") for note in bar], beats):
                found.setdefault(tune.time_signature, Counter())[rhythm] += 1
    made: tuple[Pattern, ...] = patterns(found, _MOST)
    return base.model_copy(update={"patterns": made}) if made else base


def learned_drums(tunes: Sequence[Tune], base: Drums) -> Drums:
    """The usual bars of the kit, a lane for each drum."""
    found: Counter[tuple[str, tuple[tuple[str, str], ...]]] = Counter()
    for tune in tunes:
        beats = tune.metre.beats
        for bar in bars_of(tune.drums, beats).values():
            lanes: dict[str, list[str]] = {}
            for note in (note for note in bar if note.pitch in _DRUMS):
                lane = lanes.setdefault(_DRUMS[note.pitch], ["."] * round(STEPS * beats))
                lane[min(round(STEPS * (note.start_beat % beats)), len(lane) - 1)] = _stroke(note.velocity)
            if lanes:
                found[tune.time_signature, tuple((name, "".join(lanes[name])) for name in sorted(lanes))] += 1
    grooves = tuple(
        Groove(lanes=dict(lanes), metre=metre, weight=float(count))
        for (metre, lanes), count in sorted(found.items(), key=lambda item: (-item[1], item[0]))[:_MOST]
    )
    return base.model_copy(update={"grooves": grooves}) if grooves else base


def _stroke(velocity: int) -> str:
    return "X" if velocity >= _ACCENT else "o" if velocity <= _SOFT else "x"


def _share(answers: Iterable[bool]) -> float:
    given = list(answers)
    return sum(given) / len(given)
