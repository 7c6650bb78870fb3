"""EmbeddedQueue: the queue of one machine, with a SQLite file as its memory and no server beside it."""

import atexit
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from app.errors import Busy
from app.models.group import Comparison, Group
from app.models.track import Track, TrackFile
from app.services.jobs.audience import Hear
from app.services.jobs.base import CacheSize, JobBody, LoadedModel, QueueLoad
from app.services.jobs.desk import RESTART_S, Desk
from app.services.jobs.dispatcher import Dispatcher
from app.services.jobs.endings import Endings
from app.services.jobs.engine_floor import EngineFloor, Residents
from app.services.jobs.floor import Floor
from app.services.jobs.foreman import Foreman
from app.services.jobs.inbox import Inbox
from app.services.jobs.janitor import Janitor, RemovesFiles
from app.services.jobs.ledger import Ledger
from app.services.jobs.lock import FolderLock
from app.services.jobs.memory import TrackMemory
from app.services.jobs.pacing import Pace
from app.services.jobs.pool import WorkerPool
from app.services.jobs.removals import Removals
from app.services.jobs.retention import Keeping, Sweeper
from app.services.jobs.run import Run
from app.services.metering import NoTally, Tally
from app.services.storage.changes import Changes
from app.services.storage.folders import WorkFolders
from app.services.storage.tracks import TrackStore
from app.utils.clock import Clock

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)


class EmbeddedQueue:
    """A `JobQueue` in this process. One life: started once, stopped once.

    Owns its data folder: a lock keeps other processes out, so what it remembers is the truth.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        store: TrackStore,
        files: RemovesFiles,
        body: JobBody,
        workers: int,
        max_queue: int,
        job_timeout_s: float,
        retention_s: float,
        storage_limit_bytes: int,
        clock: Clock,
        max_attempts: int = 3,
        warm: Callable[[], None] | None = None,
        preload: Sequence[str] = (),
        residents: Residents | None = None,
        tally: Tally | None = None,
    ) -> None:
        """`body` and `warm` are top-level functions or partials of such; `warm` is called once in each worker.

        `preload` names modules that workers need.

        `residents` says which models live in processes of their own.
        """
        self._clock = clock
        self._store = store
        self._lock = FolderLock(data_dir)
        self._inbox = Inbox()
        self._memory = TrackMemory()
        self._pace = Pace(clock)
        self._keeping = Keeping()
        tally = tally or NoTally()
        ledger = Ledger(store)
        folders = WorkFolders(data_dir / "work")
        janitor = Janitor(files, folders)
        self._floor = Floor(
            clock=clock,
            store=store,
            folders=folders,
            memory=self._memory,
            ledger=ledger,
            janitor=janitor,
            removals=Removals(ledger, janitor, self._inbox),
            engines=EngineFloor(residents, timeout_s=job_timeout_s, tally=tally),
            tally=tally,
        )
        pool = WorkerPool(body, warm, workers=workers, timeout_s=job_timeout_s, settled=self._settled, preload=preload)
        self._pool = pool
        endings = Endings(self._floor, max_attempts=max_attempts)
        self._foreman = Foreman(self._floor, pool, endings, workers=workers)
        self._desk = Desk(self._floor, self._foreman, workers=workers, max_queue=max_queue)
        sweeper = Sweeper(
            self._floor,
            self._keeping,
            self._desk.remove,
            retention_s=retention_s,
            storage_limit_bytes=storage_limit_bytes,
        )
        self._dispatcher = Dispatcher(
            self._floor, self._inbox, pool, self._foreman, self._desk, sweeper, workers=workers, ended=self._let_go
        )
        self._starting = threading.Lock()
        self._started = False

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take ownership of the data folder, requeue what was running, begin to work. Idempotent.

        `DataFolderInUse`, `StorageFailed`.
        """
        with self._starting:
            if self._started:
                return
            self._lock.acquire()
            try:
                self._floor.folders.clear()
                self._store.check()
                unfinished = self._store.recover(self._clock.now())
                speeds = self._store.speeds()
            except BaseException:
                self._let_go()
                raise
            if unfinished.waiting:
                log.info("%d tracks were waiting and are taken up again", len(unfinished.waiting))
            self._floor.estimates.remember(speeds)
            self._floor.engines.remember(speeds)
            self._floor.janitor.start()
            self._desk.resume(unfinished)
            self._dispatcher.start()
            self._started = True
            atexit.register(self.stop)

    def stop(self, *, drain_s: float = 0.0) -> None:
        """Stop taking work, wait up to `drain_s` for what runs, requeue the rest, end every worker. Idempotent."""
        with self._starting:
            if not self._started:
                return
        atexit.unregister(self.stop)
        self._dispatcher.stop(drain_s)

    def tick(self) -> None:
        """Take a turn now, as if the clock had woken the dispatcher; returns when it is written."""
        for _ in range(2):  # what the first turn decides is written by the end of the second
            turned: Future[None] = self._ask(lambda answer: answer.set_result(None))
            turned.result()

    # -- asked from any thread ----------------------------------------------------------------------------------

    def submit(self, track: Track) -> "Future[Track]":
        """Accept a track; resolved once it is durable. `QueueFull` where too many wait, `StorageFailed`, `Busy`."""
        return self._ask(lambda answer: self._desk.submit(track, answer))

    def submit_all(self, tracks: Sequence[Track], group: Group, comparison: Comparison | None = None) -> "Future[None]":
        """Accept all of a group's tracks, with the group and its comparison, or nothing; resolved once it is durable.

        `InvalidField` where the queue never takes so many, `QueueFull` where it does not now, `StorageFailed`, `Busy`.
        """
        return self._ask(lambda answer: self._desk.submit_all(tracks, group, comparison, answer))

    def record(self, change: "Callable[[Changes], Answer]") -> "Future[Answer]":
        """Write something else that is kept; resolved, with what it returned, once it is durable.

        `StorageFailed`, `Busy`.
        """
        return self._ask(lambda answer: self._desk.record(change, answer))

    def cancel(self, track_id: str) -> "Future[Track]":
        """End queued or running work; resolved with the failed track. Idempotent for cancelled tracks.

        `TrackNotFound`, `TrackAlreadyFinished`.
        """
        return self._ask(lambda answer: self._desk.cancel(track_id, answer))

    def delete(self, track_id: str) -> "Future[None]":
        """Cancel where needed, then remove the record and the files. `TrackNotFound`."""
        return self._ask(lambda answer: self._desk.delete(track_id, answer))

    def make_file(self, track_id: str, form: str) -> "Future[TrackFile]":
        """Make an on-demand form of a completed track, once, ahead of queued renders; joins work under way.

        `TrackNotFound`, `TrackNotFinished`, `FormNotFound`, `GenerationFailed`, `QueueFull`, `Busy`.
        """
        return self._ask(lambda answer: self._desk.make_file(track_id, form, answer))

    def keep(self, track_id: str) -> AbstractContextManager[None]:
        """While inside, neither age nor space removes the track: somebody is reading its files."""
        return self._keeping.keep(track_id)

    def get(self, track_id: str) -> Track | None:
        """The track as it stands now, from memory; None if it is not in memory (the store may know it)."""
        track = self._memory.get(track_id)
        return None if track is None else self._pace.shown(track)

    def position(self, track_id: str) -> int | None:
        """Place in the queue, 1 = next; None unless it waits."""
        work = self._floor.renders.get(track_id)
        track = self.get(track_id)
        if work is None or track is None or track.stage != "queued":
            return None
        return self._floor.line.position(work)

    def watch(self, hear: Hear) -> Callable[[], None]:
        """Call `hear` with each track whenever it changes, in order, until what this returns is called."""
        return self._memory.audience.join(hear)

    def at_work(self) -> list[Track]:
        """Tracks that wait or are made, in no order."""
        return self._memory.at_work()

    def load(self, model: str | None = None) -> QueueLoad:
        """What is waiting and running for the workers that would make a track of this model."""
        lane = "" if model is None else self._floor.engines.lane(model)
        return self._dispatcher.load(lane)

    def loaded(self) -> Mapping[str, LoadedModel]:
        """Models that are in memory now or were lately measured, by name."""
        return self._floor.engines.loaded()

    @property
    def remote(self) -> bool:
        """Its workers are its own."""
        return False

    def ailment(self) -> str | None:
        """Why tracks are not taken on now, in a few words; None where they are."""
        return self._dispatcher.ailment

    def remembered(self) -> int:
        """Tracks that are answered for from memory."""
        return len(self._memory)

    def caches(self) -> Sequence[CacheSize]:
        """What its worker processes keep, added up, each as it stood after its last job."""
        return self._pool.caches()

    # ------------------------------------------------------------------------------------------------------------

    def _ask(self, ask: "Callable[[Future[Answer]], None]") -> "Future[Answer]":
        answer: Future[Answer] = Future()
        # One who no longer waits takes nothing back: what was accepted stays accepted.
        answer.set_running_or_notify_cancel()

        def call() -> None:
            try:
                ask(answer)
            except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
                answer.set_exception(error)

        if not self._inbox.put(call):
            answer.set_exception(Busy("The server is stopping; try again when it is back", RESTART_S))
        return answer

    def _settled(self, run: Run) -> None:
        self._inbox.put(lambda: self._foreman.settled(run))

    def _let_go(self) -> None:
        self._store.close()
        self._lock.release()
