"""The shape of finished audio: where it changes, how loud it is in between, how it ends or meets its beginning."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.listening.ear import LEVELS_PER_S, Sound
from app.services.listening.rhythm import STRENGTHS_PER_S, Levels

#: What lies this long before and after a moment is held against each other.
_REACH_S = 4.0

#: Sections differ by so many decibels a band on average, and are at least so long.
_CHANGE_DB = 3.3
_SHORTEST_S = 3.5

#: The last moment of a piece, and the moments on either side of a seam.
_LAST_S, _SEAM_S = 0.02, 0.2

#: Nothing is quieter than this, in dB below full scale.
_SILENCE_DB = -100.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Stretch:
    """A stretch of music between two changes."""

    start_s: float
    #: Its level against that of the whole piece, in dB.
    level_db: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ends:
    """The last moment of a piece, and how it would go on with the first."""

    #: Level of the last 20 ms against that of the whole piece, in dB.
    last_db: float
    #: Level of the first 20 ms, likewise.
    first_db: float
    #: The step from the last sample to the first against the largest around it: up to 1 nobody hears it.
    seam_step: float
    #: How much louder the first 200 ms are than the last 200 ms, in dB.
    seam_rise_db: float


def measure_sections(levels: Levels, powers: NDArray[np.float64]) -> list[Stretch]:
    """Stretches of a piece, the first from 0 s; from what `band_levels` gives and the power of each 100 ms."""
    second = round(STRENGTHS_PER_S / 2)
    halves = len(levels) // second
    whole_db = _decibels(float(powers.mean())) if len(powers) else _SILENCE_DB
    if halves < 2:
        return [Stretch(start_s=0.0, level_db=0.0)]
    steps = levels[: halves * second].reshape(halves, second, -1).mean(axis=1).astype(np.float64)
    reach = round(2 * _REACH_S)
    totals = np.concatenate((np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)))
    changes = np.zeros(halves)
    for at in range(2, halves - 1):
        before, after = max(0, at - reach), min(halves, at + reach)
        apart = (totals[after] - totals[at]) / (after - at) - (totals[at] - totals[before]) / (at - before)
        # Few moments say less than many.
        changes[at] = np.abs(apart).mean() * min(1.0, (min(at - before, after - at) / reach) ** 0.5)
    starts = [0]
    for at in np.argsort(-changes):
        if changes[at] < _CHANGE_DB:
            break
        if all(abs(int(at) - other) >= 2 * _SHORTEST_S for other in (*starts, halves)):
            starts.append(int(at))
    starts.sort()
    seconds = halves * second / STRENGTHS_PER_S
    ends = [start * second / STRENGTHS_PER_S for start in starts] + [seconds]
    return [
        Stretch(start_s=round(begin, 1), level_db=round(_level_db(powers, begin, end) - whole_db, 1))
        for begin, end in pairwise(ends)
    ]


def measure_ends(sound: Sound) -> Ends:
    """How a piece begins and ends, and how the one would follow on the other."""
    whole_db = _decibels(float(sound.powers.mean())) if len(sound.powers) else _SILENCE_DB
    last, seam = round(_LAST_S * SAMPLE_RATE), round(_SEAM_S * SAMPLE_RATE)
    around = np.concatenate((sound.end[-seam:], sound.beginning[:seam]))
    steps = np.abs(np.diff(around.astype(np.float64), axis=0)).max(axis=1)
    middle = len(sound.end[-seam:]) - 1
    others = np.delete(steps, middle)
    return Ends(
        last_db=round(_mean_db(sound.end[-last:]) - whole_db, 1),
        first_db=round(_mean_db(sound.beginning[:last]) - whole_db, 1),
        seam_step=round(float(steps[middle] / max(others.max(initial=0.0), 1e-9)), 2),
        seam_rise_db=round(_mean_db(sound.beginning[:seam]) - _mean_db(sound.end[-seam:]), 1),
    )


def _level_db(powers: NDArray[np.float64], begin_s: float, end_s: float) -> float:
    piece = powers[round(begin_s * LEVELS_PER_S) : max(round(end_s * LEVELS_PER_S), round(begin_s * LEVELS_PER_S) + 1)]
    return _decibels(float(piece.mean())) if len(piece) else _SILENCE_DB


def _mean_db(samples: NDArray[np.float32]) -> float:
    return _decibels(float(np.square(samples, dtype=np.float64).mean())) if len(samples) else _SILENCE_DB


def _decibels(power: float) -> float:
    return max(float(10 * np.log10(max(power, 1e-12))), _SILENCE_DB)
