"""Replays: a request that carries an Idempotency-Key is carried out once, however often it is sent.

Its answer is durable before it is sent. Where a server ends between accepting the music and keeping the answer, the row
names the track, so that nothing is made twice.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta

from app.errors import StillBeingMade, UsedForAnother
from app.services.access.caller import owner
from app.services.storage.replays import (
    Replay,
    begin_replay,
    change_replay,
    drop_old_replays,
    drop_replay,
    read_group_of,
    take_over_replay,
)
from app.services.storage.tracks import TrackStore
from app.utils.chance import random_token
from app.utils.clock import Clock

#: Seconds for which an answer is kept.
KEPT_S = 86_400.0
#: Seconds after which another server that began an answer is thought to have ended.
GIVEN_UP_S = 60.0
#: Requests after which old answers are swept.
_SWEEP_EVERY = 100


@dataclass(frozen=True, slots=True)
class Lost:
    """A request whose music was accepted, but whose answer nobody kept."""

    track_id: str
    #: The group it was asked for in; None of a track alone.
    group_id: str | None


#: What sets the request that is being carried out apart from all others; None where it carries no Idempotency-Key.
occasion: ContextVar[str | None] = ContextVar("occasion", default=None)

#: Told of the first track that is about to be accepted.
noting: ContextVar[Callable[[str], None] | None] = ContextVar("noting", default=None)


class Replays:
    """Its calls block; they are from any thread."""

    def __init__(self, store: TrackStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._maker = random_token()
        #: Those being answered here.
        self._open: set[str] = set()
        self._begun = 0

    def begin(self, key: str, asked: str) -> Replay | Lost:
        """The answer that was given, or one without a status, which is the caller's to make.

        `StillBeingMade`, `UsedForAnother`, `StorageFailed`.
        """
        now = self._clock.now()
        new = Replay(name=f"{owner() or ''}:{key}", asked=asked, maker=self._maker, created_at=now)
        with self._store.transaction() as changes:
            connection = changes.connection
            self._begun += 1
            if self._begun % _SWEEP_EVERY == 1:
                drop_old_replays(connection, now - timedelta(seconds=KEPT_S))
            known = begin_replay(connection, new)
            if known is None:
                self._open.add(new.name)
                return new
            age_s = (now - known.created_at).total_seconds()
            if age_s < KEPT_S:
                if known.asked != asked:
                    raise UsedForAnother
                if known.status is not None:
                    return known
                if known.name in self._open or (known.maker != self._maker and age_s < GIVEN_UP_S):
                    raise StillBeingMade
                if known.track_id is not None and self._store.get(known.track_id) is not None:
                    return Lost(known.track_id, read_group_of(connection, known.track_id))
            if not take_over_replay(connection, known, new):
                raise StillBeingMade
            self._open.add(new.name)
            return new

    def note(self, replay: Replay, track_id: str) -> None:
        """Keep which track is about to be accepted. `StorageFailed`."""
        with self._store.transaction() as changes:
            change_replay(changes.connection, replay.name, replay.maker, track_id=track_id)

    def keep(self, replay: Replay, status: int, headers: dict[str, str], body: str) -> None:
        """Keep the answer; durable when this returns. `StorageFailed`."""
        try:
            with self._store.transaction() as changes:
                change_replay(changes.connection, replay.name, replay.maker, status=status, headers=headers, body=body)
        finally:
            self._open.discard(replay.name)

    def forget(self, replay: Replay) -> None:
        """Nothing was made: the next request is the first. `StorageFailed`."""
        try:
            with self._store.transaction() as changes:
                drop_replay(changes.connection, replay.name, replay.maker)
        finally:
            self._open.discard(replay.name)
