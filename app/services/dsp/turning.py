"""Round and round: where frames that run past the end of a loop come to lie in it."""

from collections.abc import Iterator


def turns(first: int, count: int, total: int) -> Iterator[tuple[slice, slice]]:
    """Where `count` frames from `first` on lie in a loop of `total` frames: pairs of a place and the frames for it.

    >>> list(turns(8, 4, 10))
    [(slice(8, 10, None), slice(0, 2, None)), (slice(0, 2, None), slice(2, 4, None))]
    """
    done = 0
    while done < count:
        place = (first + done) % total
        length = min(total - place, count - done)
        yield slice(place, place + length), slice(done, done + length)
        done += length
