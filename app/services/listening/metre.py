"""The metre of finished audio: after how many beats the music, its low tones and its turns of harmony come back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.services.listening.rhythm import LOW_BANDS, STRENGTHS_PER_S, Strength, Tempo, similarity

#: Lengths of a bar in half beats, by what it is counted in: whatever multiple of the beat was found as the tempo.
_BARS = {2: (4, 8, 16), 3: (3, 6, 12), 5: (5, 10, 20), 7: (7, 14)}

#: Metres that sound alike to this ear, by what they are counted in.
METRES = {2: "2/4 or 4/4", 3: "3/4 or 6/8", 5: "5/4", 7: "7/8"}

#: A bar lasts between these, in seconds.
_SHORTEST_S, _LONGEST_S = 0.9, 5.0

#: A metre is told where the music resembles itself so much more a bar later than a beat before or after that, and where
#: that is so much more than with any other bar.
_SURE, _CLEAR = 0.04, 0.03

#: Variance of the turns of harmony below which there are none.
_FAINTEST_TURNS = 1e-4

#: A bar may come so many onset strengths early or late and still be found.
_GIVE = np.arange(-2.0, 2.01, 0.5)


@dataclass(frozen=True, kw_only=True, slots=True)
class Metre:
    """How a piece is counted."""

    #: 2, 3, 5 or 7: the beats of its bar, or what divides them.
    count: int
    #: How much more it resembles itself a bar later than after the next best bar, 0…1.
    clarity: float


def count_of(time_signature: str) -> int | None:
    """What the bars of a written metre are counted in by its quarters; None for metres that are not listened for.

    >>> count_of("6/8"), count_of("4/4")
    (3, 2)
    """
    return {"2/4": 2, "4/4": 2, "12/8": 3, "3/4": 3, "6/8": 3, "5/4": 5, "7/8": 7}.get(time_signature)


def measure_metre(strengths: Strength, turns: NDArray[np.float32], tempo: Tempo) -> Metre | None:
    """The metre of a piece, from `onset_strengths`, `harmony_turns` and the tempo; None where it cannot be told."""
    rows = [similarity(strengths.sum(axis=0)), similarity(strengths[:LOW_BANDS].sum(axis=0))]
    rows.append(similarity(turns, faintest=_FAINTEST_TURNS))
    told = [row for row in rows if len(row)]
    if not told:
        return None
    shortest = min(map(len, told))
    similar = np.mean([row[:shortest] for row in told], axis=0)
    half_beat = 30.0 / tempo.tempo_bpm * STRENGTHS_PER_S
    beat = 2 * half_beat
    places = np.arange(len(similar))

    def likeness(lag: float) -> float:
        return float(np.interp(lag + _GIVE, places, similar).max())

    def stands_out(lag: float) -> float:
        # Where the beat wanders, what lies further apart is less alike whatever the metre: only neighbours compare.
        return likeness(lag) - (likeness(lag - beat) + likeness(lag + beat)) / 2

    found: dict[int, float] = {}
    for count, bars in _BARS.items():
        for lag in (bar * half_beat for bar in bars):
            if not _SHORTEST_S <= lag / STRENGTHS_PER_S <= _LONGEST_S:
                continue
            came_back = [stands_out(turn * lag) for turn in (1, 2, 3) if turn * lag + beat < len(similar) - 3]
            if came_back:
                found[count] = max(found.get(count, 0.0), sum(came_back) / len(came_back))
    if not found:
        return None
    ranked = sorted(found, key=lambda count: -found[count])
    best, others = found[ranked[0]], [found[count] for count in ranked[1:]]
    clarity = (best - max(others, default=0.0)) / max(best, 1e-9)
    if best < _SURE or clarity < _CLEAR:
        return None
    return Metre(count=ranked[0], clarity=round(clarity, 3))
