"""Sound that is made once and read often: arrays that grow chunk by chunk, and the cache that holds them.

Rule: what a source reads as depends on its key only, never on who read it before, how far or on which thread. So it is
always made in whole chunks from its first frame on.
"""

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

#: Frames made at a time; small enough for the processor's cache.
CHUNK_FRAMES = 8_192

#: Bytes that cached sources of a process may hold together; those in use live on until they end.
CACHE_BYTES = 72_000_000

#: float32, shape (channels, frames): each channel lies in one piece, which is the fast way round for mixing.
Planes: TypeAlias = NDArray[np.float32]

#: The same as a source keeps it: float32, or int16 to be multiplied with the source's scale.
Kept: TypeAlias = NDArray[np.float32] | NDArray[np.int16]


@dataclass(frozen=True, kw_only=True, slots=True)
class Ring:
    """How an endless source repeats itself, so that a note of minutes needs no memory of minutes."""

    #: From this frame on, the `frames` before it go round.
    start: int
    frames: int
    #: Frames of the cross-fade where the round closes.
    seam: int
    #: How much shorter the round may be made, to the length at which its ends fit best.
    slack: int = 0


#: Repeats of sounds that have no period to go by: eight seconds, from the twentieth on.
LONG_RING = Ring(start=108 * CHUNK_FRAMES, frames=44 * CHUNK_FRAMES, seam=4 * CHUNK_FRAMES, slack=CHUNK_FRAMES // 2)


class Source(Protocol):
    """Sound to be read from a note's first frame on."""

    #: Frames it has; None where it goes on for ever.
    frames: int | None
    #: What its numbers are to be multiplied with.
    scale: float

    def read(self, first: int, last: int) -> Kept:
        """Frames `first` to `last` (not beyond `frames`), shape (1 or 2, last − first). Not to be written to."""

    @property
    def nbytes(self) -> int:
        """Memory it holds."""


class GrowingSource(ABC):
    """A source that is made as far as it is read, in whole chunks, once."""

    def __init__(
        self, *, channels: int = 1, frames: int | None = None, ring: Ring = LONG_RING, loudest: float | None = None
    ) -> None:
        """`frames` None for an endless source, which repeats itself by `ring`.

        With `loudest`, an amplitude it does not go beyond, it is kept in 16 bits: half the memory.
        """
        self.frames = frames
        self.scale = 1.0 if loudest is None else loudest / 32_767
        self._kind: Any = np.float32 if loudest is None else np.int16
        self._round = ring
        self._lock = threading.Lock()
        nothing: Any = np.empty((channels, 0), self._kind)
        self._made: Kept = nothing
        self._ready = 0
        self._ring: Kept | None = None

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        return self._made.nbytes + (0 if self._ring is None else self._ring.nbytes)

    def read(self, first: int, last: int) -> Kept:
        """Frames `first` to `last`, shape (channels, last − first)."""
        if self.frames is None and last > self._round.start:
            return self._read_ring(first, last)
        if last > self._ready:
            self._grow(last)
        return self._made[:, first:last]

    @abstractmethod
    def _make(self, first: int, last: int) -> NDArray[np.float32]:
        """The frames after those made before, shape (last − first,) or (channels, last − first)."""

    def _grow(self, last: int) -> None:
        with self._lock:
            if last <= self._ready:
                return
            end = -(-last // CHUNK_FRAMES) * CHUNK_FRAMES
            made: Any = self._made
            if end > made.shape[1]:
                made = np.empty((made.shape[0], end), self._kind)
                made[:, : self._ready] = self._made[:, : self._ready]
            for first in range(self._ready, end, CHUNK_FRAMES):
                made[:, first : first + CHUNK_FRAMES] = self._kept(self._make(first, first + CHUNK_FRAMES))
            self._made = made
            self._ready = end

    def _kept(self, chunk: NDArray[np.float32]) -> Kept:
        if self._kind is np.float32:
            return chunk
        wide = np.rint(chunk * np.float32(1 / self.scale))
        kept: Kept = np.clip(wide, -32_767, 32_767, out=wide).astype(np.int16)
        return kept

    def _read_ring(self, first: int, last: int) -> Kept:
        start = self._round.start
        if self._ring is None:
            self._grow(start + self._round.seam)
            self._ring = _closed(self._made, self._round)
        ring = self._ring
        at = (first - start) % ring.shape[1]
        if first >= start and at + last - first <= ring.shape[1]:
            return ring[:, at : at + last - first]
        out: Kept = np.empty((ring.shape[0], last - first), self._kind)
        filled = max(0, start - first)
        out[:, :filled] = self._made[:, first : first + filled]
        while filled < last - first:
            at = (first + filled - start) % ring.shape[1]
            length = min(ring.shape[1] - at, last - first - filled)
            out[:, filled : filled + length] = ring[:, at : at + length]
            filled += length
        return out


def _closed(made: Kept, ring: Ring) -> Kept:
    """The stretch that goes round: what follows its last frame passes over into its first."""
    after = made[:, ring.start : ring.start + ring.seam]
    begin = ring.start - ring.frames
    if ring.slack:
        span = made[0, begin : begin + ring.seam + ring.slack].astype(np.float64)
        size = 2 * (ring.seam + ring.slack)
        match = np.fft.irfft(np.fft.rfft(span, size) * np.conj(np.fft.rfft(after[0].astype(np.float64), size)))
        begin += int(np.argmax(match[: ring.slack]))
    closed: Kept = made[:, begin : ring.start].copy()
    rise = np.linspace(0.0, 1.0, ring.seam, dtype=np.float32)
    crossed = after * (1 - rise) + closed[:, : ring.seam] * rise
    closed[:, : ring.seam] = np.rint(crossed) if closed.dtype == np.int16 else crossed
    return closed


class FixedSource:
    """A source that is there as a whole."""

    def __init__(self, samples: NDArray[np.float32]) -> None:
        """`samples` has the shape (frames,) or (channels, frames)."""
        self._samples: Planes = np.atleast_2d(samples)
        self.frames: int | None = self._samples.shape[1]
        self.scale = 1.0

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        return self._samples.nbytes

    def read(self, first: int, last: int) -> Planes:
        """Frames `first` to `last`, shape (channels, last − first)."""
        return self._samples[:, first:last]


class Sized(Protocol):
    """Anything that knows how much memory it holds."""

    @property
    def nbytes(self) -> int:
        """Memory it holds."""


Cached = TypeVar("Cached", bound=Sized)


class SourceCache:
    """Keeps what was used last, up to a number of bytes. Thread-safe.

    Dropping an entry changes nothing but the time its next use takes.
    """

    #: Additions between two looks at the total, which costs a pass over all entries.
    _PERIOD = 16
    #: Bytes of an addition that is looked at on its own.
    _LARGE = 250_000

    def __init__(self, limit_bytes: int = CACHE_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, Sized] = OrderedDict()
        self._added = 0

    def get(self, key: Hashable, make: Callable[[], Cached]) -> Cached:
        """The entry of that key, made if it is not there. `make` may run twice at once; one result is kept."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
                return cast(Cached, found)
        made = make()
        with self._lock:
            kept = cast(Cached, self._entries.setdefault(key, made))
            self._added += 1
            if self._added % self._PERIOD == 0 or kept.nbytes > self._LARGE:
                self._trim()
        return kept

    @property
    def nbytes(self) -> int:
        """Memory that the entries hold."""
        with self._lock:
            return sum(entry.nbytes for entry in self._entries.values())

    def __len__(self) -> int:
        """Entries that it keeps."""
        return len(self._entries)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def _trim(self) -> None:
        total = sum(entry.nbytes for entry in self._entries.values())
        while total > self.limit_bytes and len(self._entries) > 1:
            _, dropped = self._entries.popitem(last=False)
            total -= dropped.nbytes


#: The one cache of the process; keys begin with what kind of source it is.
CACHE = SourceCache()
