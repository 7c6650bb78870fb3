"""Loudness as people hear it: ITU-R BS.1770-4 (integrated) and EBU Tech 3342 (range)."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from app.models.audio import SAMPLE_RATE, Samples
from app.services.dsp.biquad import Sections, cascade
from app.services.dsp.filters import StreamingFilter

#: Reported where nothing is loud enough to count; also BS.1770-4's absolute gate.
SILENCE_LUFS = -70.0

#: BS.1770-4 measures in blocks of 400 ms, one each 100 ms; EBU 3342 in windows of 3 s.
HOPS_PER_SECOND = 10
_BLOCK_HOPS = 4
_WINDOW_HOPS = 30


def k_weighting(sample_rate: int = SAMPLE_RATE) -> Sections:
    """The ear's rough sensitivity: a lift of 4 dB for the head, a cut of the lows; shape (2, 6).

    BS.1770-4 gives coefficients for 48 kHz only. The analogue prototypes they come from are those found by De Man
    (*Evaluation of implementations of the EBU R128 loudness measurement*, AES 145, 2018); at 48 kHz they give
    the standard's numbers back.
    """
    tangent = math.tan(math.pi * 1681.974450955533 / sample_rate)
    quality = 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    low_root = tangent / quality
    a0 = 1 + low_root + tangent**2
    head = [
        (high + band * low_root + tangent**2) / a0,
        2 * (tangent**2 - high) / a0,
        (high - band * low_root + tangent**2) / a0,
        1.0,
        2 * (tangent**2 - 1) / a0,
        (1 - low_root + tangent**2) / a0,
    ]
    tangent = math.tan(math.pi * 38.13547087602444 / sample_rate)
    quality = 0.5003270373238773
    a0 = 1 + tangent / quality + tangent**2
    lows = [1.0, -2.0, 1.0, 1.0, 2 * (tangent**2 - 1) / a0, (1 - tangent / quality + tangent**2) / a0]
    return cascade(np.array([head]), np.array([lows]))


class LoudnessMeter:
    """Listens block by block; what it says holds for all it has heard so far."""

    def __init__(self, *, sample_rate: int = SAMPLE_RATE, channels: int = 2) -> None:
        self._filter = StreamingFilter(k_weighting(sample_rate), channels=channels)
        self._hop_frames = round(sample_rate / HOPS_PER_SECOND)
        self._rest = np.empty(0, np.float32)
        self._hops: list[NDArray[np.float64]] = []

    def add(self, samples: Samples) -> None:
        """Hear the next block; any length, shape (frames, channels)."""
        weighted = self._filter.process(samples)
        power = np.concatenate((self._rest, np.einsum("ij,ij->i", weighted, weighted)))
        whole = len(power) // self._hop_frames * self._hop_frames
        hops = power[:whole].reshape(-1, self._hop_frames).sum(axis=1) / np.float32(self._hop_frames)
        self._hops.append(hops.astype(np.float64))
        self._rest = power[whole:]

    @property
    def hop_power(self) -> NDArray[np.float64]:
        """Weighted power, summed over channels, of each whole 100 ms."""
        return np.concatenate((np.empty(0), *self._hops))

    @property
    def integrated_lufs(self) -> float:
        """Loudness of the whole; `SILENCE_LUFS` where nothing is loud enough to count."""
        return integrated_lufs(self.hop_power)

    @property
    def range_lu(self) -> float:
        """How far quiet and loud passages lie apart."""
        return loudness_range_lu(self.hop_power)

    @property
    def short_term_lufs(self) -> NDArray[np.float64]:
        """Loudness of each window of 3 s, one each 100 ms."""
        return _lufs(_sliding_mean(self.hop_power, _WINDOW_HOPS))


def integrated_lufs(hop_power: NDArray[np.float64]) -> float:
    """Gated loudness of a piece, from the weighted power of each 100 ms (BS.1770-4, annex 1).

    A piece shorter than 400 ms counts as one block. `SILENCE_LUFS` where nothing passes the gate.
    """
    blocks = _sliding_mean(hop_power, _BLOCK_HOPS)
    blocks = blocks[_lufs(blocks) > SILENCE_LUFS]
    if not len(blocks):
        return SILENCE_LUFS
    # The second gate lies 10 LU below the loudness of what passed the first.
    blocks = blocks[blocks > blocks.mean() * 0.1]
    return float(_lufs(blocks.mean()))


def loudness_range_lu(hop_power: NDArray[np.float64]) -> float:
    """From the 10th to the 95th percentile of short-term loudness (EBU Tech 3342); 0 where there is nothing to hear."""
    windows = _sliding_mean(hop_power, _WINDOW_HOPS)
    windows = windows[_lufs(windows) > SILENCE_LUFS]
    if not len(windows):
        return 0.0
    # EBU 3342: the relative gate lies 20 LU below the mean power.
    windows = windows[windows > windows.mean() * 0.01]
    low, high = np.percentile(_lufs(windows), (10, 95))
    return float(high - low)


def _sliding_mean(power: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    if not len(power):
        return power
    width = min(width, len(power))
    # Summed window by window: a running total would leave rounding residue in silence after loud music.
    means: NDArray[np.float64] = sliding_window_view(power, width).mean(axis=1)
    return means


def _lufs(power: "NDArray[np.float64] | np.float64") -> NDArray[np.float64]:
    # BS.1770-4 eq. 2: −0.691 makes a 997 Hz sine of full scale in one channel read −3.01.
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-20)))
