"""From the levels of a piece to the gains that give it its loudness under its ceiling.

Everything happens at control rate: the weighted power and the true peak of each cell say how loud a limited piece will
be, so the gain is found without rendering anything twice.
"""

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE, Samples
from app.services.dsp.cells import CELL_FRAMES, inner_edges
from app.services.dsp.dynamics import around_seam, limiter_gains
from app.services.dsp.loudness import HOPS_PER_SECOND, integrated_lufs
from app.services.dsp.true_peak import cell_true_peaks, true_peak
from app.utils.units import db_to_gain, gain_to_db

#: How near the loudness has to come, in how many tries, and how far the highest peak may be pushed into the limiter.
_NEAR_LU = 0.02
_TRIES = 10
_FURTHEST_PUSH_DB = 20.0

#: How fast the limiter lets go: calmly, and where that leaves a piece too soft, such as one of short hits only, fast
#: enough to follow them.
RELEASES_DB_PER_S = (80.0, 600.0)

#: Where the loudness cannot be reached, this much of it is given up for the push that it would take.
_NOT_WORTH_LU = 0.1

#: Kept below the ceiling: four times oversampling misses up to 0.5 dB of hats and chip voices, and the MP3 rises up to
#: 1 dB above the master.
MARGIN_DB = 1.3

#: Peaks are looked for so far below what a gain asks for, so that a little more gain finds them known.
_SPARE_DB = 1.5

#: Peaks below −120 dBFS are silence: there is nothing to bring up.
_SILENT_PEAK = 1e-6


class Leveller:
    """Knows one piece's levels, and finds the gains for a loudness."""

    def __init__(
        self,
        samples: Samples,
        *,
        weighted_power: NDArray[np.float32],
        peak: float,
        ceiling_db: float,
        loop: bool = False,
    ) -> None:
        """`weighted_power` is that of each cell, K-weighted, shape (cells,); `peak` is the highest sample."""
        self._samples = samples
        self._power = weighted_power.astype(np.float64)
        self._peak = peak
        self._loop = loop
        self._ceiling_db = ceiling_db - MARGIN_DB
        self._true_peaks = np.zeros(len(weighted_power), np.float32)
        #: Peaks from here up are known between the samples too.
        self._floor = np.inf
        self._release_db_per_s = RELEASES_DB_PER_S[0]
        #: The gain that was found, 0 before and where there is nothing to bring up.
        self.gain_db = 0.0

    def edges_for(self, loudness_lufs: float) -> NDArray[np.float32]:
        """Gains at the edges of the cells, shape (cells + 1,), that bring the piece to a loudness, or near it.

        Where the ceiling is in the way, the gain pushes up to 20 dB into the limiter. Silence is left as it is.
        """
        if self._peak < _SILENT_PEAK:
            return np.ones(len(self._power) + 1, np.float32)
        # Measured as if peaks were at full scale, or the meter's own gate would take a faint piece for silence.
        at_full_scale = self._loudness_of(np.full(len(self._power), 1 / self._peak))
        plain_db = loudness_lufs - at_full_scale - gain_to_db(self._peak)
        free_db = self._ceiling_db - gain_to_db(self._peak)
        gain_db, missing_lu = plain_db, 0.0
        for release in RELEASES_DB_PER_S:
            self._release_db_per_s = release
            gain_db, missing_lu = self._push(plain_db, free_db + _FURTHEST_PUSH_DB, loudness_lufs)
            if missing_lu <= _NOT_WORTH_LU:
                break
        else:
            gain_db = self._least_db(free_db, gain_db, loudness_lufs, missing_lu + _NOT_WORTH_LU)
        self.gain_db = gain_db
        return self._edges(gain_db)

    def _push(self, plain_db: float, furthest_db: float, loudness_lufs: float) -> tuple[float, float]:
        # Gain that reaches the loudness, and what is missing of it all the same.
        gain_db, slope = min(plain_db, furthest_db), 1.0
        missing_lu = self._missing_lu(gain_db, loudness_lufs)
        for _ in range(_TRIES):
            before_db, before_lu = gain_db, missing_lu
            gain_db = min(gain_db + missing_lu / slope, furthest_db)
            if abs(missing_lu) <= _NEAR_LU or gain_db == before_db:
                return before_db, missing_lu
            missing_lu = self._missing_lu(gain_db, loudness_lufs)
            # The harder the limiter works, the less a decibel of gain brings; never believe it brings nothing.
            slope = float(np.clip((before_lu - missing_lu) / (gain_db - before_db), 0.15, 1.0))
        return gain_db, missing_lu

    def _least_db(self, low_db: float, high_db: float, loudness_lufs: float, missing_lu: float) -> float:
        # Least gain that misses no more than that: pushing further would crush the piece and bring nothing.
        for _ in range(_TRIES):
            middle_db = (low_db + high_db) / 2
            if self._missing_lu(middle_db, loudness_lufs) > missing_lu:
                low_db = middle_db
            else:
                high_db = middle_db
        return high_db

    def _missing_lu(self, gain_db: float, loudness_lufs: float) -> float:
        edges = self._edges(gain_db)
        return loudness_lufs - self._loudness_of((edges[1:] + edges[:-1]).astype(np.float64) / 2)

    def _edges(self, gain_db: float) -> NDArray[np.float32]:
        floor = db_to_gain(self._ceiling_db - gain_db)
        if floor < self._floor:
            floor *= db_to_gain(-_SPARE_DB)
            more = cell_true_peaks(self._samples, floor, known_from=self._floor)
            self._true_peaks = np.maximum(self._true_peaks, more)
            if self._loop:
                self._true_peaks[[0, -1]] = max(self._true_peaks[0], self._true_peaks[-1], self._seam_peak())
            self._floor = floor

        def gains(peaks: NDArray[np.float32]) -> NDArray[np.float32]:
            return limiter_gains(
                peaks, gain_db=gain_db, ceiling_db=self._ceiling_db, release_db_per_s=self._release_db_per_s
            )

        limited = around_seam(self._true_peaks, gains) if self._loop else gains(self._true_peaks)
        return inner_edges(limited, loop=self._loop)

    def _seam_peak(self) -> float:
        # How high the sound rises where the end of a loop meets its beginning.
        return true_peak(np.concatenate((self._samples[-CELL_FRAMES:], self._samples[:CELL_FRAMES])))

    def _loudness_of(self, gains: NDArray[np.float64]) -> float:
        # Cells do not fill up hops of 100 ms: the running total is read between them.
        total = np.concatenate(([0.0], np.cumsum(self._power * np.square(gains))))
        hop_cells = SAMPLE_RATE / HOPS_PER_SECOND / CELL_FRAMES
        hops = max(1, int(len(self._samples) / CELL_FRAMES / hop_cells))
        at_hops = np.interp(np.arange(hops + 1) * hop_cells, np.arange(len(total)), total)
        return integrated_lufs(np.diff(at_hops) / hop_cells)
