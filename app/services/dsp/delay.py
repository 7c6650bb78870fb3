"""An echo that walks from left to right and back."""

import numpy as np

from app.models.audio import Samples
from app.services.dsp.biquad import cascade, high_pass, low_pass
from app.services.dsp.filters import StreamingFilter

#: Each echo loses some lows and highs, and so stands behind the sound it repeats.
_LOW_CUT_HZ = 160.0
_HIGH_CUT_HZ = 6_500.0

#: Echoes below this level (−120 dB) are over.
_INAUDIBLE = 1e-6


class PingPongDelay:
    """Echoes `delay_frames` apart, first left, then right; each repeat is `feedback` times the one before."""

    def __init__(self, *, delay_frames: int, feedback: float) -> None:
        self._delay = max(1, delay_frames)
        self._feedback = np.float32(feedback)
        self._filter = StreamingFilter(cascade(high_pass(_LOW_CUT_HZ), low_pass(_HIGH_CUT_HZ)), channels=1)
        #: What will be heard in the next `delay_frames` frames, (frames, 2).
        self._line = np.zeros((self._delay, 2), np.float32, order="F")
        self._ringing = False

    @property
    def ringing(self) -> bool:
        """Whether echoes are still to come."""
        return self._ringing

    def process(self, send: Samples) -> Samples:
        """The echoes of the next block of any length, shape (frames, 2), without the dry sound."""
        echoes = np.zeros((len(send), 2), np.float32, order="F")
        if not send.any() and not self._ringing:
            return echoes
        mid = send[:, :1] + send[:, 1:]
        mid *= np.float32(0.5)
        mid = self._filter.process(mid)
        for first in range(0, len(send), self._delay):
            count = min(self._delay, len(send) - first)
            heard = echoes[first : first + count]
            heard[:] = self._line[:count]
            # What was left comes back right, what was right comes back left with the new sound.
            self._line[:-count] = self._line[count:]
            self._line[-count:] = heard[:, ::-1] * self._feedback
            self._line[-count:, 0] += mid[first : first + count, 0]
        self._ringing = bool(np.abs(self._line).max() > _INAUDIBLE) or bool(send.any())
        if not self._ringing:
            self._line[:] = 0.0
            self._filter.reset()
        return echoes
