"""Recovery: what a worker that vanished had in hand goes to another, and files that nobody needs go.

Rule: one node at a time does it, whichever holds the lock; each step is one transaction.
"""

import logging
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from app.errors import MusicError, StoreAway
from app.services.jobs.courier import Courier
from app.services.jobs.janitor import RemovesFiles
from app.services.jobs.retention import LIVE_S
from app.services.jobs.verdicts import failed
from app.services.metering import NoTally, Tally
from app.services.storage.changes import Changes
from app.services.storage.deliveries import forget_orphans, removals, stranded, tell, track_in
from app.services.storage.rows import JobRow
from app.services.storage.tracks import TrackStore
from app.utils.clock import Clock

#: Times that a job's worker may vanish before the job is given up.
MOST_VANISHED = 20
#: Advisory lock of PostgreSQL that the one who looks holds.
LOOKING = 0x6D757377
#: Tracks removed for their age or their size with one commit.
AT_ONCE = 200

log = logging.getLogger(__name__)


class Recovery:
    """Looks when it is told to."""

    def __init__(
        self,
        store: TrackStore,
        files: RemovesFiles,
        courier: Courier,
        clock: Clock,
        *,
        stale_s: float,
        retention_s: float,
        storage_limit_bytes: int,
        tally: Tally | None = None,
    ) -> None:
        self._store = store
        self._files = files
        self._courier = courier
        self._clock = clock
        self._stale_s = stale_s
        self._retention_s = retention_s
        self._storage_limit_bytes = storage_limit_bytes
        self._tally = tally or NoTally()

    def look(self) -> int:
        """Send stranded jobs to other workers: how many. `StorageFailed`."""
        with self._store.transaction() as changes:
            if not changes.connection.execute(text("SELECT pg_try_advisory_xact_lock(:k)"), {"k": LOOKING}).scalar():
                return 0
            found = stranded(changes.connection, self._stale_s)
            for job in found:
                self._rescue(changes, job)
            forget_orphans(changes.connection, self._stale_s)
        for job in found:
            self._tally.again(job.kind, "vanished")
        return len(found)

    def clear(self) -> None:
        """Remove the files that are to go. `StorageFailed`; `StoreAway` ends it, for the next would fare no better."""
        with self._store.transaction(durable=False) as changes:
            gone = removals(changes.connection)
        for removal in gone:
            self._remove(removal)

    def retire(self) -> None:
        """Remove what is too old, and the oldest where all takes too much room. `StorageFailed`, `StoreAway`."""
        old: list[tuple[str, int]] = []
        if self._retention_s != float("inf"):
            before = self._clock.now() - timedelta(seconds=self._retention_s)
            old = self._store.oldest_finished(before=before, limit=AT_ONCE)
        excess = self._store.stored_bytes() - sum(size for _, size in old) - self._storage_limit_bytes
        going = [track_id for track_id, _ in old]
        if excess > 0:
            for track_id, size in self._store.oldest_finished(spared=going, limit=AT_ONCE):
                if excess <= 0:
                    break
                going.append(track_id)
                excess -= size
        with self._store.transaction() as changes:
            for track_id in going:
                changes.delete_track(track_id)
                changes.owe_removal(track_id, 0, self._clock.now())
            tell(changes.connection, going)
        self._files.delete_live(before=self._clock.now() - timedelta(seconds=LIVE_S))

    def _rescue(self, changes: Changes, job: JobRow) -> None:
        now = self._clock.now()
        track = track_in(changes.connection, job.subject_id)
        if track is None:
            changes.drop_job(job.id)
            return
        run = job.run if job.state == "running" else None
        if run is not None:
            changes.owe_removal(track.id, run, now)
        log.warning("The worker of a %s vanished; another gets it", job.kind, extra={"track_id": track.id})
        if job.vanished >= MOST_VANISHED:
            reason = f"Its workers vanished {job.vanished + 1} times and it was given up"
            if job.kind == "render":
                changes.finish(job.id, failed(track, reason, now), run=run)
            else:
                changes.drop_job(job.id)
        else:
            charged = job.attempt - 1 if run is not None else job.attempt
            if run is not None:
                changes.requeue(job.id, run=run, attempt=charged)
            self._courier.send_again(changes.connection, again(job, charged))
        tell(changes.connection, [track.id])

    def _remove(self, removal: JobRow) -> None:
        try:
            if removal.subject_id.startswith("finetune_"):
                self._files.delete_finetune(removal.subject_id, removal.run)
            elif removal.run:
                self._files.delete_run(removal.subject_id, removal.run)
            else:
                self._files.delete_track(removal.subject_id)
        except StoreAway:
            raise
        except MusicError:
            log.exception("Files could not be removed; tried again", extra={"track_id": removal.subject_id})
            return
        with self._store.transaction(durable=False) as changes:
            changes.drop_job(removal.id)


def again(job: JobRow, attempt: int) -> JobRow:
    """The job as it waits once more, after a worker vanished."""
    return replace(job, attempt=attempt, vanished=job.vanished + 1)
