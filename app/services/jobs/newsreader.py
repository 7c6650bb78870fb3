"""Newsreader: keeps an API node's memory of tracks as the database has it, whoever changed what.

One connection listens for what nodes tell; once a second all that is in work is read again, should a word have been
missed. One query reads as many tracks as there is news of.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from app.errors import StorageFailed
from app.models.track import Track
from app.services.jobs.memory import TrackMemory
from app.services.storage.deliveries import NEWS, crews, line_of
from app.services.storage.server import CONNECT_S, conninfo
from app.services.storage.tracks import TrackStore
from app.utils.absence import Absence

if TYPE_CHECKING:
    import psycopg

#: Seconds between readings of all that is in work.
EVERY_S = 1.0
#: Seconds that words are gathered before the tracks are read.
GATHERED_S = 0.01
#: Seconds without a reading after which memory no longer counts as the truth about tracks in work.
FRESH_S = 3.0
#: Seconds before a database that is away is asked again.
PATIENCE_S = 0.5
#: Tracks of one query.
AT_ONCE = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """The queue as it was a moment ago."""

    #: Place by track, 1 = next of its engine.
    places: dict[str, int] = field(default_factory=dict)
    #: By engine, (seconds of music, share still to be made) of each render that waits or runs.
    work: dict[str, list[tuple[int, float]]] = field(default_factory=dict)
    #: By engine, how many wait and how many run.
    queued: dict[str, int] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    #: By engine, tracks that all workers make at once.
    crew: dict[str, int] = field(default_factory=dict)
    #: By engine, seconds of music that its latest tracks made in a second.
    speeds: dict[str, float] = field(default_factory=dict)


class Newsreader:
    """A thread that reads. `changed` is called on it with each track that was read, or the id of one that is gone."""

    def __init__(
        self,
        store: TrackStore,
        memory: TrackMemory,
        *,
        address: str,
        stale_s: float,
        changed: Callable[[str, Track | None], None],
        wanted: Callable[[], Collection[str]],
    ) -> None:
        """`wanted` names tracks that are to be read again though they are finished."""
        self._store = store
        self._memory = memory
        self._conninfo = conninfo(make_url(address))
        self._stale_s = stale_s
        self._changed = changed
        self._wanted = wanted
        self._writing = threading.Lock()
        self._following: set[str] = set()
        self._stop = threading.Event()
        self._read_at = 0.0
        self._thread = threading.Thread(target=self._work, name="newsreader", daemon=True)
        self.snapshot = Snapshot()
        #: Set while it listens.
        self.listening = threading.Event()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def fresh(self) -> bool:
        """Whether memory is the truth."""
        return time.monotonic() - self._read_at < FRESH_S

    def follow(self, track: Track) -> None:
        """A track was just accepted or changed here."""
        with self._writing:
            self._following.add(track.id)
            known = self._memory.get(track.id)
            if known is None or (track.finished and not known.finished):
                self._memory.keep(track)
                if track.finished:
                    self._following.discard(track.id)

    def forget(self, track_id: str) -> None:
        """A track is gone."""
        with self._writing:
            self._following.discard(track_id)
            self._memory.forget(track_id)

    def read(self, track_ids: Collection[str]) -> None:
        """Take over how tracks stand. `StorageFailed`."""
        ids = list(track_ids)
        for begin in range(0, len(ids), AT_ONCE):
            some = ids[begin : begin + AT_ONCE]
            found = self._store.get_all(some)
            for track_id in some:
                track = found.get(track_id)
                with self._writing:
                    if track is None:
                        self._following.discard(track_id)
                        self._memory.forget(track_id)
                    else:
                        self._memory.keep(track)
                        (self._following.discard if track.finished else self._following.add)(track_id)
                self._changed(track_id, track)

    def _work(self) -> None:
        import psycopg

        absence = Absence(log, "News cannot be read", "News is read again")
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=CONNECT_S) as connection:
                    connection.execute(f"LISTEN {NEWS}")
                    self._reread(everything=True)
                    self.listening.set()
                    absence.back()
                    self._listen(connection)
            except (psycopg.Error, StorageFailed) as error:
                absence.missed(error)
            except Exception:
                log.exception("Error while reading news; it goes on")
            self.listening.clear()
            self._stop.wait(PATIENCE_S)

    def _listen(self, connection: "psycopg.Connection") -> None:
        next_s = time.monotonic() + EVERY_S
        while not self._stop.is_set():
            told: set[str] = set()
            until_s = max(0.001, next_s - time.monotonic())
            for notice in connection.notifies(timeout=until_s, stop_after=1):
                told.add(notice.payload)
            if told:
                told |= {notice.payload for notice in connection.notifies(timeout=GATHERED_S)}
                self.read(told)
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + EVERY_S
                self._reread()

    def _reread(self, *, everything: bool = False) -> None:
        with self._writing:
            ids = {*self._following, *self._wanted()}
        if everything:
            ids |= set(self._memory.ids())
        self.read(ids)
        self.snapshot = self._look()
        self._read_at = time.monotonic()

    def _look(self) -> Snapshot:
        with self._store.transaction(durable=False) as changes:
            line = line_of(changes.connection)
            nodes = crews(changes.connection, self._stale_s)
        snapshot = Snapshot(speeds=self._store.speeds() if line or not self.snapshot.speeds else self.snapshot.speeds)
        for track_id, engine, state, duration, progress, _ in line:
            counted = snapshot.queued if state == "queued" else snapshot.running
            counted[engine] = counted.get(engine, 0) + 1
            snapshot.work.setdefault(engine, []).append((duration, 1 - progress / 100))
            if state == "queued":
                snapshot.places[track_id] = snapshot.queued[engine]
        for engines, concurrency in nodes:
            for engine in engines:
                snapshot.crew[engine] = snapshot.crew.get(engine, 0) + concurrency
        return snapshot
