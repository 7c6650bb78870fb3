"""Ledger: what is to be written, many changes with one commit, and what follows once it is written.

Rule: nothing is told to anybody before it is committed.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from app.errors import StorageFailed
from app.models.track import Track
from app.services.jobs.inbox import attempt
from app.services.storage.changes import Changes
from app.services.storage.rows import JobRow
from app.services.storage.tracks import TrackStore

Result = TypeVar("Result")

#: Seconds until what could not be written is tried again.
PATIENCE_S = 1.0

log = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class _Entry:
    """One change that waits to be written."""

    write: Callable[[Changes], None]
    settled: Callable[[], None]
    #: Called instead where it can't be written; None if it is kept and tried again.
    refused: Callable[[StorageFailed], None] | None = None
    durable: bool = True
    #: Written instead of `write` together with all others.
    together: Callable[[Changes], None] | None = None
    #: A new track with its job, as they are written together with others: neighbours of this kind share one statement.
    accepted: tuple[Track, JobRow] | None = None


class Ledger:
    """Changes in order, committed together. One thread uses it."""

    def __init__(self, store: TrackStore) -> None:
        self._store = store
        self._entries: list[_Entry] = []
        self._last: _Entry | None = None
        self._not_before = 0.0

    @property
    def clear(self) -> bool:
        """Whether all is written."""
        return not self._entries

    @property
    def ready(self) -> bool:
        """Whether the next `commit` writes: the database did not fail a moment ago."""
        return not self._entries or time.monotonic() >= self._not_before

    @property
    def wait_s(self) -> float | None:
        """Seconds until `commit` should be called again; None if nothing waits."""
        return max(0.0, self._not_before - time.monotonic()) if self._entries else None

    def accept(
        self, track: Track, job: JobRow, *, then: Callable[[], None], refused: Callable[[StorageFailed], None]
    ) -> None:
        """A new track: `then` once it is durable, `refused` if it can't be."""
        self._entries.append(
            _Entry(write=lambda c: c.add([(track, job)]), settled=then, refused=refused, accepted=(track, job))
        )

    def offer(
        self,
        change: Callable[[Changes], Result],
        *,
        then: Callable[[Result], None],
        refused: Callable[[StorageFailed], None],
    ) -> None:
        """A durable change that somebody waits for: `then`, with what it returned, or `refused` if it can't be."""
        results: list[Result] = []
        self._entries.append(
            _Entry(
                write=lambda changes: results.append(change(changes)),
                settled=lambda: then(results[-1]),
                refused=refused,
            )
        )

    def write(
        self,
        change: Callable[[Changes], Result],
        then: Callable[[Result], None] = lambda _: None,
        *,
        durable: bool = True,
    ) -> None:
        """A change of what is known: `then`, with what it returned, once it is written. Tried until it is."""
        results: list[Result] = []
        self._entries.append(
            _Entry(
                write=lambda changes: results.append(change(changes)),
                settled=lambda: then(results[-1]),
                durable=durable,
            )
        )

    def accept_begun(self, track_id: str, now: datetime) -> bool:
        """Let a new track that waits to be written be written as one whose first run begins; False if none does.

        So it is by the next `commit`, as long as all of that is written together; else it is written as accepted.
        """
        for entry in self._entries:
            if entry.accepted is not None and entry.accepted[0].id == track_id:
                track, job = entry.accepted
                entry.accepted = (replace(track, started_at=now), replace(job, state="running", run=1, attempt=1))
                return True
        return False

    def close_with(
        self,
        together: Callable[[Changes], Result],
        alone: Callable[[Changes], Result],
        *,
        then: Callable[[Result], None],
        refused: Callable[[StorageFailed], None],
    ) -> None:
        """The last change of the next `commit`, which builds on all others: refused where one of them fails.

        `alone` is written instead where the others had to be written one by one. Need not reach the disk: what it says
        is found out anew after a crash.
        """
        results: list[Result] = []
        self._last = _Entry(
            write=lambda changes: results.append(alone(changes)),
            together=lambda changes: results.append(together(changes)),
            settled=lambda: then(results[-1]),
            refused=refused,
            durable=False,
        )

    def commit(self) -> None:
        """Write all that waits, unless the database failed a moment ago."""
        if not self.ready:
            return
        entries, self._entries = self._entries, []
        last, self._last = self._last, None
        every = entries if last is None else [*entries, last]
        if not every:
            return
        try:
            self._write_together(every)
            settled = every
        except Exception as error:  # noqa: BLE001 - whatever one of them did, the others must get through
            log.warning("%d changes could not be written together: %s", len(every), error)
            settled = [entry for entry in entries if self._write_alone(entry)]
            if last is not None and len(settled) == len(entries):
                settled += [last] if self._write_alone(last) else []
            elif last is not None and last.refused is not None:
                attempt(partial(last.refused, StorageFailed("What it builds on could not be written")))
        for entry in settled:
            attempt(entry.settled)

    def _write_alone(self, entry: _Entry) -> bool:
        if self._entries and entry.refused is None:  # what is kept is written in its order
            self._entries.append(entry)
            return False
        try:
            with self._store.transaction(durable=entry.durable) as changes:
                entry.write(changes)
        except Exception as error:
            failed = error if isinstance(error, StorageFailed) else StorageFailed(f"Not written: {error}")
            if entry.refused is not None:
                attempt(partial(entry.refused, failed))
            elif isinstance(error.__cause__, DBAPIError):  # the database's trouble, which may pass
                self._entries.append(entry)
                self._not_before = time.monotonic() + PATIENCE_S
            else:
                log.exception("A change can never be written and is dropped")
            return False
        return True

    def _write_together(self, entries: list[_Entry]) -> None:
        with self._store.transaction(durable=any(entry.durable for entry in entries)) as changes:
            accepted: list[tuple[Track, JobRow]] = []
            for entry in entries:
                if entry.accepted is not None:
                    accepted.append(entry.accepted)
                    continue
                if accepted:
                    changes.add(accepted)
                    accepted = []
                (entry.together or entry.write)(changes)
            if accepted:
                changes.add(accepted)
