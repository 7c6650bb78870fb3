"""Ducking: how far a kick drum pushes the others down, moment by moment."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE
from app.services.dsp.cells import CELL_FRAMES, cell_count
from app.utils.units import beats_to_seconds, seconds_to_frames

#: The others begin to give way this long before the kick, and stay down this long after it.
_ATTACK_S = 0.004
_HOLD_S = 0.03
#: They are back after this part of a beat, at the latest after `_LONGEST_S`.
_RETURN_BEATS = 0.7
_LONGEST_S = 0.45


class Ducking:
    """The push of all kicks of a piece; 0 is none, 1 is all the way down."""

    def __init__(self, kick_frames: Sequence[int], *, tempo_bpm: float) -> None:
        self._kicks = np.unique(np.asarray(kick_frames, np.int64))
        self._attack = seconds_to_frames(_ATTACK_S, SAMPLE_RATE)
        self._hold = seconds_to_frames(_HOLD_S, SAMPLE_RATE)
        return_s = min(beats_to_seconds(_RETURN_BEATS, tempo_bpm), _LONGEST_S)
        self._return = seconds_to_frames(return_s, SAMPLE_RATE)

    def push(self, first_frame: int, frames: int) -> NDArray[np.float32]:
        """Push at the edges of the cells of a block, shape (cells + 1,), each 0…1."""
        edges = first_frame + np.arange(cell_count(frames) + 1) * CELL_FRAMES
        if not len(self._kicks):
            return np.zeros(len(edges), np.float32)
        following = np.searchsorted(self._kicks, edges, side="right")
        since = edges - self._kicks[np.maximum(following - 1, 0)]
        until = self._kicks[np.minimum(following, len(self._kicks) - 1)] - edges
        # A raised cosine back up: no corner that would be heard as a click.
        back = np.clip((since - self._hold) / self._return, 0.0, 1.0)
        after = np.where(since >= 0, 0.5 + 0.5 * np.cos(np.pi * back), 0.0)
        before = np.where(until >= 0, 1.0 - until / self._attack, 0.0)
        return np.clip(np.maximum(after, before), 0.0, 1.0).astype(np.float32)
