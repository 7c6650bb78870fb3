"""Score → performance: swing, the small freedoms of time and touch that players take, strums, rolls, pedal.

Rule: no note is added, left out or moved to another pitch, and what stands on beat 0 stays there.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.models.plan import Plan, Role, Voice
from app.models.score import DRUM_ROLES, Note, Part, Score
from app.services.composing.limits import SHORTEST_BEATS
from app.services.composing.manners import SHORTENED, accented, articulated, opening_ms
from app.services.styles import Style, load_style
from app.services.theory.drum_keys import DRUM_KEYS
from app.services.theory.instruments import INSTRUMENTS
from app.services.theory.metre import metre_of
from app.utils.seeds import rng_for

#: How much of the style's freedom in time a role takes.
LOOSENESS: dict[Role, float] = {
    "lead": 1.0, "counter": 0.9, "chords": 0.7, "arpeggio": 0.4, "pad": 0.8, "bass": 0.5, "drums": 0.35,
    "percussion": 0.6, "texture": 0.8,
}  # fmt: skip

#: How far the whole band drifts from one beat to the next, against the style's freedom in time; and at most.
DRIFT, WIDEST_DRIFT_S = 0.95, 0.045

#: Tempo from which down the whole band drifts further.
DRIFT_BPM = 115.0

#: Families whose chords are strummed.
STRUMMED = frozenset({"guitar", "ethnic"})

#: Families, and one instrument, whose broad chords are rolled.
ROLLED = frozenset({"piano", "mallets"})

#: Instruments whose dampers a pedal lifts, or that ring until they are damped by hand.
PEDALLED = frozenset({
    "acoustic_grand_piano", "bright_acoustic_piano", "electric_grand_piano", "electric_piano_1", "electric_piano_2",
    "fm_piano", "vibraphone", "harp", "celesta",
})  # fmt: skip

#: Roles that are played with the pedal; a melody is left clear.
PEDALLED_ROLES: frozenset[Role] = frozenset({"chords", "arpeggio", "bass", "pad"})

#: The pedal is changed after so long at the latest, in seconds.
LONGEST_PEDAL_S = 4.0

#: Drums that a laid-back player puts behind the beat.
BACKBEATS = frozenset({DRUM_KEYS["snare"], DRUM_KEYS["clap"], DRUM_KEYS["rim"], DRUM_KEYS["snare_2"]})

#: How much more the first beat of a bar of three weighs, and how much less all others: who plays in three leans on one.
LEAN_IN_THREE = (1.1, 0.88)

#: From the second tempo down to the first, accompaniment that plays on the beat and between leans on it more and more:
#: so much louder on it, so much softer between. Who plays between the beats mostly, as in reggae, means it.
SLOW_BPM, LEAN_ON, LEAN_OFF, MOSTLY_BETWEEN = (84.0, 104.0), 0.06, 0.24, 0.7
LEANING: frozenset[Role] = frozenset({"chords", "arpeggio", "bass", "drums", "percussion"})

#: Positions within a beat are looked up on this grid.
_FINE = 1e-4


def perform(score: Score, plan: Plan) -> Score:
    """The score as people would play it."""
    style = load_style(plan.style)
    drift = _drift(score, plan, style)
    return replace(
        score,
        parts=tuple(_performed(part, plan.voice(part.voice), score, plan, style, drift) for part in score.parts),
    )


def _drift(score: Score, plan: Plan, style: Style) -> NDArray[np.float64]:
    """Seconds that the whole band runs early or late together, at each beat: slow, small, zero at the start.

    In a loop it is zero at the end too.
    """
    rng = rng_for(plan.seed, "drift")
    # Slow beats are kept less exactly: people are off by a share of the time between two.
    looseness_s = style.feel.timing_ms / 1000 * DRIFT * max(1.0, DRIFT_BPM / plan.tempo_bpm)
    steps = rng.normal(0.0, looseness_s, int(score.length_beats) + 2)
    wander = np.zeros(len(steps))
    for beat in range(1, len(steps)):
        wander[beat] = 0.85 * wander[beat - 1] + steps[beat]
    if plan.loop:
        # The band comes back to where it set out, or the beat would jump at the seam.
        beats = np.arange(len(wander))
        wander = wander - np.interp(score.length_beats, beats, wander) * beats / score.length_beats
    return wander.clip(-WIDEST_DRIFT_S, WIDEST_DRIFT_S)


def _performed(part: Part, voice: Voice, score: Score, plan: Plan, style: Style, drift: NDArray[np.float64]) -> Part:
    if not part.notes:
        return part
    rng = rng_for(plan.seed, "play", voice.name)
    starts = np.array([note.start_beat for note in part.notes])
    ends = starts + np.array([note.length_beats for note in part.notes])
    pitches = np.array([note.pitch for note in part.notes])
    velocities = np.array([note.velocity for note in part.notes], dtype=float)
    beats_a_second = plan.tempo_bpm / 60.0

    moment, together = np.unique(starts, return_inverse=True)
    shifts = rng.normal(0.0, 1.0, len(moment)).clip(-2.2, 2.2)[together] * LOOSENESS[voice.role]
    late_ms = shifts * style.feel.timing_ms + _lean_ms(voice, pitches, style)
    late = late_ms / 1000 * beats_a_second + np.interp(starts, np.arange(len(drift)), drift) * beats_a_second
    late[starts < _FINE] = 0.0
    if not set(voice.manner) & SHORTENED.keys():
        ends = _pedalled(ends, starts, score, voice, style)
    if voice.role not in DRUM_ROLES:
        ends = articulated(starts, ends, voice, beats_a_second)
        velocities = accented(velocities, starts, voice)
    late += _spread_ms(voice, starts, together, style) / 1000 * beats_a_second

    swung_starts, swung_ends = _swung(starts, plan, style), _swung(ends, plan, style)
    played_starts = np.maximum(swung_starts + late, 0.0)
    played_ends = np.minimum(
        np.maximum(swung_ends + np.minimum(late, 0.0), played_starts + SHORTEST_BEATS), score.length_beats
    )
    played_starts = np.minimum(played_starts, played_ends - SHORTEST_BEATS)
    touch = rng.normal(0.0, style.feel.touch, len(starts)).clip(-0.25, 0.25)
    felt = _phrasing(starts, score, voice) * _lean(starts, plan, voice)
    weights = np.clip(np.round(velocities * (1.0 + touch) * felt), 1, 127)
    played = [
        Note(pitch=pitch, start_beat=round(start, 6), length_beats=round(end - start, 6), velocity=int(weight))
        for pitch, start, end, weight in zip(
            pitches.tolist(), played_starts.tolist(), played_ends.tolist(), weights.tolist(), strict=True
        )
    ]
    notes = _untangled(sorted(played, key=lambda note: (note.start_beat, note.pitch)))
    return Part(voice=part.voice, notes=notes, strength=part.strength)


def _pedalled(
    ends: NDArray[np.float64], starts: NDArray[np.float64], score: Score, voice: Voice, style: Style
) -> NDArray[np.float64]:
    """Ends of notes that the pedal holds: towards the end of the chord they were struck in, but not for ever."""
    if style.feel.pedal <= 0 or voice.instrument not in PEDALLED or voice.role not in PEDALLED_ROLES:
        return ends
    borders = np.array([chord.start_beat for chord in score.chords[1:]] + [score.length_beats])
    border = borders[np.searchsorted(borders, starts + _FINE, side="right").clip(0, len(borders) - 1)]
    longest = LONGEST_PEDAL_S * score.tempo_changes[0].tempo_bpm / 60.0
    held = np.minimum(border, starts + longest)
    pedalled: NDArray[np.float64] = np.maximum(ends, ends + style.feel.pedal * (held - ends))
    return pedalled


def _lean_ms(voice: Voice, pitches: NDArray[np.int_], style: Style) -> NDArray[np.float64]:
    """How far behind the beat a voice leans on purpose."""
    lean = np.zeros(len(pitches))
    if voice.role == "lead":
        lean += style.feel.lead_late_ms
    elif voice.role in DRUM_ROLES:
        lean[np.isin(pitches, list(BACKBEATS))] += style.feel.snare_late_ms
    return lean


def _spread_ms(
    voice: Voice, starts: NDArray[np.float64], together: NDArray[np.intp], style: Style
) -> NDArray[np.float64]:
    """Strums and rolls: how much later each note of a chord comes than its first."""
    spread = np.zeros(len(starts))
    if voice.role in DRUM_ROLES:
        return spread
    family = INSTRUMENTS[voice.instrument].family
    rolled = family in ROLLED or voice.instrument == "harp"
    width_ms = style.feel.strum_ms if family in STRUMMED else style.feel.roll_ms if rolled else 0.0
    width_ms = opening_ms(voice, width_ms)
    sizes = np.bincount(together)
    if width_ms <= 0 or sizes.max() < 3:
        return spread
    first = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    rank = np.arange(len(starts)) - first[together]
    size = sizes[together]
    # Off-beats are strummed upwards, from the highest string down.
    upstroke = (family in STRUMMED) & (np.abs(starts % 1.0 - 0.5) < _FINE)
    rank = np.where(upstroke, size - 1 - rank, rank)
    chordal = size >= 3
    spread[chordal] = (rank * width_ms / np.maximum(size - 1, 1))[chordal]
    return spread


def _swung(beats: NDArray[np.float64], plan: Plan, style: Style) -> NDArray[np.float64]:
    """Off-beats moved towards the last third of their beat; what is already in triplets stays."""
    if plan.swing <= 0 or metre_of(plan.time_signature).compound:
        return beats
    unit = 1.0 if style.feel.swing_unit == "eighth" else 0.5
    inside = beats / unit % 1.0
    inside = np.where(inside > 1.0 - _FINE, 0.0, inside)
    on_grid = np.abs(inside * 4 - np.round(inside * 4)) < 4 * _FINE
    off_beat = 0.5 + plan.swing / 6.0
    warped = np.where(inside <= 0.5, inside * off_beat / 0.5, off_beat + (inside - 0.5) * (1.0 - off_beat) / 0.5)
    return np.where(on_grid, beats + (warped - inside) * unit, beats)


def _phrasing(starts: NDArray[np.float64], score: Score, voice: Voice) -> NDArray[np.float64]:
    """Weight over four-bar phrases: lines swell towards the third bar and relax."""
    if voice.role in DRUM_ROLES:
        return np.ones(len(starts))
    phrase = 16.0 * score.time_signature[0] / score.time_signature[1]
    along = starts / phrase % 1.0
    depth = 0.09 if voice.role in ("lead", "counter") else 0.05
    swell: NDArray[np.float64] = 1.0 + depth * np.sin(np.pi * along**1.3) - depth / 2
    return swell


def _lean(starts: NDArray[np.float64], plan: Plan, voice: Voice) -> NDArray[np.float64]:
    """Weight within the bar, of those who carry it: in three it leans on the first beat."""
    metre = metre_of(plan.time_signature)
    if voice.role == "lead":
        return np.ones(len(starts))
    if metre.upper != 3:
        return _lean_on_the_beat(starts, plan, voice)
    inside = starts % metre.beats
    first = (inside < _FINE) | (inside > metre.beats - _FINE)
    return np.where(first, *LEAN_IN_THREE)


def _lean_on_the_beat(starts: NDArray[np.float64], plan: Plan, voice: Voice) -> NDArray[np.float64]:
    """Weight within a slow beat: who plays on it and between leans on it, or one beat sounds like two."""
    slow = np.interp(plan.tempo_bpm, SLOW_BPM, (1.0, 0.0))
    inside = starts % 1.0
    between = (inside > 0.2) & (inside < 0.8)
    if slow == 0 or voice.role not in LEANING or plan.time_signature.endswith("8") or between.mean() > MOSTLY_BETWEEN:
        return np.ones(len(starts))
    return np.where(between, 1.0 - slow * LEAN_OFF, 1.0 + slow * LEAN_ON)


def _untangled(notes: list[Note]) -> tuple[Note, ...]:
    """Notes of one pitch ended where the next of that pitch begins."""
    following: dict[int, float] = {}
    made: list[Note] = []
    for note in reversed(notes):
        limit = following.get(note.pitch)
        if limit is not None and note.start_beat + note.length_beats > limit:
            length = max(limit - note.start_beat, 0.001)
            note = replace(note, length_beats=round(length, 6))
        following[note.pitch] = note.start_beat
        made.append(note)
    return tuple(reversed(made))
