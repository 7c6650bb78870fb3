"""Sweeper: finished tracks go when they are old, or when their files take too much room."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from app.services.jobs.floor import Floor

#: Seconds that what was heard of a track while it was made is kept: the longest twice over, for those who are behind.
LIVE_S = 900.0
#: Seconds between sweeps.
EVERY_S = 60.0
#: Tracks removed with one commit; a sweep that finds as many goes on at once.
AT_ONCE = 200


class Keeping:
    """Tracks that somebody is reading. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readers: Counter[str] = Counter()

    @contextmanager
    def keep(self, track_id: str) -> Iterator[None]:
        """Spare a track while inside."""
        with self._lock:
            self._readers[track_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers[track_id] -= 1
                if not self._readers[track_id]:
                    del self._readers[track_id]

    def kept(self) -> set[str]:
        """Tracks to spare now."""
        with self._lock:
            return set(self._readers)


class Sweeper:
    """Looks once a minute, and at the start."""

    def __init__(
        self,
        floor: Floor,
        keeping: Keeping,
        remove: Callable[[str], None],
        *,
        retention_s: float,
        storage_limit_bytes: int,
    ) -> None:
        self._floor = floor
        self._keeping = keeping
        self._remove = remove
        self._retention_s = retention_s
        self._storage_limit_bytes = storage_limit_bytes
        self._next = floor.clock.monotonic()

    def wait_s(self) -> float:
        """Seconds until the next sweep."""
        return max(0.0, self._next - self._floor.clock.monotonic())

    def sweep_if_due(self) -> None:
        """Remove what has to go."""
        if self.wait_s() > 0 or not self._floor.ledger.clear:
            return
        # Said first: should the database fail, the next try is a minute away.
        self._next = self._floor.clock.monotonic() + EVERY_S
        self._floor.janitor.clear_live(self._floor.clock.now() - timedelta(seconds=LIVE_S))
        spared = self._keeping.kept() | {owner for owner, _ in self._floor.encodes}
        old = self._old(spared)
        gone = {track_id for track_id, _ in old}
        surplus = self._surplus(spared | gone, sum(size for _, size in old))
        for track_id in (*gone, *surplus):
            self._remove(track_id)
        if len(gone) + len(surplus) >= AT_ONCE:
            self._next = self._floor.clock.monotonic()

    def _old(self, spared: set[str]) -> list[tuple[str, int]]:
        try:
            before = self._floor.clock.now() - timedelta(seconds=self._retention_s)
        except OverflowError:  # kept for ever
            return []
        return self._floor.store.oldest_finished(before=before, spared=spared, limit=AT_ONCE)

    def _surplus(self, spared: set[str], freed: int) -> list[str]:
        excess = self._floor.store.stored_bytes() - freed - self._storage_limit_bytes
        if excess <= 0:
            return []
        surplus = []
        for track_id, size in self._floor.store.oldest_finished(spared=spared, limit=AT_ONCE):
            if excess <= 0:
                break
            surplus.append(track_id)
            excess -= size
        return surplus
