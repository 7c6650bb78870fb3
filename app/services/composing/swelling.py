"""Where held notes grow and fade: a part's notes go in, its strength from beat to beat comes out.

A bow, a breath and a choir shape what they hold; what is struck or plucked cannot. The full strength is that of the
note's velocity, so a swell only ever takes away from it.
"""

from collections.abc import Sequence

from app.models.plan import Role, Section, Voice
from app.models.score import Note, Strength
from app.services.theory.instruments import INSTRUMENTS

#: Families whose players hold a note alive, and those among them who strike or pluck.
SUSTAINED = frozenset({"strings", "ensemble", "brass", "reed", "pipe", "synth_pad"})
STRUCK = frozenset({"pizzicato_strings", "harp", "timpani", "orchestra_hit", "tremolo_strings"})

#: Roles that hold notes.
ROLES: frozenset[Role] = frozenset({"lead", "counter", "chords", "pad", "bass", "texture"})

#: A note is shaped from so many seconds on.
LEAST_S = 1.6

#: Strength at which a held note begins and ends, against its height, and where that height stands in it (0…1).
BEGINS, ENDS, PEAK = 0.66, 0.8, 0.55

#: The same of notes in sections that grow: they lead on into the next.
GROWING_BEGINS = 0.5

#: Strength at the end of the last note of all.
DIES_AWAY = 0.45

#: Beats before a note's end in which its strength turns to what the next begins with.
_TURN_BEATS = 0.12


def strengths(
    notes: Sequence[Note],
    voice: Voice,
    *,
    beat_s: float,
    sections: Sequence[tuple[float, Section]],
    length_beats: float,
    closes: bool,
) -> tuple[Strength, ...]:
    """The course of a part's strength; empty where nothing is held long enough.

    `beat_s` is seconds of a beat, `sections` each section with its first beat, in order. With `closes`, what lasts to
    the end dies away there; a loop goes on.
    """
    if INSTRUMENTS[voice.instrument].family not in SUSTAINED or voice.instrument in STRUCK or voice.role not in ROLES:
        return ()
    groups: dict[float, float] = {}
    for note in notes:
        end = note.start_beat + note.length_beats
        groups[note.start_beat] = max(groups.get(note.start_beat, 0.0), end)
    starts = sorted(groups)
    points: list[Strength] = []
    shaped = False
    for start, following in zip(starts, (*starts[1:], length_beats)[: len(starts)], strict=True):
        end = min(groups[start], following) - _TURN_BEATS
        if end - start <= 2 * _TURN_BEATS:
            points.append(Strength(beat=start, level=1.0))
            continue
        if (groups[start] - start) * beat_s < LEAST_S or (end - start) * beat_s < LEAST_S / 2:
            points += [Strength(beat=start, level=1.0), Strength(beat=round(end, 6), level=1.0)]
            continue
        shaped = True
        points += _held(start, end, _grows(sections, start), last=closes and groups[start] >= length_beats - 1e-6)
    return tuple(points) if shaped else ()


def _held(start: float, end: float, grows: bool, *, last: bool) -> list[Strength]:
    """The course of one held note: it swells and sinks, grows where its section does, or dies away at the close."""
    curve: tuple[tuple[float, float], ...]
    if last:
        curve = ((0.0, 0.85), (0.2, 1.0), (1.0, DIES_AWAY))
    elif grows:
        curve = ((0.0, GROWING_BEGINS), (1.0, 1.0))
    else:
        curve = ((0.0, BEGINS), (PEAK, 1.0), (1.0, ENDS))
    return [Strength(beat=round(start + place * (end - start), 6), level=level) for place, level in curve]


def _grows(sections: Sequence[tuple[float, Section]], beat: float) -> bool:
    """Whether the section of a beat leads up to a stronger one."""
    index = max((i for i, (first, _) in enumerate(sections) if first <= beat + 1e-6), default=0)
    section = sections[index][1]
    following = sections[index + 1][1] if index + 1 < len(sections) else None
    return section.kind == "build" or (following is not None and following.energy > section.energy + 0.25)
