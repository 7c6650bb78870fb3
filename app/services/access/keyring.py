"""Keyring: makes keys, revokes them, and says whose a key is."""

import hmac
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from sqlalchemy import Connection

from app.errors import InvalidField, KeyNotFound, KeyRefused
from app.models.access import SCOPES, ApiKey, KeyScope
from app.services.access.replays import KEPT_S
from app.services.access.tokens import Chance, hash_of, id_of, new_key
from app.services.storage.access import insert_key, read_key, read_keys, revoke_key, touch_key
from app.services.storage.tracks import TrackStore
from app.utils.clock import Clock

#: Seconds for which what the database said of a key holds: a key revoked elsewhere opens nothing after this.
HOLDS_S = 2.0
#: Seconds to which the last use of a key is right.
USED_S = 60.0
#: Keys remembered at once, known or not.
MOST_REMEMBERED = 10_000
#: Compared where there is no such key, so that the answer takes as long.
_NOBODYS = "0" * 64


@dataclass(frozen=True, slots=True)
class _Remembered:
    key: ApiKey | None
    until: float


class Keyring:
    """The keys of a database. Its calls are from any thread; `known` asks nobody."""

    def __init__(self, store: TrackStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._remembered: dict[str, _Remembered] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Keys that it remembers, known or not."""
        return len(self._remembered)

    def create(
        self,
        name: str,
        scopes: Sequence[KeyScope],
        life_s: float | None = None,
        *,
        webhook_url: str | None = None,
        chance: Callable[[int], Chance] = lambda _attempt: secrets.token_bytes,
        note: Callable[[Connection, ApiKey], None] = lambda _connection, _key: None,
    ) -> tuple[ApiKey, str]:
        """A new key, and its text, which nobody can see again. It lasts `life_s` seconds, for ever if None.

        Its tracks tell `webhook_url`, which the caller has checked. `chance` is asked for what each attempt draws from:
        where that made a key before, within the time that answers are kept, that key is the answer as it was then.
        `note` writes into the transaction that a new key is made in. `InvalidField` for a name or scopes that cannot
        be, `StorageFailed`.
        """
        if not 1 <= len(name.strip()) <= 100 or not name.isprintable():
            raise InvalidField("name", "must be 1 to 100 printable characters")
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            raise InvalidField("scopes", f"must be some of {', '.join(SCOPES)}")
        now = self._clock.now()
        with self._store.transaction() as changes:
            for attempt in count():
                key_id, text = new_key(chance(attempt))
                known = read_key(changes.connection, key_id)
                if known is None:
                    break
                if known.hashed == hash_of(text) and (now - known.created_at).total_seconds() < KEPT_S:
                    return replace(known, revoked_at=None, last_used_at=None), text
            key = ApiKey(
                id=key_id,
                name=name.strip(),
                hashed=hash_of(text),
                scopes=tuple(scope for scope in SCOPES if scope in scopes),
                created_at=now,
                expires_at=None if life_s is None else now + timedelta(seconds=life_s),
                webhook_url=webhook_url,
            )
            insert_key(changes.connection, key)
            note(changes.connection, key)
        return key, text

    def all(self) -> list[ApiKey]:
        """All keys, the oldest first. `StorageFailed`."""
        with self._store.reading() as connection:
            return read_keys(connection)

    def revoke(self, key_id: str) -> ApiKey:
        """Let a key open nothing any more. Twice is once. `KeyNotFound`, `StorageFailed`."""
        with self._store.transaction() as changes:
            revoke_key(changes.connection, key_id, self._clock.now())
            key = read_key(changes.connection, key_id)
        with self._lock:
            self._remembered.pop(key_id, None)
        if key is None:
            raise KeyNotFound(key_id)
        return key

    def known(self, text: str) -> ApiKey | None:
        """The key of a text, from memory; None where the database has to be asked. `KeyRefused`."""
        key_id = id_of(text)
        if key_id is None:
            raise KeyRefused
        remembered = self._remembered.get(key_id)
        if remembered is None or remembered.until < self._clock.monotonic():
            return None
        return self._checked(remembered.key, text)

    def look_up(self, text: str) -> ApiKey:
        """The key of a text, from the database; its use is noted. `KeyRefused`, `StorageFailed`."""
        key_id = id_of(text)
        if key_id is None:
            raise KeyRefused
        with self._store.reading() as connection:
            key = read_key(connection, key_id)
        with self._lock:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[key_id] = _Remembered(key, self._clock.monotonic() + HOLDS_S)
        checked = self._checked(key, text)
        self._note_use(checked, self._clock.now())
        return checked

    def _checked(self, key: ApiKey | None, text: str) -> ApiKey:
        same = hmac.compare_digest(_NOBODYS if key is None else key.hashed, hash_of(text))
        if key is None or not same or not key.good_at(self._clock.now()):
            raise KeyRefused
        return key

    def _note_use(self, key: ApiKey, now: datetime) -> None:
        if key.last_used_at is None or (now - key.last_used_at).total_seconds() >= USED_S:
            with self._store.transaction(durable=False) as changes:
                touch_key(changes.connection, key.id, now)
