"""WorkerPool: worker processes, and the runs they are busy with."""

import logging
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from pebble import ProcessPool

from app.services.jobs.base import CacheSize, Job, JobBody, Outcome, Progress
from app.services.jobs.processes import process_context
from app.services.jobs.run import Run
from app.services.jobs.worker import KILL, Began, Broke, Died, Ending, News, Rests, do, make_ready

#: How much workers stand back for the server (`nice`).
NICENESS = 10

#: Seconds that a run may wait for its worker to start and warm up.
UNBEGUN_S = 300.0
#: Seconds after which a worker that was told to end counts as gone, should its death have gone unseen.
UNSEEN_S = 5.0
#: Times that workers may fail to start before the jobs they were to do are charged with it.
MOST_BROKEN = 3

log = logging.getLogger(__name__)


class PipedRun(Run):
    """A run whose worker speaks through a pipe of its own."""

    def __init__(self, job: Job, folder: Path, crew: "WorkerPool", *, timeout_s: float, pool: int) -> None:
        super().__init__(job, folder, crew)
        self._timeout_s = timeout_s
        #: Number of the pool it was handed to.
        self.pool = pool
        self._crew = crew
        self.deadline = time.monotonic() + UNBEGUN_S
        #: Name of its worker, once known.
        self.worker = ""
        self.pid = 0
        self.task: Future[None]
        #: What the worker says, and the other end until the worker has its own.
        self.reader, self._writer = multiprocessing.Pipe(duplex=False)

    @property
    def writer(self) -> Connection:
        """The worker's end."""
        return self._writer

    def news(self) -> Iterator[News]:
        """What was said since the last time. The last of it is an `Ending`."""
        while not self.over:
            said = self._said()
            if said is None:
                return
            if isinstance(said, Began):
                self.began, self.worker, self.pid = time.monotonic(), said.worker, said.pid
                self.deadline = self.began + self._timeout_s
                # Ours must go, or the worker's death would never be seen.
                self._writer.close()
            elif not isinstance(said, (Progress, Rests)):
                self._crew.note_caches(self.worker, said)
                self.close()
            yield said

    def close(self) -> None:
        """Hear no more of it."""
        self._writer.close()
        self.reader.close()
        super().close()

    def _said(self) -> News | None:
        try:
            return cast(News, self.reader.recv()) if self.reader.poll() else None
        except (EOFError, OSError):
            return Died()
        except Exception as error:  # noqa: BLE001 - what a body's own values do on unpickling is anybody's guess
            return Broke(traceback=f"What the worker said could not be read: {error!r}")


class WorkerPool:
    """Processes that die alone. One thread starts, feeds and stops it, and must outlive the workers."""

    def __init__(
        self,
        body: JobBody,
        warm: Callable[[], None] | None,
        *,
        workers: int,
        timeout_s: float,
        settled: Callable[[Run], None],
        preload: Sequence[str] = (),
    ) -> None:
        """`preload` names modules that are imported once for all workers, where the system can copy a process."""
        self._ready = (body, warm, NICENESS)
        self._preload = preload
        self._workers = workers
        #: Seconds that a run may take.
        self.timeout_s = timeout_s
        #: Called from any thread once the pool has finished with a run, well or not.
        self._settled = settled
        self._pool: ProcessPool | None = None
        # Workers ended on purpose: whatever else they had begun is not to blame.
        self._condemned: deque[str] = deque(maxlen=1_000)
        #: What each worker keeps.
        self._caches: dict[str, tuple[CacheSize, ...]] = {}
        # Pools made so far, and how many of them broke since a worker last took a job up.
        self._number = 0
        self._broken = 0

    def start(self) -> None:
        """Start all workers, so that they are warm when the first job comes."""
        self._number += 1
        self._pool = ProcessPool(
            max_workers=self._workers,
            initializer=make_ready,
            initargs=self._ready,
            context=process_context(self._preload),
        )
        _ = self._pool.active  # asking starts it

    def hand(self, job: Job, folder: Path) -> PipedRun:
        """Give a job to the next free worker."""
        pool = self._working()
        run = PipedRun(job, folder, self, timeout_s=self.timeout_s, pool=self._number)
        run.task = pool.schedule(do, args=(job, folder, run.writer))
        run.task.add_done_callback(lambda _: self._settled(run))
        return run

    def end(self, run: Run) -> None:
        """Kill the worker that has the run, or take the run back from the pool."""
        run = _piped(run)
        run.deadline = time.monotonic() + UNSEEN_S
        if run.worker:
            self._condemned.append(run.worker)
            self._caches.pop(run.worker, None)
            if KILL is not None:  # the pool would do it too, but looks only ten times a second
                with suppress(ProcessLookupError):
                    os.kill(run.pid, KILL)
        run.task.cancel()

    def overdue(self, run: Run) -> bool:
        """A run's deadline has passed: see to it. True if it counts as gone."""
        if run.late or run.unwanted:
            return True
        if run.began is None:
            self.start_anew()
            return True
        run.late = True
        self.end(run)
        return False

    @property
    def broken(self) -> bool:
        """Whether it takes up nothing more."""
        return self._pool is not None and not self._pool.active

    def heard(self, run: Run) -> None:  # noqa: ARG002 - the crew's protocol; here all are alike
        """A worker took a job up: workers do start."""
        self._broken = 0

    def note_caches(self, worker: str, ending: Ending) -> None:
        """What a worker keeps after a run of its; nothing where it died of it."""
        if isinstance(ending, Outcome):
            self._caches[worker] = ending.caches
        elif isinstance(ending, Died):
            self._caches.pop(worker, None)

    def caches(self) -> list[CacheSize]:
        """What all workers keep, added up. From any thread."""
        found: dict[str, CacheSize] = {}
        for cache in [cache for kept in list(self._caches.values()) for cache in kept]:
            before = found.get(cache.name)
            found[cache.name] = cache if before is None else _together(before, cache)
        return list(found.values())

    def blameless(self, run: Run) -> bool:
        """Whether a run that died is not to blame.

        Its worker, or the whole pool, was ended on account of another run; or there never was a worker, unless that
        happens again and again.
        """
        if run.began is None:
            return self._broken < MOST_BROKEN
        run = _piped(run)
        return not run.late and (run.worker in self._condemned or run.pool != self._number)

    def stop(self) -> None:
        """End all workers, and wait until they are gone."""
        pool, self._pool = self._pool, None
        self._caches.clear()
        if pool is not None:
            pool.stop()  # type: ignore[no-untyped-call]  # pebble gives it no types
            pool.join()

    def start_anew(self) -> None:
        """End all workers and start others."""
        log.warning("The worker pool broke and is started anew")
        self._broken += 1
        self.stop()
        self.start()

    def _working(self) -> ProcessPool:
        # A pool breaks when a worker dies while none has a job, of all things.
        if self._pool is None or self.broken:
            self.start_anew()
        assert self._pool is not None  # noqa: S101 - just started
        return self._pool


def _together(one: CacheSize, other: CacheSize) -> CacheSize:
    counted = one.size_bytes is not None and other.size_bytes is not None
    size = (one.size_bytes or 0) + (other.size_bytes or 0) if counted else None
    return CacheSize(name=one.name, entries=one.entries + other.entries, size_bytes=size)


def _piped(run: Run) -> PipedRun:
    assert isinstance(run, PipedRun)  # noqa: S101 - a pool is asked about its own runs only
    return run
