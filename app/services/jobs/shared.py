"""SharedQueue: an API node's side of a queue that many machines share, on PostgreSQL.

Rule: the database is the truth. What is remembered here follows it, and is not believed once the database is away.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Lock
from typing import TypeVar

from app.errors import (
    FormNotFound,
    GenerationFailed,
    InvalidField,
    NoRoomForAll,
    QueueFull,
    TrackAlreadyFinished,
    TrackNotFinished,
    TrackNotFound,
)
from app.models.group import Comparison, Group
from app.models.track import Track, TrackFile
from app.services.jobs.audience import Hear
from app.services.jobs.base import CacheSize, LoadedModel, QueueLoad
from app.services.jobs.courier import Courier
from app.services.jobs.estimates import FIRST_GUESS, LEAST_S
from app.services.jobs.line import PRIORITY
from app.services.jobs.memory import TrackMemory
from app.services.jobs.newsreader import Newsreader
from app.services.jobs.pacing import Pace
from app.services.jobs.retention import Keeping
from app.services.jobs.verdicts import cancelled
from app.services.metering import NoTally, Tally
from app.services.storage.changes import Changes
from app.services.storage.deliveries import in_turns, locked_jobs_of, tell, track_in, waiting
from app.services.storage.rows import JobRow
from app.services.storage.tracks import TrackStore
from app.utils.chance import random_token
from app.utils.clock import Clock

Answer = TypeVar("Answer")

#: Calls that are written at the same time.
THREADS = 8

log = logging.getLogger(__name__)


class SharedQueue:
    """A `JobQueue` whose work is done elsewhere."""

    def __init__(
        self,
        store: TrackStore,
        courier: Courier,
        clock: Clock,
        *,
        address: str,
        max_queue: int,
        stale_s: float,
        tally: Tally | None = None,
    ) -> None:
        self._store = store
        self._courier = courier
        self._clock = clock
        self._max_queue = max_queue
        self._tally = tally or NoTally()
        self._memory = TrackMemory()
        self._pace = Pace(clock)
        self._keeping = Keeping()
        self._news = Newsreader(
            store, self._memory, address=address, stale_s=stale_s, changed=self._changed, wanted=self._owners
        )
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="queue")
        self._lock = Lock()
        #: Who waits for a form of a track.
        self._wanted: dict[tuple[str, str], list[Future[TrackFile]]] = {}
        self._started = False

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Follow the database. Idempotent. `StorageFailed` where it cannot be used."""
        if not self._started:
            self._store.open()
            self._news.start()
            self._started = True

    def stop(self, *, drain_s: float = 0.0) -> None:  # noqa: ARG002 - the protocol's; nothing runs here
        """Follow it no more."""
        self._news.stop()
        self._threads.shutdown()
        self._store.close()

    # -- asked from any thread ----------------------------------------------------------------------------------

    def submit(self, track: Track) -> "Future[Track]":
        """Accept a track; resolved once it is durable. `QueueFull`, `StorageFailed`."""

        def accept() -> Track:
            with self._store.transaction() as changes:
                self._check_room(changes)
                (job,) = self._jobs_of(changes, [track])
                changes.add([(track, job)])
                self._courier.send(changes.connection, job)
            self._news.follow(track)
            self._tally.accepted(track, self._clock.now())
            return track

        return self._threads.submit(accept)

    def submit_all(self, tracks: Sequence[Track], group: Group, comparison: Comparison | None = None) -> "Future[None]":
        """Accept all of a group's tracks, with the group and its comparison, or nothing."""

        def accept() -> None:
            with self._store.transaction() as changes:
                self._check_room(changes, len(tracks))
                accepted = list(zip(tracks, self._jobs_of(changes, tracks), strict=True))
                changes.add_group(accepted, group, comparison)
                for _, job in accepted:
                    self._courier.send(changes.connection, job)
            for track in tracks:
                self._news.follow(track)
                self._tally.accepted(track, self._clock.now())

        return self._threads.submit(accept)

    def record(self, change: Callable[[Changes], Answer]) -> "Future[Answer]":
        """Write something else that is kept; resolved, with what it returned, once it is durable. `StorageFailed`."""

        def write() -> Answer:
            with self._store.transaction() as changes:
                return change(changes)

        return self._threads.submit(write)

    def get(self, track_id: str) -> Track | None:
        """The track as it stands now, from memory; None where only the database knows it."""
        track = self._memory.get(track_id)
        if track is None or not (track.finished or self._news.fresh):
            return None
        return self._pace.shown(track)

    def position(self, track_id: str) -> int | None:
        """Place in its engine's queue, 1 = next; None unless it waits, or is too new to tell."""
        track = self._memory.get(track_id)
        return self._news.snapshot.places.get(track_id) if track is not None and track.stage == "queued" else None

    def cancel(self, track_id: str) -> "Future[Track]":
        """End queued or running work on whatever machine. `TrackNotFound`, `TrackAlreadyFinished`."""

        def end() -> Track:
            with self._store.transaction() as changes:
                renders = [job for job in locked_jobs_of(changes.connection, track_id) if job.kind == "render"]
                track = track_in(changes.connection, track_id)
                if track is None:
                    raise TrackNotFound(track_id)
                if not renders:
                    if track.stage == "cancelled":
                        return track
                    raise TrackAlreadyFinished(f"Track {track_id} is already finished; it cannot be cancelled")
                job = renders[0]
                now = self._clock.now()
                run = job.run if job.state == "running" else None
                track = cancelled(track, now)
                changes.finish(job.id, track, run=run)
                if run is not None:
                    changes.owe_removal(track_id, run, now)
                self._courier.take_back(changes.connection, job)
                tell(changes.connection, [track_id])
            self._news.follow(track)
            self._tally.ended(track)
            return track

        return self._threads.submit(end)

    def delete(self, track_id: str) -> "Future[None]":
        """Cancel where needed, then remove the record and the files. `TrackNotFound`."""

        def remove() -> None:
            with self._store.transaction() as changes:
                for job in locked_jobs_of(changes.connection, track_id):
                    self._courier.take_back(changes.connection, job)
                if track_in(changes.connection, track_id) is None:
                    raise TrackNotFound(track_id)
                changes.delete_track(track_id)
                changes.owe_removal(track_id, 0, self._clock.now())
                tell(changes.connection, [track_id])
            self._news.forget(track_id)

        return self._threads.submit(remove)

    def make_file(self, track_id: str, form: str) -> "Future[TrackFile]":
        """Make an on-demand form of a completed track, once; joins work under way on whatever machine."""
        answer: Future[TrackFile] = Future()
        answer.set_running_or_notify_cancel()

        def ask() -> None:
            try:
                made = self._ask_for(track_id, form)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                answer.set_exception(error)
                return
            if made is not None:
                answer.set_result(made)
                return
            with self._lock:
                self._wanted.setdefault((track_id, form), []).append(answer)
            self._news.read([track_id])  # it may have been made in this very moment

        self._threads.submit(ask)
        return answer

    def keep(self, track_id: str) -> AbstractContextManager[None]:
        """Says who reads; a file that is open stays readable though it is removed."""
        return self._keeping.keep(track_id)

    def watch(self, hear: Hear) -> Callable[[], None]:
        """Call `hear` with each track whenever it changes, in order, until what this returns is called."""
        return self._memory.audience.join(hear)

    def at_work(self) -> list[Track]:
        """Tracks that wait or are made, in no order."""
        return self._memory.at_work()

    def load(self, model: str | None = None) -> QueueLoad:
        """What is waiting and running for the workers that would make a track of this model, a moment ago."""
        seen = self._news.snapshot
        engines = [model.partition(":")[0]] if model is not None else sorted({*seen.work, *seen.crew})
        backlog_s = 0.0
        for engine in engines:
            speed = seen.speeds.get(engine)
            pace_s = FIRST_GUESS if not speed else 1 / speed
            backlog_s += sum((LEAST_S + duration * pace_s) * still for duration, still in seen.work.get(engine, []))
        return QueueLoad(
            queued=sum(seen.queued.get(engine, 0) for engine in engines),
            running=sum(seen.running.get(engine, 0) for engine in engines),
            workers=max(1, max((seen.crew.get(engine, 0) for engine in engines), default=0)),
            backlog_s=backlog_s,
            elsewhere=bool(engines) and all(engine in seen.crew for engine in engines),
        )

    def loaded(self) -> Mapping[str, LoadedModel]:
        """Models are in the memory of other machines; nothing is known of them here."""
        return {}

    @property
    def remote(self) -> bool:
        """Its workers are others'."""
        return True

    def ailment(self) -> str | None:
        """Why tracks are not followed now, in a few words; None where they are."""
        if not self._started:
            return "the server is starting"
        return None if self._news.fresh else "nothing was heard of the shared queue for some seconds"

    def remembered(self) -> int:
        """Tracks that are answered for from memory."""
        return len(self._memory)

    def caches(self) -> Sequence[CacheSize]:
        """Its workers are others'."""
        return ()

    # -----------------------------------------------------------------------------------------------------------

    def _ask_for(self, track_id: str, form: str) -> TrackFile | None:
        with self._store.transaction() as changes:
            track = track_in(changes.connection, track_id, locked=True)
            if track is None:
                raise TrackNotFound(track_id)
            if not track.finished:
                raise TrackNotFinished(f"Track {track_id} is not finished yet")
            if (made := track.file(form)) is not None:
                return made
            if form not in track.on_demand:
                raise FormNotFound(form, [file.form for file in track.files] + list(track.on_demand))
            if any(job.form == form for job in locked_jobs_of(changes.connection, track_id)):
                return None
            self._check_room(changes)
            job = JobRow(
                id=random_token(),
                kind="encode",
                subject_id=track_id,
                queue=track.model,
                priority=PRIORITY["encode"],
                form=form,
                created_at=self._clock.now(),
            )
            changes.add_job(job)
            self._courier.send(changes.connection, job)
            return None

    def _changed(self, track_id: str, track: Track | None) -> None:
        """Answer those who wait for a form of a track that was read."""
        with self._lock:
            wanted = [form for owner, form in self._wanted if owner == track_id]
        for form in wanted:
            made = None if track is None else track.file(form)
            if made is None and track is not None:
                if self._in_the_making(track_id, form):
                    continue
                track = self._store.get(track_id)  # it may have been made since it was read
                made = None if track is None else track.file(form)
            with self._lock:
                answers = self._wanted.pop((track_id, form), [])
            for answer in answers:
                if made is not None:
                    answer.set_result(made)
                elif track is None:
                    answer.set_exception(TrackNotFound(track_id))
                else:
                    answer.set_exception(GenerationFailed(f"{form} could not be made; the workers' log has the reason"))

    def _owners(self) -> list[str]:
        with self._lock:
            return [owner for owner, _ in self._wanted]

    def _in_the_making(self, track_id: str, form: str) -> bool:
        with self._store.transaction(durable=False) as changes:
            return any(job.form == form for job in locked_jobs_of(changes.connection, track_id))

    def _jobs_of(self, changes: Changes, tracks: Sequence[Track]) -> list[JobRow]:
        """The renders of new tracks of one owner, each in its round; where nobody has a name, as they come."""
        made = [
            JobRow(
                id=random_token(),
                kind="render",
                subject_id=track.id,
                queue=track.base,
                priority=PRIORITY["render"] + track.priority,
                created_at=track.created_at,
            )
            for track in tracks
        ]
        owner = tracks[0].owner
        return made if owner is None else in_turns(changes.connection, owner, made)

    def _check_room(self, changes: Changes, asked: int = 1) -> None:
        if asked > self._max_queue:
            raise InvalidField("requests", f"this server's queue takes at most {self._max_queue} tracks, got {asked}")
        room = self._max_queue - waiting(changes.connection)
        if asked <= room:
            return
        load = self.load()
        too_many = asked - room
        retry_after_s = max(1, math.ceil(load.backlog_s / max(1, load.queued) / load.workers * too_many))
        if asked == 1:
            raise QueueFull(self._max_queue, retry_after_s)
        raise NoRoomForAll(asked, max(0, room), self._max_queue, retry_after_s)
