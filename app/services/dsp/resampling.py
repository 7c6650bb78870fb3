"""Sample-rate conversion block by block, through soxr."""

from collections.abc import Iterable, Iterator

import soxr

from app.models.audio import Samples


class Resampler:
    """Another sample rate for blocks of shape (frames, 2), one by one; those at the right rate pass untouched."""

    def __init__(self, from_rate: int, to_rate: int) -> None:
        alike = from_rate == to_rate
        self._stream = None if alike else soxr.ResampleStream(from_rate, to_rate, 2, dtype="float32", quality="HQ")

    def add(self, block: Samples, *, last: bool = False) -> Samples:
        """What is ready of the output. With the `last` block it is as long as the input in seconds, to the frame."""
        if self._stream is None:
            return block
        made: Samples = self._stream.resample_chunk(block, last=last)
        return made


def resampled(blocks: Iterable[Samples], from_rate: int, to_rate: int) -> Iterator[Samples]:
    """Blocks of shape (frames, 2) at another rate; blocks at the right rate pass untouched.

    The output is as long as the input in seconds, to the frame; its blocks are not of one length.
    """
    if from_rate == to_rate:
        yield from blocks
        return
    resampler = Resampler(from_rate, to_rate)
    last: Samples | None = None
    for block in blocks:
        if last is not None:
            yield resampler.add(last)
        last = block
    if last is not None:
        yield resampler.add(last, last=True)
