"""Chorus: a second, slightly wavering player beside the first."""

import numpy as np

from app.models.audio import SAMPLE_RATE, Samples
from app.services.dsp.cells import CELL_FRAMES, cell_count, ramp_between
from app.utils.units import seconds_to_frames

#: The second player comes this much later on average, …
_DELAY_FRAMES = seconds_to_frames(0.011, SAMPLE_RATE)
#: … wavers by so much at full depth, …
_SWING_FRAMES = seconds_to_frames(0.0028, SAMPLE_RATE)
#: … so often a second; the right side a quarter of a turn after the left.
_RATE_HZ = 0.55
_QUARTER_TURN = (0.0, 0.5 * np.pi)

_HISTORY = _DELAY_FRAMES + _SWING_FRAMES + 2


class Chorus:
    """A chorus of some depth, 0…1, from block to block; as loud as what goes in."""

    def __init__(self, depth: float) -> None:
        angle = 0.25 * np.pi * depth
        self._dry = np.float32(np.cos(angle))
        self._wet = np.float32(np.sin(angle))
        self._swing = _SWING_FRAMES * (0.4 + 0.6 * depth)
        self._history = np.zeros((_HISTORY, 2), np.float32, order="F")
        self._frame = 0

    def process(self, samples: Samples) -> Samples:
        """The next block, shape (frames, 2); blocks begin on the grid of cells."""
        frames = len(samples)
        line = np.empty((_HISTORY + frames, 2), np.float32, order="F")
        line[:_HISTORY] = self._history
        line[_HISTORY:] = samples
        places = np.arange(_HISTORY - _DELAY_FRAMES, _HISTORY - _DELAY_FRAMES + frames, dtype=np.int32)
        mixed = np.empty((frames, 2), np.float32, order="F")
        for channel, turn in enumerate(_QUARTER_TURN):
            offset = self._waver(frames, turn)
            whole = np.floor(offset)
            offset -= whole
            index = whole.astype(np.int32)
            index += places
            column = line[:, channel]
            near = column.take(index)
            index += 1
            # Between two samples along a straight line: the loss of the highest tones suits a second player.
            wet = column.take(index)
            wet -= near
            wet *= offset
            wet += near
            wet *= self._wet
            np.multiply(line[_HISTORY:, channel], self._dry, out=mixed[:, channel])
            mixed[:, channel] += wet
        self._history = line[-_HISTORY:].copy(order="F")
        self._frame += frames
        return mixed

    def skip(self, frames: int) -> None:
        """Let silence pass."""
        self._history[:] = 0.0
        self._frame += frames

    def _waver(self, frames: int, turn: float) -> Samples:
        edges = self._frame + np.arange(cell_count(frames) + 1) * CELL_FRAMES
        swing = self._swing * np.sin(2 * np.pi * _RATE_HZ / SAMPLE_RATE * edges + turn)
        return ramp_between(swing.astype(np.float32), frames)
