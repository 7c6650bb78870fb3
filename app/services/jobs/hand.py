"""Hand: takes one job from the queue of several machines through its runs, and writes down what comes of each.

Rule: whatever it writes says which run it speaks for; a run that another has taken over writes nothing.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.errors import DatabaseAway, StorageFailed, StoreAway
from app.models.track import Track
from app.services.jobs.base import Job, Outcome, Progress
from app.services.jobs.bench import Bench, Ended, Piece
from app.services.jobs.courier import Courier
from app.services.jobs.endings import gave_up, internal_error
from app.services.jobs.pacing import patience_s
from app.services.jobs.verdicts import completed, failed
from app.services.jobs.worker import Broke, Refused
from app.services.metering import NoTally, Tally
from app.services.metering.tally import Again
from app.services.storage.changes import Changes
from app.services.storage.deliveries import locked_job, take_up, tell, track_in
from app.services.storage.rows import JobRow
from app.services.storage.tracks import TrackStore
from app.utils.absence import Absence
from app.utils.clock import Clock

Result = TypeVar("Result")

#: Times that the database may refuse a change, being there, before it is given up.
MOST_REFUSALS = 5
#: First and longest wait in seconds before what the database refused is tried again.
FIRST_S, LONGEST_S = 0.1, 5.0

log = logging.getLogger(__name__)


@dataclass(kw_only=True, eq=False)
class Claim:
    """A run that this node has begun."""

    row: JobRow
    #: As far as it is known here.
    track: Track
    run: int
    #: Until when a paced track is held back, on the clock that never goes back.
    due_s: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Came:
    """What came of a run."""

    #: The track, where it is finished or given up by it.
    track: Track | None = None
    #: Why it is tried again here, if it is.
    again: Again | None = None


class Hand:
    """Does what it is brought. One a node; on the node's event loop, but for `heard`."""

    def __init__(
        self,
        store: TrackStore,
        courier: Courier,
        bench: Bench,
        clock: Clock,
        *,
        max_attempts: int = 3,
        bring: Callable[[], None] | None = None,
        tally: Tally | None = None,
    ) -> None:
        """`bring` has here what models were taught elsewhere; called where a track may need that."""
        self._bring = bring
        self._store = store
        self._courier = courier
        self._bench = bench
        self._clock = clock
        self._max_attempts = max_attempts
        self._tally = tally or NoTally()
        self._absence = Absence(log, "What jobs do cannot be written down", "What jobs do is written down again")
        self._lock = threading.Lock()
        #: Claims with news that is not written yet, each with the facts among it.
        self._news: dict[Claim, dict[str, Any]] = {}

    async def take(self, job_id: str, delivery: int) -> None:
        """See a job to its end. A cancelled call ends the run; a job that is still wanted then goes to another node."""
        while True:
            claim = await self._patiently(lambda: self._claim(job_id, delivery))
            if claim is None:  # cancelled, or another's
                return
            mine = claim
            if mine.row.kind == "render" and mine.run == 1 and mine.track.started_at is not None:
                self._tally.began(mine.track, mine.track.started_at)
            try:
                await self._prepare(mine.track)
            except StorageFailed as error:
                ended = Ended(ending=Refused(kind=type(error), values=vars(error)))
                await self._patiently(lambda mine=mine, ended=ended: self._end(mine, ended))  # type: ignore[misc]
                return
            job = Job(kind=_kind(mine.row), track=mine.track, run=mine.run, form=mine.row.form)
            piece = self._bench.begin(job, lambda said, mine=mine: self._heard(mine, said))  # type: ignore[misc]
            try:
                ended = await asyncio.shield(asyncio.wrap_future(piece.future))
                await self._pace(mine, ended)
            except asyncio.CancelledError:
                await self._withdraw(mine, piece)
                raise
            finally:
                self._forget(mine)
            try:
                came = await self._patiently(lambda mine=mine, ended=ended: self._end(mine, ended))  # type: ignore[misc]
            except StorageFailed:
                log.exception("What came of a run can never be written", extra={"track_id": mine.track.id})
                came = await self._patiently(lambda mine=mine: self._unwritable(mine))  # type: ignore[misc]
            if came.track is not None:
                self._tally.ended(came.track)
            if came.again is None:
                return
            self._tally.again(mine.row.kind, came.again)

    def note(self) -> None:
        """Write down how far all runs are, with one commit that need not reach the disk. `StorageFailed`."""
        with self._lock:
            news, self._news = self._news, {}
        if not news:
            return
        with self._store.transaction(durable=False) as changes:
            for claim, facts in news.items():
                track = claim.track
                # What a run knows that lost its job meanwhile, nobody wants to know.
                mine = changes.note(claim.row.id, run=claim.run, stage=track.stage, progress=track.progress)
                if mine and facts:
                    changes.learn(track.id, facts)
            tell(changes.connection, [claim.track.id for claim in news])

    def _heard(self, claim: Claim, said: Progress) -> None:
        if claim.row.kind != "render":
            return
        with self._lock:
            track = claim.track
            if track.paced_until is None:  # a paced track's progress is the clock's
                highest = max(track.progress, min(99, int(said.fraction * 100)))
                track = replace(track, stage=said.stage, progress=highest)
            track = replace(track, **said.facts)
            if track != claim.track:
                claim.track = track
                self._news.setdefault(claim, {}).update(said.facts)

    def _forget(self, claim: Claim) -> None:
        with self._lock:
            self._news.pop(claim, None)

    async def _prepare(self, track: Track) -> None:
        """Have here what a taught model is, or a plan that was asked for may name."""
        if self._bring is not None and (track.base != track.model or track.asked is not None):
            await self._patiently(self._bring)

    async def _pace(self, claim: Claim, ended: Ended) -> None:
        """A paced track is not finished before its time."""
        if claim.row.kind == "render" and isinstance(ended.ending, Outcome) and claim.track.paced_until is not None:
            by_now_s = patience_s(claim.track, self._clock.now())  # one of the clocks may have been set
            await asyncio.sleep(max(0.0, min(by_now_s, claim.due_s - self._clock.monotonic())))

    async def _withdraw(self, claim: Claim, piece: Piece) -> None:
        """End the run; its files go, and its job waits again if it is still wanted."""
        self._bench.drop(piece)
        await asyncio.wrap_future(piece.future)
        await self._patiently(lambda: self._give_back(claim))

    # -- each of these is one transaction ---------------------------------------------------------------------------

    def _claim(self, job_id: str, delivery: int) -> Claim | None:
        with self._store.transaction() as changes:
            row = take_up(changes.connection, job_id, delivery, self._clock.now())
            track = None if row is None else track_in(changes.connection, row.subject_id)
            if row is not None and track is not None:
                tell(changes.connection, [track.id])
                due_s = self._clock.monotonic() + patience_s(track, self._clock.now())
                return Claim(row=row, track=track, run=row.run, due_s=due_s)
            left = locked_job(changes.connection, job_id)
            if left is not None and left.delivery == delivery and left.state == "queued":  # its track is gone
                changes.drop_job(left.id)
            return None

    def _end(self, claim: Claim, ended: Ended) -> "_Came":
        """Write down what came of a run."""
        ending, row = ended.ending, claim.row
        with self._store.transaction() as changes:
            if isinstance(ending, Outcome):
                return self._keep(changes, claim, ending)
            if isinstance(ending, Refused) and issubclass(ending.kind, StoreAway):
                log.warning("Done again: %s", ending.error().detail, extra={"track_id": row.subject_id})
                return self._again(changes, claim, row.attempt - 1, "spared")
            if isinstance(ending, Refused):
                return self._give_up(changes, claim, ending.error().detail)
            if ended.blameless:
                return self._again(changes, claim, row.attempt - 1, "spared")
            _tell_log(claim, ended)
            broke = isinstance(ending, Broke)
            if row.attempt < self._max_attempts:
                return self._again(
                    changes, claim, row.attempt, "broke" if broke else "late" if ended.late else "crashed"
                )
            late_after_s = self._bench.timeout_s if ended.late else None
            kind = _kind(row)
            reason = internal_error(kind) if broke else gave_up(kind, row.attempt, late_after_s=late_after_s)
            return self._give_up(changes, claim, reason)

    def _keep(self, changes: Changes, claim: Claim, outcome: Outcome) -> "_Came":
        row, now = claim.row, self._clock.now()
        done = completed(claim.track, outcome, now) if row.kind == "render" else None
        if done is None:
            track_in(changes.connection, row.subject_id, locked=True)  # two forms at once must not lose each other
            won = changes.attach(row.id, row.subject_id, outcome.files, run=claim.run) is not None
        else:
            won = changes.finish(row.id, done, run=claim.run)
        if not won:
            log.warning("A result came too late and is dropped", extra={"track_id": row.subject_id})
            changes.owe_removal(row.subject_id, claim.run, now)
        tell(changes.connection, [row.subject_id])
        return _Came(track=done if won else None)

    def _give_up(self, changes: Changes, claim: Claim, reason: str) -> "_Came":
        row, now = claim.row, self._clock.now()
        log.warning("Given up: %s", reason, extra={"track_id": row.subject_id})
        lost = None
        if row.kind == "render":
            lost = failed(claim.track, reason, now)
            lost = lost if changes.finish(row.id, lost, run=claim.run) else None
        else:
            changes.drop_job(row.id)
        changes.owe_removal(row.subject_id, claim.run, now)
        tell(changes.connection, [row.subject_id])
        return _Came(track=lost)

    def _unwritable(self, claim: Claim) -> "_Came":
        with self._store.transaction() as changes:
            return self._give_up(
                changes, claim, "The result could not be written down; the workers' log has the reason"
            )

    def _again(self, changes: Changes, claim: Claim, attempt: int, why: Again) -> "_Came":
        changes.requeue(claim.row.id, run=claim.run, attempt=attempt)
        changes.owe_removal(claim.row.subject_id, claim.run, self._clock.now())
        return _Came(again=why)

    def _give_back(self, claim: Claim) -> None:
        with self._store.transaction() as changes:
            row = locked_job(changes.connection, claim.row.id)
            if row is not None and row.state == "running" and row.run == claim.run:
                changes.requeue(row.id, run=claim.run, attempt=row.attempt - 1)
                self._courier.send(changes.connection, replace(row, attempt=row.attempt - 1), ahead=True)
            changes.owe_removal(claim.row.subject_id, claim.run, self._clock.now())
            tell(changes.connection, [claim.row.subject_id])

    async def _patiently(self, call: Callable[[], Result]) -> Result:
        """Do it on a thread, again while the database is away. `StorageFailed` where it refuses again and again."""
        wait_s = FIRST_S
        refusals = 0
        while True:
            try:
                answer = await asyncio.to_thread(call)
            except DatabaseAway as error:
                self._absence.missed(error)
            except StorageFailed as error:
                refusals += 1
                if refusals >= MOST_REFUSALS:
                    raise
                log.warning("Tried again: %s", error)
            else:
                self._absence.back()
                return answer
            await asyncio.sleep(wait_s)
            wait_s = min(LONGEST_S, 2 * wait_s)


def _kind(row: JobRow) -> "Any":
    return "encode" if row.kind == "encode" else "render"


def _tell_log(claim: Claim, ended: Ended) -> None:
    track_id = {"track_id": claim.row.subject_id}
    if isinstance(ended.ending, Broke):
        log.error("Error in attempt %d:\n%s", claim.row.attempt, ended.ending.traceback, extra=track_id)
    else:
        log.warning("A %s %s, attempt %d", claim.row.kind, "took too long" if ended.late else "crashed",
                    claim.row.attempt, extra=track_id)  # fmt: skip
