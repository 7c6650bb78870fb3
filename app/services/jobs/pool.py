"""WorkerPool: worker processes, and the runs they are busy with."""

import logging
import multiprocessing
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from pebble import ProcessPool

from app.services.jobs.base import Job, JobBody, Progress
from app.services.jobs.worker import KILL, Began, Broke, Died, News, do, make_ready

#: How much workers stand back for the server (`nice`).
NICENESS = 10

#: Seconds that a run may wait for its worker to start and warm up.
UNBEGUN_S = 300.0
#: Times that workers may fail to start before the jobs they were to do are charged with it.
MOST_BROKEN = 3

log = logging.getLogger(__name__)


class Run:
    """One job in the hands of one worker."""

    def __init__(self, job: Job, folder: Path, *, timeout_s: float, pool: int) -> None:
        self.job = job
        #: Where it works; made by the worker.
        self.folder = folder
        self._timeout_s = timeout_s
        #: Number of the pool it was handed to.
        self.pool = pool
        #: Moment (`time.monotonic`) at which it has taken too long.
        self.deadline = time.monotonic() + UNBEGUN_S
        #: When a worker took it up (`time.monotonic`); None until then.
        self.began: float | None = None
        #: Name of its worker, once known.
        self.worker = ""
        self.pid = 0
        #: Whether its worker is being ended for taking too long.
        self.late = False
        #: Whether nobody wants its result any more.
        self.unwanted = False
        #: Whether its worker writes no more files for it.
        self.over = False
        self.task: Future[None]
        #: What the worker says, and the other end until the worker has its own.
        self.reader, self._writer = multiprocessing.Pipe(duplex=False)
        self._after: list[Callable[[], None]] = []

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
            elif not isinstance(said, Progress):
                self.close()
            yield said

    def close(self) -> None:
        """Hear no more of it."""
        if not self.over:
            self.over = True
            self._writer.close()
            self.reader.close()
            for call in self._after:
                call()

    def when_over(self, call: Callable[[], None]) -> None:
        """Call once its worker writes no more files for it."""
        if self.over:
            call()
        else:
            self._after.append(call)

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
        self, body: JobBody, warm: Callable[[], None] | None, *, workers: int, settled: Callable[[Run], None]
    ) -> None:
        self._ready = (body, warm, NICENESS, os.getpid())
        self._workers = workers
        #: Called from any thread once the pool has finished with a run, well or not.
        self._settled = settled
        self._pool: ProcessPool | None = None
        # Workers ended on purpose: whatever else they had begun is not to blame.
        self._condemned: deque[str] = deque(maxlen=1_000)
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
            context=multiprocessing.get_context("spawn"),
        )
        _ = self._pool.active  # asking starts it

    def hand(self, job: Job, folder: Path, *, timeout_s: float) -> Run:
        """Give a job to the next free worker."""
        pool = self._working()
        run = Run(job, folder, timeout_s=timeout_s, pool=self._number)
        run.task = pool.schedule(do, args=(job, folder, run.writer))
        run.task.add_done_callback(lambda _: self._settled(run))
        return run

    def end(self, run: Run) -> None:
        """Kill the worker that has the run, or take the run back from the pool."""
        if run.worker:
            self._condemned.append(run.worker)
            if KILL is not None:  # the pool would do it too, but looks only ten times a second
                with suppress(ProcessLookupError):
                    os.kill(run.pid, KILL)
        run.task.cancel()

    @property
    def broken(self) -> bool:
        """Whether it takes up nothing more."""
        return self._pool is not None and not self._pool.active

    def heard(self) -> None:
        """A worker took a job up: workers do start."""
        self._broken = 0

    def blameless(self, run: Run) -> bool:
        """Whether a run that died is not to blame.

        Its worker, or the whole pool, was ended on account of another run; or there never was a worker, unless that
        happens again and again.
        """
        if run.began is None:
            return self._broken < MOST_BROKEN
        return not run.late and (run.worker in self._condemned or run.pool != self._number)

    def stop(self) -> None:
        """End all workers, and wait until they are gone."""
        pool, self._pool = self._pool, None
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
