"""What the engines of models share: whole takes as blocks, windows and loops of them, and following a batch at work."""

from collections.abc import Iterator, Sequence

import numpy as np

from app.errors import Cancelled
from app.models.audio import BLOCK_FRAMES, Block, Samples
from app.services.engines.base import TakeRequest

#: Seconds over which a take that is too short fades into its own beginning.
FADE_S = 2


def blocks_of(samples: Samples) -> Iterator[Block]:
    """Samples of one or two channels, shape (frames, channels), as blocks."""
    stereo = np.repeat(samples, 2, axis=1) if samples.shape[1] == 1 else samples
    for first in range(0, len(stereo), BLOCK_FRAMES):
        yield Block(mix=np.ascontiguousarray(stereo[first : first + BLOCK_FRAMES], np.float32))


def starts_of(width: int, tile: int, overlap: int, *, circular: bool) -> list[int]:
    """Where windows of `tile` columns begin so that they cover `width`, each overlapping the last by `overlap`.

    >>> starts_of(160, 64, 16, circular=False)
    [0, 48, 96]
    >>> starts_of(75, 64, 16, circular=True)  # the last one ends with the first 16 columns
    [0, 27]
    """
    last = width - tile + (overlap if circular else 0)
    return [0] if last <= 0 else [*range(0, last, tile - overlap), last]


def looped(samples: Samples, frames: int) -> Samples:
    """A loop of `frames` frames: what was played beyond its end fades out over its beginning."""
    beyond = len(samples) - frames
    rising = np.sqrt(np.linspace(0.0, 1.0, beyond, endpoint=False, dtype=np.float32))[:, None]
    loop: Samples = samples[:frames].copy()
    loop[:beyond] = loop[:beyond] * rising + samples[frames:] * np.sqrt(1.0 - np.square(rising))
    return loop


def lasting(samples: Samples, frames: int, rate: int) -> Samples:
    """Samples, shape (frames, channels), as long as wanted: cut, or gone on with from their beginning, faded over.

    What lacks less than half a second is left to end in silence.
    """
    if len(samples) >= frames:
        return samples[:frames]
    if frames - len(samples) <= rate // 2:
        return np.pad(samples, ((0, frames - len(samples)), (0, 0)))
    fade = min(rate * FADE_S, len(samples) // 2)
    rising = np.sqrt(np.linspace(0.0, 1.0, fade, endpoint=False, dtype=np.float32))[:, None]
    whole = np.zeros((frames + len(samples), samples.shape[1]), np.float32)
    begins = 0
    while begins < frames:
        piece = samples.copy()
        if begins:
            whole[begins : begins + fade] *= np.sqrt(1.0 - np.square(rising))
            piece[:fade] *= rising
        whole[begins : begins + len(piece)] += piece
        begins += len(piece) - fade
    return whole[:frames]


def tell(request: TakeRequest, fraction: float) -> None:
    """What part of the work on one request is done; `Cancelled` if nobody waits for it any more."""
    if request.cancelled():
        raise Cancelled("Cancelled")
    request.progress("rendering", min(fraction, 1.0))


class Watch:
    """Follows a batch at work: tells each request how far it is, and notices which were cancelled."""

    def __init__(self, requests: Sequence[TakeRequest]) -> None:
        self._requests = requests
        self._gone: set[int] = set()

    def gone(self, row: int) -> bool:
        """Whether a request was cancelled, as far as it is known."""
        return row in self._gone

    def tell(self, fractions: dict[int, float]) -> None:
        """Rows at work, each with the fraction done. `Cancelled` once nobody waits for any of them."""
        for row, fraction in fractions.items():
            if self._requests[row].cancelled():
                self._gone.add(row)
            elif row not in self._gone:
                self._requests[row].progress("rendering", min(fraction, 1.0))
        if self._gone.issuperset(fractions):
            raise Cancelled("Cancelled")
