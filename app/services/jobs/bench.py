"""Bench: does jobs in worker processes and engine processes, and knows neither queue nor database.

Rule: one thread of its own uses the processes. Others hand in pieces and wait for their futures.
"""

import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait

from app.services.jobs.base import CacheSize, Job, JobBody, LoadedModel, Progress, TakeMade
from app.services.jobs.engine_floor import EngineFloor, Residents
from app.services.jobs.foreman import GLANCE_S
from app.services.jobs.inbox import Inbox, attempt
from app.services.jobs.pool import PipedRun, WorkerPool
from app.services.jobs.run import Run
from app.services.jobs.worker import Began, Died, Ending, Rests
from app.services.metering import Tally
from app.services.storage.folders import WorkFolders

#: Shortest and longest sleep in seconds.
SHORTEST_S, LONGEST_S = 0.01, 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a piece came to its end; nothing writes files for it any more."""

    ending: Ending
    #: Whether it was ended for taking too long.
    late: bool = False
    #: Whether it died through no fault of its own.
    blameless: bool = False


@dataclass(kw_only=True, eq=False)
class Piece:
    """A job on the bench."""

    job: Job
    #: Hears how far it is, on the bench's thread.
    hear: Callable[[Progress], None]
    future: "Future[Ended]" = field(default_factory=Future)
    #: Whether a model is to make its take first.
    by_model: bool = False


class Bench:
    """Runs until it is stopped; pieces beyond the workers wait."""

    def __init__(
        self,
        folders: WorkFolders,
        *,
        body: JobBody,
        workers: int,
        job_timeout_s: float,
        warm: Callable[[], None] | None = None,
        preload: Sequence[str] = (),
        residents: Residents | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._folders = folders
        self._inbox = Inbox()
        self._workers = workers
        self.timeout_s = job_timeout_s
        self._engines = EngineFloor(residents, timeout_s=job_timeout_s, tally=tally)
        self._pool = WorkerPool(
            body, warm, workers=workers, timeout_s=job_timeout_s, settled=self._settled, preload=preload
        )
        self._waiting: list[Piece] = []
        self._runs: dict[Run, Piece] = {}
        self._stopped = False
        self._not_before = 0.0
        self._thread = threading.Thread(target=self._work, name="bench", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._folders.clear()
        self._thread.start()

    def stop(self) -> None:
        """End all processes; pieces not done end as if they had died."""
        if self._thread.is_alive():
            self._inbox.put(self._leave)
            self._thread.join()

    def loaded(self) -> Mapping[str, LoadedModel]:
        """What is known of the models that have worked here, by name. From any thread."""
        return self._engines.loaded()

    def caches(self) -> Sequence[CacheSize]:
        """What the worker processes keep, added up, each as it stood after its last job. From any thread."""
        return self._pool.caches()

    def begin(self, job: Job, hear: Callable[[Progress], None]) -> Piece:
        """Take a job on; its future is resolved when nothing works on it any more."""
        by_model = job.kind == "render" and bool(self._engines.lane(job.track.model))
        piece = Piece(job=job, hear=hear, by_model=by_model)
        piece.future.set_running_or_notify_cancel()
        # Somebody waits for a download; a render takes a while anyway.
        place = 0 if job.kind == "encode" else sys.maxsize
        if not self._inbox.put(lambda: self._waiting.insert(place, piece)):
            piece.future.set_result(Ended(ending=Died(), blameless=True))
        return piece

    def drop(self, piece: Piece) -> None:
        """Nobody wants it any more. Its future is resolved all the same."""
        self._inbox.put(lambda: self._drop(piece))

    def _work(self) -> None:
        try:
            self._pool.start()
        except OSError:
            log.exception("Workers cannot be started; tried again with the first job")
        self._engines.start()
        while not self._stopped:
            connections = [run.reader for run in self._runs if isinstance(run, PipedRun)]
            wait([self._inbox.bell, *connections, *self._engines.connections], self._wait_s())
            attempt(self._turn)
        self._pool.stop()
        self._engines.stop()
        for call in self._inbox.close():
            attempt(call)
        for piece in [*self._runs.values(), *self._waiting]:
            self._resolve(piece, Ended(ending=Died(), blameless=True))

    def _leave(self) -> None:
        self._stopped = True

    def _wait_s(self) -> float:
        now = time.monotonic()
        dues = [GLANCE_S if run.began is None and run.crew is self._pool else run.deadline - now for run in self._runs]
        dues.append(self._engines.wait_s())
        if self._waiting and self._not_before > now:
            dues.append(self._not_before - now)
        return min(LONGEST_S, max(SHORTEST_S, min(dues, default=math.inf)))

    def _turn(self) -> None:
        for call in self._inbox.take():
            attempt(call)
        self._engines.listen()
        for run in list(self._runs):
            self._hear(run)
        for run in [run for run in self._runs if time.monotonic() >= run.deadline]:
            if run.crew.overdue(run):
                self._gone(run)
        unbegun = [run for run in self._runs if run.began is None and run.crew is self._pool]
        if unbegun and self._pool.broken:
            for run in unbegun:
                self._gone(run)
        self._hand_out()

    def _hand_out(self) -> None:
        closed: set[str] = set()
        for piece in list(self._waiting):
            if time.monotonic() < self._not_before:
                return
            lane = self._engines.lane(piece.job.track.model) if piece.by_model else ""
            process = self._engines.seat(lane, closed) if lane else None
            if process is None and (piece.by_model or not self._free()):
                continue
            self._waiting.remove(piece)
            finishing = "" if piece.job.take is None else "-finish"
            folder = self._folders.path(f"{piece.job.track.id}-{piece.job.run}{finishing}")
            try:
                run: Run = (
                    self._pool.hand(piece.job, folder)
                    if process is None
                    else self._engines.hand(process, piece.job, folder)
                )
            except (OSError, RuntimeError) as error:
                log.warning("No worker can be had: %s", error)
                self._not_before = time.monotonic() + GLANCE_S
                self._waiting.insert(0, piece)
                return
            self._runs[run] = piece
            if process is not None and process.loaded is None:
                piece.hear(Progress(stage="loading", fraction=0.0))

    def _free(self) -> bool:
        theirs = [run for run in self._runs if run.crew is self._pool]
        return len(theirs) < self._workers

    def _hear(self, run: Run) -> None:
        for said in run.news():
            if isinstance(said, Began):
                run.crew.heard(run)
            elif run.unwanted or isinstance(said, Rests):
                continue
            elif isinstance(said, Progress):
                self._runs[run].hear(said)
            elif isinstance(said, TakeMade):
                self._half_done(run, said)
            else:
                self._ended(run, said)
        if run.over:
            self._cleared(run)

    def _settled(self, run: Run) -> None:
        self._inbox.put(lambda: self._seen_settled(run))

    def _seen_settled(self, run: Run) -> None:
        if run in self._runs:
            self._hear(run)
        if run in self._runs and isinstance(run, PipedRun) and not run.task.cancelled():
            self._gone(run)

    def _gone(self, run: Run) -> None:
        run.close()
        if not run.unwanted:
            self._ended(run, Died())
        self._cleared(run)

    def _ended(self, run: Run, ending: Ending) -> None:
        blameless = isinstance(ending, Died) and run.crew.blameless(run)
        self._resolve(self._runs[run], Ended(ending=ending, late=run.late, blameless=blameless))

    def _half_done(self, run: Run, said: TakeMade) -> None:
        piece = self._runs[run]
        self._engines.took(piece.job.track, said.work_s)
        piece.job = replace(piece.job, track=replace(piece.job.track, **said.facts), take=run.folder)
        piece.by_model = False
        piece.hear(Progress(stage="mastering", fraction=0.0, facts=said.facts))
        self._waiting.insert(0, piece)

    def _cleared(self, run: Run) -> None:
        piece = self._runs.pop(run)
        if run.folder != piece.job.take or piece.future.done():
            self._folders.remove(run.folder.name)
        if run.unwanted:
            self._resolve(piece, Ended(ending=Died(), blameless=True))

    def _drop(self, piece: Piece) -> None:
        if piece in self._waiting:
            self._waiting.remove(piece)
            self._resolve(piece, Ended(ending=Died(), blameless=True))
        for run in [run for run, mine in self._runs.items() if mine is piece]:
            run.unwanted = True
            run.crew.end(run)

    def _resolve(self, piece: Piece, ended: Ended) -> None:
        if piece.job.take is not None:
            self._folders.remove(piece.job.take.name)
        with suppress(Exception):
            piece.future.set_result(ended)
