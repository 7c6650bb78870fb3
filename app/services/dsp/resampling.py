"""Sample-rate conversion block by block, through soxr."""

from collections.abc import Iterable, Iterator

import soxr

from app.models.audio import Samples


def resampled(blocks: Iterable[Samples], from_rate: int, to_rate: int) -> Iterator[Samples]:
    """Blocks of shape (frames, 2) at another rate; blocks at the right rate pass untouched.

    The output is as long as the input in seconds, to the frame; its blocks are not of one length.
    """
    if from_rate == to_rate:
        yield from blocks
        return
    stream = soxr.ResampleStream(from_rate, to_rate, 2, dtype="float32", quality="HQ")
    last: Samples | None = None
    for block in blocks:
        if last is not None:
            yield stream.resample_chunk(last)
        last = block
    if last is not None:
        yield stream.resample_chunk(last, last=True)
