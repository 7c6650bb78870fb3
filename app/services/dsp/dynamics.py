"""Compressor and limiter as pure functions: levels of a whole piece's cells go in, gains of its cells come out.

Knowing the whole piece, both look ahead for nothing: no delay, no attack that comes too late.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import convolve1d, minimum_filter1d

from app.models.audio import SAMPLE_RATE
from app.services.dsp.cells import CELL_FRAMES
from app.services.dsp.recursion import filter_direct

#: Seconds of a cell.
_CELL_S = CELL_FRAMES / SAMPLE_RATE

#: The compressor's detector and its return, as time constants; the first spares the attack of a drum.
_DETECTOR_S = 0.02
_RETURN_S = 0.18
#: Over this many decibels around the threshold compression sets in bit by bit.
_KNEE_DB = 6.0

#: Cells on either side of a loop's seam that its gains depend on: 3 s, many times the slowest return.
_SEAM_CELLS = 2_048

#: The limiter bends down over this odd number of cells around a peak (7 ms), and holds on for a cycle of a low bass
#: note, so that it does not follow the wave itself.
_ATTACK_CELLS = 5
_HOLD_CELLS = 12


def compressor_gains(power: NDArray[np.float32], *, threshold_db: float, ratio: float) -> NDArray[np.float32]:
    """Gains of a gentle bus compressor with a soft knee, from the power of each cell; both shape (cells,).

    `threshold_db` is a level of power: 0 dB is a mean square of 1, summed over channels. `ratio` is 1 or more.
    """
    heard = _smooth(power.astype(np.float64), _DETECTOR_S)
    over_db = 10 * np.log10(np.maximum(heard, 1e-20)) - threshold_db
    knee = np.clip((over_db + _KNEE_DB / 2) / _KNEE_DB, 0.0, 1.0)
    over_db = np.where(knee < 1.0, knee**2 * _KNEE_DB / 2, over_db)
    down_db = over_db * (1 - 1 / ratio)
    # Down as fast as the detector, back up slowly.
    down_db = np.maximum(down_db, _smooth(down_db, _RETURN_S))
    return _gains(-down_db)


def power_percentile_db(power: NDArray[np.float32], percent: float) -> float:
    """Level that so many percent of the sounding cells stay below, in decibels of power; −200.0 for silence."""
    heard = _smooth(power.astype(np.float64), _DETECTOR_S)
    loudest = heard.max(initial=0.0)
    if loudest < 1e-20:
        return -200.0
    # Rests say nothing about how loud the loud passages are: what lies 40 dB below the loudest does not count.
    return float(10 * np.log10(np.percentile(heard[heard > loudest * 1e-4], percent)))


def limiter_gains(
    peaks: NDArray[np.float32], *, gain_db: float, ceiling_db: float, release_db_per_s: float
) -> NDArray[np.float32]:
    """Gains that bring each cell to `gain_db`, or as near as its true peak allows; both shape (cells,).

    The limiter lets go by `release_db_per_s`. No cell times its gain rises above the ceiling, and a higher `gain_db`
    never gives a lower gain anywhere.
    """
    room_db = ceiling_db - 20 * np.log10(np.maximum(peaks.astype(np.float64), 1e-10))
    gains_db = np.minimum(room_db, gain_db)
    if gains_db.min(initial=gain_db) == gain_db:
        return _gains(gains_db)
    # Each cell takes the lowest gain wanted from half an attack ahead to half an attack and the hold behind, …
    gains_db = minimum_filter1d(gains_db, _ATTACK_CELLS, mode="nearest")
    behind = _HOLD_CELLS // 2
    gains_db = minimum_filter1d(gains_db, 2 * behind + 1, mode="nearest", origin=behind)
    # … rises again along a straight line in decibels: g[k] = min over j ≤ k of g[j] + rise · (k − j), …
    line = np.arange(len(gains_db)) * (release_db_per_s * _CELL_S)
    gains_db = np.minimum(np.minimum.accumulate(gains_db - line) + line, gain_db)
    # … and is rounded off over the attack. Every value averaged here already respects the peak of this cell.
    window = np.hanning(_ATTACK_CELLS + 2)[1:-1]
    smooth: NDArray[np.float64] = convolve1d(10 ** (gains_db / 20), window / window.sum(), mode="nearest")
    return smooth.astype(np.float32)


def around_seam(
    cells: NDArray[np.float32], gains: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """What `gains` makes of a loop's cells, shape (cells,), where the end is followed by the beginning."""
    before, after = (np.arange(-_SEAM_CELLS, 0), np.arange(len(cells), len(cells) + _SEAM_CELLS))
    padded = np.concatenate((cells.take(before, mode="wrap"), cells, cells.take(after, mode="wrap")))
    return gains(padded)[_SEAM_CELLS : _SEAM_CELLS + len(cells)]


def _smooth(values: NDArray[np.float64], time_s: float) -> NDArray[np.float64]:
    keep = math.exp(-_CELL_S / time_s)
    return filter_direct(np.array((1 - keep, 0.0)), np.array((1.0, -keep)), values)[0]


def _gains(levels_db: NDArray[np.float64]) -> NDArray[np.float32]:
    return (10 ** (levels_db / 20)).astype(np.float32)
