"""Convolution with a long impulse response, block by block and without delay.

Uniformly partitioned overlap-save: the response is cut into pieces of `PARTITION_FRAMES`, the spectra of past input are
kept, and each output is the sum of their products. The transforms of a block run as one batch, which SIMD does for
the price of one or two.
"""

from collections import deque
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from app.models.audio import BLOCK_FRAMES, Samples

#: Frames of a partition; half a block.
PARTITION_FRAMES = BLOCK_FRAMES // 2

#: complex64, shape (partitions, channels, PARTITION_FRAMES + 1).
Spectra: TypeAlias = NDArray[np.complex64]


def partition(response: Samples) -> Spectra:
    """Spectra of an impulse response, shape (frames, channels), ready for convolution."""
    frames, channels = response.shape
    count = -(-frames // PARTITION_FRAMES)
    padded = np.zeros((channels, count * PARTITION_FRAMES), np.float32)
    padded[:, :frames] = response.T
    pieces = padded.reshape(channels, count, PARTITION_FRAMES).swapaxes(0, 1)
    spectra: Spectra = rfft(pieces, 2 * PARTITION_FRAMES)
    return spectra


class Convolution:
    """Each channel convolved with its own channel of a response, from block to block."""

    def __init__(self, response: Spectra) -> None:
        self._response = response
        partitions, channels = response.shape[:2]
        #: Spectra of past input, newest first.
        self._past: deque[Spectra] = deque(maxlen=partitions)
        self._previous = np.zeros((channels, PARTITION_FRAMES), np.float32)
        #: Partitions of silence heard last; as many as the response has leave nothing to answer to.
        self._silent = partitions
        self._ended = False

    @property
    def ringing(self) -> bool:
        """Whether silence fed from now on would still be answered."""
        return bool(self._silent < len(self._response))

    def process(self, samples: Samples) -> Samples:
        """The next block, shape (frames, channels): whole partitions, except that the last block may end anywhere.

        The response's tail comes out of the blocks that follow, so feed silence for as long as it is to be heard.
        ValueError if a block follows a broken-off one.
        """
        if self._ended:
            raise ValueError("only the last block may be other than whole partitions")
        frames, channels = samples.shape
        count = -(-frames // PARTITION_FRAMES)
        self._ended = count * PARTITION_FRAMES != frames
        silent = not samples.any()
        if silent and self._silent >= len(self._response):
            self._past.clear()
            self._previous[:] = 0.0
            return np.zeros_like(samples)
        self._silent = self._silent + count if silent else 0
        line = np.empty((channels, (count + 1) * PARTITION_FRAMES), np.float32)
        line[:, :PARTITION_FRAMES] = self._previous
        line[:, PARTITION_FRAMES : PARTITION_FRAMES + frames] = samples.T
        line[:, PARTITION_FRAMES + frames :] = 0.0
        self._previous = line[:, -PARTITION_FRAMES:].copy()
        wet: Samples = self._convolve(line).reshape(channels, -1)[:, :frames].T
        return wet

    def _convolve(self, line: NDArray[np.float32]) -> NDArray[np.float32]:
        # (channels, (count + 1) partitions) of input to (channels, count, PARTITION_FRAMES) of output.
        pairs = sliding_window_view(line, 2 * PARTITION_FRAMES, axis=1)[:, ::PARTITION_FRAMES]
        spectra: Spectra = rfft(pairs)
        sums = np.empty_like(spectra)
        product = np.empty_like(spectra[:, 0])
        for step in range(spectra.shape[1]):
            self._past.appendleft(spectra[:, step])
            total = sums[:, step]
            np.multiply(self._past[0], self._response[0], out=total)
            for spectrum, answer in islice(zip(self._past, self._response, strict=False), 1, None):
                np.multiply(spectrum, answer, out=product)
                np.add(total, product, out=total)
        wet: NDArray[np.float32] = irfft(sums, 2 * PARTITION_FRAMES)
        return wet[:, :, PARTITION_FRAMES:]
