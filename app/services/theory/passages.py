"""Passages of a melody: eight notes by their intervals and rhythm, whatever the key they stand in.

Repeated notes and plain scales are nobody's, and are no passages.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from zlib import crc32

#: Notes of a passage.
PASSAGE_NOTES = 8

#: Steps a beat to which rhythms are rounded before they are compared.
_STEPS = 12

#: Widest step of a scale in semitones.
_SCALE_STEP = 2


def passages(pitches: Sequence[int], starts: Sequence[float]) -> Iterator[tuple[int, int]]:
    """(place of the first note, mark) of each passage of a line; equal passages have equal marks, 0…2^32 − 1.

    `starts` are beats, as many as `pitches`, in order.

    >>> tune = [60, 64, 62, 67, 65, 69, 67, 72]
    >>> higher = [pitch + 5 for pitch in tune]
    >>> list(passages(tune, range(8))) == list(passages(higher, range(8)))
    True
    >>> list(passages(range(60, 68), range(8)))
    []
    """
    for place in range(len(pitches) - PASSAGE_NOTES + 1):
        line = pitches[place : place + PASSAGE_NOTES]
        moves = tuple(later - earlier for earlier, later in pairwise(line))
        if not _plain(moves):
            times = starts[place : place + PASSAGE_NOTES]
            rhythm = tuple(round(_STEPS * (later - earlier)) for earlier, later in pairwise(times))
            yield place, crc32(repr((moves, rhythm)).encode())


def _plain(moves: Sequence[int]) -> bool:
    """Whether a line only repeats its note, or only goes up or down by step."""
    up, down = (all(0 < sign * move <= _SCALE_STEP for move in moves) for sign in (1, -1))
    return up or down or not any(moves)
