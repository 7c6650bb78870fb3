"""Counters in the database, as the `limits` library asks for them: what one node counts, all see."""

import time

from limits.storage import Storage
from sqlalchemy.exc import SQLAlchemyError

from app.services.storage.counters import add_to_counter, drop_counter, drop_old_counters, read_counter
from app.services.storage.tracks import TrackStore

#: Counts after which counters that ended are swept.
_SWEEP_EVERY = 1_000


class DatabaseCounters(Storage):
    """One row a counter. A machine that stops may lose the last of what it counted."""

    STORAGE_SCHEME = None

    def __init__(self, store: TrackStore) -> None:
        super().__init__()
        self._store = store
        self._counted = 0

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the database may raise."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count; a counter that has ended begins anew. `StorageFailed`."""
        now = time.time()
        self._counted += 1
        with self._store.transaction(durable=False) as changes:
            if self._counted % _SWEEP_EVERY == 0:
                drop_old_counters(changes.connection, now)
            return add_to_counter(changes.connection, key, amount, now, now + expiry)

    def get(self, key: str) -> int:
        """What was counted; 0 once the counter has ended."""
        with self._store.reading() as connection:
            amount, expires_at = read_counter(connection, key)
        return amount if expires_at > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """When a counter ends, in seconds since 1970; now where there is none."""
        with self._store.reading() as connection:
            return max(time.time(), read_counter(connection, key)[1])

    def check(self) -> bool:
        """Whether the database answers."""
        with self._store.reading() as connection:
            read_counter(connection, "")
        return True

    def reset(self) -> int | None:
        """Forget what has ended: how many."""
        with self._store.transaction() as changes:
            return drop_old_counters(changes.connection, time.time())

    def clear(self, key: str) -> None:
        """Forget a counter."""
        with self._store.transaction() as changes:
            drop_counter(changes.connection, key)
