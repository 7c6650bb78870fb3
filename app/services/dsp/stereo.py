"""Place and width between two loudspeakers. Rule: whatever is done to the sides, left plus right stays the middle."""

import math

import numpy as np

from app.models.audio import SAMPLE_RATE, Samples
from app.services.dsp.biquad import high_pass
from app.services.dsp.filters import StreamingFilter
from app.utils.seeds import rng_for

#: Longest echo of the made-up side, short enough to be heard as width and not as room.
_SPREAD_S = 0.022
_SPREAD_TAPS = 14
_SHORTEST_S = 0.0015
#: Below this the made-up side is silent: width in the bass only takes power from it.
_SPREAD_LOW_CUT_HZ = 180.0


def pan_gains(pan: float) -> tuple[float, float]:
    """Gains of left and right for a place from −1 to 1; their squares always sum to 2.

    >>> pan_gains(0.0)
    (1.0, 1.0)
    """
    angle = (pan + 1) * math.pi / 4
    return round(math.sqrt(2) * math.cos(angle), 9), round(math.sqrt(2) * math.sin(angle), 9)


def mid_side(samples: Samples) -> tuple[Samples, Samples]:
    """Half the sum and half the difference of two channels; each shape (frames,)."""
    left, right = samples[:, 0], samples[:, 1]
    half = np.float32(0.5)
    mid = left + right
    mid *= half
    side = left - right
    side *= half
    return mid, side


class Spreader:
    """Makes a side for sound that has none: the middle through a sparse, fading burst of random echoes.

    A velvet-noise decorrelator (after Alary, Politis and Välimäki, *Velvet-noise decorrelator*, DAFx 2017). Tones land
    a little left or right each; no echo is strong enough to be heard by itself.
    """

    def __init__(self, name: str) -> None:
        """Each name gets echoes of its own, always the same."""
        rng = rng_for(2017, "spread", name)
        longest = round(_SPREAD_S * SAMPLE_RATE)
        shortest = round(_SHORTEST_S * SAMPLE_RATE)
        # One echo in each of as many equal stretches, at a random place, with a random sign.
        places = (np.arange(_SPREAD_TAPS) + rng.random(_SPREAD_TAPS)) / _SPREAD_TAPS
        self._delays = (shortest + places * (longest - shortest)).astype(int)
        gains = np.exp(-1.5 * places) * rng.choice((-1.0, 1.0), _SPREAD_TAPS)
        self._gains = (gains / np.sqrt(np.square(gains).sum())).astype(np.float32)
        self._history = np.zeros(longest, np.float32)
        self._filter = StreamingFilter(high_pass(_SPREAD_LOW_CUT_HZ), channels=1)

    def process(self, mid: Samples) -> Samples:
        """A side for the next block of the middle; both shape (frames,). As strong as the middle on average."""
        line = np.concatenate((self._history, self._filter.process(mid[:, np.newaxis])[:, 0]))
        frames, reach = len(mid), len(self._history)
        side = np.zeros(frames, np.float32)
        echo = np.empty(frames, np.float32)
        for delay, gain in zip(self._delays, self._gains, strict=True):
            np.multiply(line[reach - delay : reach - delay + frames], gain, out=echo)
            np.add(side, echo, out=side)
        self._history = line[-reach:].copy()
        return side

    def reset(self) -> None:
        """Forget the past."""
        self._history[:] = 0.0
        self._filter.reset()
