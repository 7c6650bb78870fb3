"""Quota: how much a client may have: tracks in work, seconds of music a day, space for files.

What is made is counted between the look and the end of accepting it, client by client, so that requests that come at
once do not slip through together. Two nodes on one database may, by one request each.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from weakref import WeakValueDictionary

from app.errors import LimitReached
from app.models.track import Track
from app.services.access.replays import noting
from app.services.storage.counters import held_by
from app.services.storage.tracks import TrackStore

#: Seconds after which it is worth asking again whether a track is done, or whether some were removed.
_SOON_S = 10


class Quota:
    """Made by wiring where something is limited; `room` is asked from one event loop."""

    def __init__(self, store: TrackStore, *, tracks: int = 0, music_s: int = 0, storage_bytes: int = 0) -> None:
        """Each of one client; 0 for any number."""
        from limits import RateLimitItemPerDay
        from limits.strategies import FixedWindowRateLimiter

        from app.services.access.counting import DatabaseCounters

        self._store = store
        self._tracks = tracks
        self._storage_bytes = storage_bytes
        self._music = RateLimitItemPerDay(music_s, namespace="music") if music_s else None
        self._counted = FixedWindowRateLimiter(DatabaseCounters(store))
        self._doors: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def room(self, client: str, made: Sequence[Track]) -> AsyncIterator[None]:
        """Let tracks be accepted inside, and count them then. `LimitReached`, `StorageFailed`."""
        door = self._doors.setdefault(client, asyncio.Lock())
        async with door:
            await asyncio.to_thread(self._look, client, made)
            yield
            if self._music is not None:
                seconds = sum(track.duration for track in made)
                await asyncio.to_thread(partial(self._counted.hit, self._music, client, cost=seconds))

    def _look(self, client: str, made: Sequence[Track]) -> None:
        owner = made[0].owner
        if owner is not None and (self._tracks or self._storage_bytes):
            with self._store.reading() as connection:
                in_work, stored = held_by(connection, owner)
            if self._tracks and in_work + len(made) > self._tracks:
                raise LimitReached(f"At most {self._tracks} of your tracks are in work at once", _SOON_S)
            if self._storage_bytes and stored >= self._storage_bytes:
                said = f"Your files fill the {self._storage_bytes} bytes that they may: remove some"
                raise LimitReached(said, _SOON_S)
        seconds = sum(track.duration for track in made)
        if self._music is not None and not self._counted.test(self._music, client, cost=seconds):
            ends = self._counted.get_window_stats(self._music, client).reset_time
            said = f"At most {self._music.amount} seconds of music a day"
            raise LimitReached(said, max(1, math.ceil(ends - time.time())) if ends > time.time() else _SOON_S)


@dataclass(frozen=True, slots=True)
class _Spender:
    quota: Quota
    client: str


_current: ContextVar[_Spender | None] = ContextVar("spender", default=None)


@contextmanager
def spending(quota: Quota, client: str) -> Iterator[None]:
    """Let what is made inside count for a client."""
    token = _current.set(_Spender(quota, client))
    try:
        yield
    finally:
        _current.reset(token)


@asynccontextmanager
async def room_for(made: Sequence[Track]) -> AsyncIterator[None]:
    """Let tracks be accepted inside, where the client may have them; all may where nothing is limited."""
    note = noting.get()
    if note is not None:
        await asyncio.to_thread(note, made[0].id)
    spender = _current.get()
    if spender is None:
        yield
        return
    async with spender.quota.room(spender.client, made):
        yield
