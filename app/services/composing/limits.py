"""The last look at a line: within its register and its time, sorted, no pitch struck while it still sounds."""

from collections.abc import Iterable

from app.models.plan import Voice
from app.models.score import DRUM_ROLES, Note
from app.services.theory.instruments import INSTRUMENTS

#: Shortest note kept, in beats.
SHORTEST_BEATS = 0.04

#: Start beats are rounded to this many decimals, so that equal moments are equal.
_DECIMALS = 6


def reach(voice: Voice) -> tuple[int, int]:
    """Lowest and highest pitch that both the plan and the instrument allow a voice.

    Where the two do not meet, the instrument's word counts, at the edge nearer to the plan's.
    """
    row = INSTRUMENTS[voice.instrument]
    low, high = max(voice.low_pitch, row.low_pitch), min(voice.high_pitch, row.high_pitch)
    if low > high:
        edge = row.low_pitch if voice.high_pitch < row.low_pitch else row.high_pitch
        return edge, edge
    return low, high


def folded(pitch: int, low: int, high: int) -> int:
    """The pitch moved by octaves into low…high; the nearest edge where no octave fits.

    >>> folded(40, 48, 72), folded(90, 48, 72), folded(50, 60, 61)
    (52, 66, 60)
    """
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch if pitch >= low else min((low, high), key=lambda edge: abs(edge - pitch))


def finished(notes: Iterable[Note], voice: Voice, length_beats: float, *, single: bool = False) -> tuple[Note, ...]:
    """Notes of a part as a score wants them. `single` cuts each note where the next begins."""
    low, high = reach(voice)
    pitched = voice.role not in DRUM_ROLES
    strongest: dict[tuple[float, int], tuple[float, int]] = {}
    latest = length_beats - SHORTEST_BEATS
    for note in notes:
        start, pitch, length = round(note.start_beat, _DECIMALS), note.pitch, note.length_beats
        if not low <= pitch <= high:
            if not pitched:
                continue
            pitch = folded(pitch, low, high)
        if start >= latest:
            continue
        before = strongest.get((start, pitch))
        if before is None:
            strongest[start, pitch] = (length, note.velocity)
        else:
            strongest[start, pitch] = (max(length, before[0]), max(note.velocity, before[1]))
    ordered = sorted(strongest)
    ends = _single_ends(ordered) if single else _pitch_ends(ordered)
    made = []
    for (start, pitch), end in zip(ordered, ends, strict=True):
        length, velocity = strongest[start, pitch]
        length = round(min(length, end - start, length_beats - start), _DECIMALS)
        if length >= SHORTEST_BEATS:
            made.append(Note(pitch=pitch, start_beat=start, length_beats=length, velocity=velocity))
    return tuple(made)


def _pitch_ends(places: list[tuple[float, int]]) -> list[float]:
    """Where each note must have ended: the next start of its own pitch."""
    following: dict[int, float] = {}
    ends: list[float] = []
    for start, pitch in reversed(places):
        ends.append(following.get(pitch, float("inf")))
        following[pitch] = start
    return ends[::-1]


def _single_ends(places: list[tuple[float, int]]) -> list[float]:
    """Where each note must have ended: the next start of any other note; notes struck together stay together."""
    ends: list[float] = []
    upcoming, current = float("inf"), float("inf")
    for start, _ in reversed(places):
        if start < current:
            upcoming, current = current, start
        ends.append(upcoming)
    return ends[::-1]
