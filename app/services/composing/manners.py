"""Ways of playing that a voice was asked for: how long its notes sound, how its chords are struck, where it breathes.

Rule: a voice that was asked for nothing plays as its style does; only breath is every player's own.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.models.plan import Manner, Plan, Role, Voice
from app.models.score import Note
from app.services.composing.limits import SHORTEST_BEATS
from app.services.styles.idioms import Pattern
from app.services.theory.instruments import INSTRUMENTS

#: Share of its written length that a note sounds, and its longest sound in seconds.
SHORTENED: dict[Manner, tuple[float, float]] = {
    "staccato": (0.42, 0.35), "pizzicato": (0.5, 0.3), "palm_muted": (0.34, 0.2), "accented": (0.82, 8.0),
}  # fmt: skip

#: What an accent adds to a velocity, and to that of a note on the beat.
ACCENT, ACCENT_ON_BEAT = 5, 8

#: A legato line bridges gaps up to this many beats, and overlaps the next note by this many.
BRIDGED_BEATS, OVERLAP_BEATS = 0.75, 0.02

#: Roles that play lines, which legato binds.
LINES: frozenset[Role] = frozenset({"lead", "counter", "arpeggio", "bass"})

#: Strokes a second of a tremolo, notes that are long enough for one, in beats, and roles that may play it.
TREMOLO_HZ, TREMBLED_FROM_BEATS = 11.0, 0.9
TREMBLING: frozenset[Role] = frozenset({"lead", "counter", "chords", "pad", "texture"})

#: How long a chord takes to open, at least, in milliseconds.
OPENING_MS: dict[Manner, float] = {"strummed": 38.0, "arpeggiated": 120.0}

#: Picking and strumming where a style has none of its own, in 4/4.
PICKED = (Pattern(rhythm="b-3-2-4-1-3-2-4-"), Pattern(rhythm="b-4-2-5-b-4-3-2-"), Pattern(rhythm="1-3-4-3-2-3-4-3-"))
STRUMMED = (Pattern(rhythm="X---x-xo..xox-xo"), Pattern(rhythm="X---x-o---o-x-o-"), Pattern(rhythm="X-x-xoxoX-x-xoxo"))

#: Families and instruments that need breath, how long one lasts and how long it takes, in seconds; some ensembles
#: breathe in turns.
BLOWN = frozenset({"pipe", "reed", "brass"})
SUNG = frozenset({"choir_aahs", "voice_oohs"})
BREATH_S, INHALING_S = 6.5, 0.22
BREATHERS: frozenset[Role] = frozenset({"lead", "counter"})
SECTIONS = frozenset({"brass_section", "synth_brass_1", "synth_brass_2", "accordion", "harmonica"})


def struck_as_asked(voice: Voice, patterns: tuple[Pattern, ...]) -> tuple[Pattern, ...]:
    """Of a style's patterns those that are picked or strummed, if that was asked for; plain ones if it has none."""
    if {"fingerpicked", "arpeggiated"} & set(voice.manner):
        return tuple(pattern for pattern in patterns if _is_picked(pattern)) or PICKED
    if "strummed" in voice.manner:
        return tuple(pattern for pattern in patterns if _is_strummed(pattern)) or STRUMMED
    return patterns


def _is_picked(pattern: Pattern) -> bool:
    """Whether most of its strokes are single notes."""
    strokes = [sign for sign in pattern.rhythm if sign not in ".-|"]
    return sum(sign.isdigit() or sign == "b" for sign in strokes) > 0.7 * len(strokes) and len(strokes) > 3


def _is_strummed(pattern: Pattern) -> bool:
    """Whether it strikes all strings, at least five times in four beats."""
    bars = pattern.rhythm.split("|")
    strokes = [sign for bar in bars for sign in bar if sign in "Xxos"]
    return not any(sign.isdigit() for sign in pattern.rhythm) and len(strokes) >= 5 * len(bars)


def trembled(plan: Plan, voice: Voice, notes: Sequence[Note]) -> list[Note]:
    """Long notes as many quick strokes, if a tremolo was asked for."""
    if "tremolo" not in voice.manner or voice.role not in TREMBLING or voice.instrument == "tremolo_strings":
        return list(notes)
    strokes_a_beat = max(2.0, 2.0 ** round(np.log2(TREMOLO_HZ * 60.0 / plan.tempo_bpm)))
    made: list[Note] = []
    for note in notes:
        count = int(note.length_beats * strokes_a_beat + 1e-6) if note.length_beats >= TREMBLED_FROM_BEATS else 1
        step = note.length_beats / count
        for turn in range(count):
            # Down-strokes weigh a little more than those between.
            force = note.velocity if turn == 0 else max(1, note.velocity - (8 if turn % 2 else 4))
            made.append(
                replace(note, start_beat=note.start_beat + turn * step, length_beats=step * 0.98, velocity=force)
            )
    return sorted(made, key=lambda note: (note.start_beat, note.pitch))


def needs_breath(voice: Voice) -> bool:
    """Whether it is sung or blown by people who breathe when they must."""
    blown = INSTRUMENTS[voice.instrument].family in BLOWN and voice.instrument not in SECTIONS
    return blown or voice.instrument in SUNG


def articulated(
    starts: NDArray[np.float64], ends: NDArray[np.float64], voice: Voice, beats_a_second: float
) -> NDArray[np.float64]:
    """Where notes end, as they were asked to be played and as breath allows; `starts` ascend."""
    for manner in voice.manner:
        if manner in SHORTENED:
            part, longest_s = SHORTENED[manner]
            lengths = np.minimum((ends - starts) * part, longest_s * beats_a_second)
            ends = np.minimum(ends, starts + np.maximum(lengths, SHORTEST_BEATS))
        elif manner == "legato" and voice.role in LINES:
            later = np.searchsorted(starts, starts + 1e-6, side="right")
            following = np.append(starts, np.inf)[later]
            bridged = (following > ends) & (following - ends <= BRIDGED_BEATS)
            ends = np.where(bridged, following + OVERLAP_BEATS, ends)
    return _breathing(starts, ends, voice, beats_a_second)


def _breathing(
    starts: NDArray[np.float64], ends: NDArray[np.float64], voice: Voice, beats_a_second: float
) -> NDArray[np.float64]:
    """Lines of singers and wind players with room for breath: no longer without a gap than a breath lasts."""
    if voice.role not in BREATHERS or not needs_breath(voice):
        return ends
    breath, inhaling = BREATH_S * beats_a_second, INHALING_S * beats_a_second
    made = ends.copy()
    begun = starts[0] if len(starts) else 0.0
    for place in range(len(starts) - 1):
        gap = starts[place + 1] - made[place]
        if gap >= inhaling * 0.8:
            begun = starts[place + 1]
        elif starts[place + 1] + (ends[place + 1] - starts[place + 1]) - begun > breath:
            room = starts[place + 1] - starts[place]
            if room >= 2 * inhaling:
                made[place] = min(made[place], starts[place + 1] - inhaling)
                begun = starts[place + 1]
    longest = starts + breath
    held: NDArray[np.float64] = np.minimum(made, longest)
    return held


def accented(velocities: NDArray[np.float64], starts: NDArray[np.float64], voice: Voice) -> NDArray[np.float64]:
    """Velocities with the weight that was asked for."""
    if "accented" not in voice.manner:
        return velocities
    on_beat = np.abs(starts - np.round(starts)) < 1e-4
    weighed: NDArray[np.float64] = velocities + ACCENT + ACCENT_ON_BEAT * on_beat
    return weighed


def opening_ms(voice: Voice, width_ms: float) -> float:
    """Milliseconds in which the notes of a chord follow each other: the style's, or more if asked for."""
    return max([width_ms, *(width for manner, width in OPENING_MS.items() if manner in voice.manner)])
