"""A filter that is fed block by block."""

import numpy as np

from app.models.audio import Samples
from app.services.dsp.biquad import Sections
from app.services.dsp.recursion import filter_sections

#: State this far down (−240 dB) is forgotten between blocks: it would only decay into slow denormal numbers.
_INAUDIBLE = np.float32(1e-12)


class StreamingFilter:
    """Second-order sections whose state is carried from block to block.

    All sections together cost hardly more than one: the time goes into the recursion, which they share. Channels that
    are alike, as those of most synthesised voices are, go through it once.
    """

    def __init__(self, sections: Sections, *, channels: int = 2) -> None:
        self._sections = sections.astype(np.float32)
        self._state = np.zeros((channels, len(sections), 2), np.float32)

    def process(self, samples: Samples) -> Samples:
        """The next block, filtered; any length, shape (frames, channels). Without sections it is handed back itself."""
        if not len(self._sections) or not len(samples):
            return samples
        rows = np.array(samples.T, np.float32, order="C")  # a copy to work in
        if self._alike(rows):
            filter_sections(self._sections, rows[:1], self._state[:1])
            rows[1:], self._state[1:] = rows[0], self._state[0]
        else:
            filter_sections(self._sections, rows, self._state)
        self._state[np.abs(self._state) < _INAUDIBLE] = 0.0
        filtered: Samples = rows.T
        return filtered

    def _alike(self, rows: Samples) -> bool:
        """Whether all channels are the same, and were before."""
        return len(rows) == 2 and np.array_equal(rows[0], rows[1]) and np.array_equal(self._state[0], self._state[1])

    def reset(self) -> None:
        """Forget the past."""
        self._state[:] = 0.0
