"""The master as far as it can be known while the mix is still being made: blocks of mix in, blocks to listen to out.

It is the master's own way: its filters, its glue, its limiter, its fades. Only what hangs on the whole piece is
foretold: the gain, and from where on the glue reaches down. What is heard is the finished piece but for a gain that
hardly moves.

Rule: the samples depend on the mix and on the forecast only, so whoever makes them once more makes the same.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.models.audio import Samples
from app.models.plan import Mastering
from app.services.dsp.cells import CELL_FRAMES, apply_gains, cell_power, inner_edges
from app.services.dsp.dynamics import limiter_gains
from app.services.dsp.true_peak import cell_true_peaks
from app.services.mixing.levelling import MARGIN_DB, RELEASES_DB_PER_S
from app.services.mixing.mastering import Filters, at_once, end_fade, glue_by_threshold, start_ramp
from app.utils.units import db_to_gain

#: From a mix's loudness to the master's gain: what the limiter takes, and what a decibel of glue takes, has to be given
#: back; and to the level of its loud passages. Measured over 172 pieces in all styles.
_PUSH_DB = -1.1
_GLUE_SHARE = 0.45
_LOUD_DB = 6.5

#: Gains hang on so many cells before (3 s, many times the slowest return), and on a few that come.
_RUN_UP_CELLS = 2_048
_GLUE_AHEAD = 1
_LIMITER_AHEAD = 8


def foretold_gain_db(mastering: Mastering, expected_lufs: float) -> float:
    """The gain that a master will be given, as far as a mix's expected loudness tells."""
    return mastering.loudness_lufs - expected_lufs + _PUSH_DB + _GLUE_SHARE * mastering.glue_db


class Preview:
    """Masters a mix of `frames` frames, block by block from its first, with the gain that it is expected to get."""

    def __init__(self, mastering: Mastering, *, expected_lufs: float, frames: int) -> None:
        gain_db = foretold_gain_db(mastering, expected_lufs)
        ceiling_db = mastering.ceiling_dbtp - MARGIN_DB
        loud_db = expected_lufs + _LOUD_DB
        self._fade_out_s = mastering.fade_out_s
        self._loudest = db_to_gain(loud_db)
        self._frames = frames
        self._filters = Filters(mastering)
        self._taken = 0
        self._glue = _Course(lambda power: glue_by_threshold(power, loud_db, mastering.glue_db), ahead=_GLUE_AHEAD)
        self._limiter = _Course(
            lambda peaks: limiter_gains(
                peaks, gain_db=gain_db, ceiling_db=ceiling_db, release_db_per_s=RELEASES_DB_PER_S[0]
            ),
            ahead=_LIMITER_AHEAD,
        )
        self._peaks = _Peaks(db_to_gain(ceiling_db - gain_db))
        self._unglued = self._unlimited = np.empty((0, 2), np.float32)

    def add(self, block: Samples, *, filtered: bool = False) -> Samples:
        """Take the next block, shape (frames, 2); what is certain by now, the last few milliseconds with the next.

        `filtered` says that the master's filters have it behind them. A piece's blocks may come either way, those that
        have not first. Every block but the last holds a whole number of cells.
        """
        first, self._taken = self._taken, self._taken + len(block)
        last = self._taken >= self._frames
        block = np.array(block, np.float32)
        power = cell_power(block) if filtered else self._filters.process(block, at_once)
        if first == 0:
            start_ramp(block, loudest=self._loudest)
        end_fade(block, self._fade_out_s, place=first, frames=self._frames)
        self._unglued, glued = _shaped(self._unglued, block, self._glue.add(power, last=last))
        gains = self._limiter.add(self._peaks.add(glued, last=last), last=last)
        self._unlimited, loud = _shaped(self._unlimited, glued, gains)
        heard: Samples = np.clip(loud, -1.0, 1.0)
        return heard


class _Course:
    """Gains of cells that come bit by bit; the edges of those that no cell to come can change any more."""

    def __init__(self, gains: Callable[[NDArray[np.float32]], NDArray[np.float32]], *, ahead: int) -> None:
        self._gains = gains
        self._ahead = ahead
        #: Cells that have their gains and still matter, then those that wait.
        self._cells = np.empty(0, np.float32)
        self._waiting = 0
        self._edge: np.float32 | None = None

    def add(self, cells: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        """Shape (cells that became certain + 1,)."""
        self._cells = np.concatenate((self._cells, cells))
        self._waiting += len(cells)
        certain = self._waiting if last else max(0, self._waiting - self._ahead)
        first = len(self._cells) - self._waiting
        edges: NDArray[np.float32] = inner_edges(self._gains(self._cells))[first : first + certain + 1].copy()
        if self._edge is not None:
            edges[0] = self._edge
        self._edge = edges[-1]
        self._waiting -= certain
        self._cells = self._cells[-(_RUN_UP_CELLS + self._waiting) :]
        return edges


class _Peaks:
    """True peaks of cells that come bit by bit: of each once the next is there."""

    def __init__(self, floor: float) -> None:
        self._floor = floor
        self._tail = np.empty((0, 2), np.float32)
        self._begun = 0

    def add(self, samples: Samples, *, last: bool) -> NDArray[np.float32]:
        """Peaks that are certain by now, shape (cells,)."""
        joined = np.concatenate((self._tail, samples))
        peaks = cell_true_peaks(joined, self._floor)
        known = peaks[self._begun :] if last else peaks[self._begun : -1]
        self._tail, self._begun = joined[-2 * CELL_FRAMES :], 1
        return known


def _shaped(waiting: Samples, block: Samples, edges: NDArray[np.float32]) -> tuple[Samples, Samples]:
    # What still waits for its gains, and what has got them.
    joined = np.concatenate((waiting, block))
    certain = min((len(edges) - 1) * CELL_FRAMES, len(joined))
    return joined[certain:], apply_gains(joined[:certain], edges)
