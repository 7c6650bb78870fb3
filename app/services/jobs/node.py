"""WorkerNode: one machine's share of the work on a queue that several machines share.

Procrastinate fetches jobs and tells of cancellations; the bench does them. Where the database goes away, what runs goes
on, and fetching begins again when it is back.
"""

import asyncio
import logging
import secrets
import socket
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import make_url

from app.errors import StorageFailed
from app.services.jobs.base import CacheSize, LoadedModel
from app.services.jobs.bench import Bench
from app.services.jobs.courier import ANYBODY, TASK
from app.services.jobs.hand import FIRST_S, LONGEST_S, Hand
from app.services.jobs.orphans import Orphans
from app.services.jobs.recovery import Recovery
from app.services.jobs.teacher import Teacher
from app.services.metering import NoTally, Tally
from app.services.storage.deliveries import beat, left, seen
from app.services.storage.server import conninfo
from app.services.storage.tracks import TrackStore
from app.utils.absence import Absence

if TYPE_CHECKING:
    from procrastinate import App, JobContext
    from procrastinate.worker import Worker

#: Seconds between writings of progress: at most four a second for a job.
NOTES_S = 0.25
#: Seconds between looks for what is stranded.
LOOKS_S = 1.0
#: Seconds between looks for what is too old.
RETIRES_S = 60.0
#: Seconds between looks through all files, for such as nobody knows.
SWEEPS_S = 21_600.0
#: Heartbeats missed after which a worker counts as gone.
MISSED = 3
#: Seconds between looks for what no notification told of.
POLLS_S = 1.0
#: Seconds that the fetching must go on before it counts as going again.
SETTLED_S = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Lane:
    """Engines that share their places."""

    engines: tuple[str, ...]
    #: Jobs at once.
    places: int


class WorkerNode:
    """Works until it is told to stop. One life."""

    def __init__(
        self,
        store: TrackStore,
        bench: Bench,
        hand: Hand,
        recovery: Recovery,
        orphans: Orphans,
        *,
        address: str,
        lanes: Sequence[Lane],
        concurrency: int,
        heartbeat_s: float,
        drain_s: float,
        teacher: Teacher | None = None,
        tally: Tally | None = None,
    ) -> None:
        self._store = store
        self._teacher = teacher
        self._bench = bench
        self._hand = hand
        self._recovery = recovery
        self._orphans = orphans
        self._address = address
        self._lanes = lanes
        self._concurrency = concurrency
        self._heartbeat_s = heartbeat_s
        self._drain_s = drain_s
        self._id = f"{socket.gethostname()[:40]}-{secrets.token_hex(8)}"
        self._absence = Absence(log, "Jobs cannot be fetched", "Jobs are fetched again")
        self._stopping = asyncio.Event()
        self._workers: list[Worker] = []
        #: What came of tracks and runs here.
        self.tally = tally or NoTally()
        #: Jobs that were brought here and are not done.
        self.in_hand = 0
        #: Set while it takes jobs.
        self.ready = asyncio.Event()

    def loaded(self) -> Mapping[str, LoadedModel]:
        """What is known of the models that have worked here, by name. From any thread."""
        return self._bench.loaded()

    def caches(self) -> Sequence[CacheSize]:
        """What the worker processes keep, added up, each as it stood after its last job. From any thread."""
        return self._bench.caches()

    def stop(self) -> None:
        """Take nothing more, let running work finish for as long as it may, and hand back the rest."""
        self._stopping.set()
        if self._teacher is not None:
            self._teacher.close()
        for worker in self._workers:
            worker.stop()

    async def run(self) -> None:
        """Work until `stop`. `StorageFailed` where the database cannot be used from the start."""
        await asyncio.to_thread(self._store.open)
        self._bench.start()
        if self._teacher is not None:
            self._teacher.start(self._id)
        sides = [asyncio.create_task(side) for side in self._beside()]
        try:
            await self._work()
        finally:
            if self._teacher is not None:
                await asyncio.to_thread(self._teacher.stop)
            for side in sides:
                side.cancel()
            await asyncio.gather(*sides, return_exceptions=True)
            with suppress(StorageFailed):
                await asyncio.to_thread(self._hand.note)
                await asyncio.to_thread(self._leave)
            await asyncio.to_thread(self._bench.stop)
            self._store.close()

    async def _work(self) -> None:
        """Fetch jobs, and begin anew whenever the database was away."""
        wait_s = FIRST_S
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await self._fetch()
            except Exception as error:  # noqa: BLE001 - whatever ends the fetching, it begins anew
                self._absence.missed(error.__cause__ or error)
            if self._stopping.is_set():
                return
            wait_s = FIRST_S if time.monotonic() - began > 2 * LONGEST_S else min(LONGEST_S, 2 * wait_s)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait_s)

    async def _fetch(self) -> None:
        from procrastinate.worker import Worker

        app = self._make_app()
        async with app.open_async():
            self._workers = [
                Worker(
                    app=app,
                    queues=list(lane.engines),
                    name=self._id,
                    concurrency=lane.places,
                    fetch_job_polling_interval=POLLS_S,
                    abort_job_polling_interval=POLLS_S,
                    shutdown_graceful_timeout=self._drain_s,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    update_heartbeat_interval=self._heartbeat_s,
                    stalled_worker_timeout=MISSED * self._heartbeat_s,
                )
                for lane in self._lanes
            ]
            if self._stopping.is_set():
                return
            self.ready.set()
            tasks = [asyncio.create_task(worker.run()) for worker in self._workers]
            try:
                ended, _ = await asyncio.wait(tasks, timeout=SETTLED_S, return_when=asyncio.FIRST_COMPLETED)
                if not ended:
                    self._absence.back()
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self.ready.clear()
                for worker in self._workers:
                    worker.stop()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
            for end in ends:
                if isinstance(end, BaseException):
                    raise end

    def _make_app(self) -> "App":
        from procrastinate import App, PsycopgConnector

        # Who has a delivery need not survive the database's machine: nothing begins before the claim, which is written
        # later and reaches the disk with all before it. Waiting for the disk here too doubled the time to pick up.
        address = conninfo(make_url(self._address), durable=False)
        app = App(
            connector=PsycopgConnector(conninfo=address, min_size=1, max_size=2 + 3 * len(self._lanes), timeout=5.0)
        )
        app.task(name=TASK, pass_context=True)(self._take)
        return app

    async def _take(self, context: "JobContext", job_id: str) -> None:
        self.in_hand += 1
        try:
            await self._see_through(asyncio.create_task(self._hand.take(job_id, context.job.id or 0)), context)
        finally:
            self.in_hand -= 1

    async def _see_through(self, taking: "asyncio.Task[None]", context: "JobContext") -> None:
        from procrastinate.exceptions import JobAborted
        from procrastinate.job_context import AbortReason

        while True:
            try:
                await asyncio.shield(taking)
                return
            except asyncio.CancelledError:  # noqa: PERF203 - it goes on after one
                if context.abort_reason() is AbortReason.SHUTDOWN and not self._stopping.is_set():
                    continue  # the database went away, not the will to work
                taking.cancel()
                with suppress(asyncio.CancelledError):
                    await taking
                raise JobAborted from None

    # -- beside the work ----------------------------------------------------------------------------------------

    def _beside(self) -> list[Coroutine[None, None, None]]:
        return [self._note(), self._look(), self._clear(), self._retire(), self._sweep(), self._show()]

    async def _note(self) -> None:
        while True:
            await asyncio.sleep(NOTES_S)
            await self._tried(self._hand.note)

    async def _look(self) -> None:
        while True:
            await self._tried(self._recovery.look)
            await asyncio.sleep(min(LOOKS_S, self._heartbeat_s))

    async def _clear(self) -> None:
        while True:  # apart from the look-out, which must not wait for a slow store
            await self._tried(self._recovery.clear)
            await asyncio.sleep(LOOKS_S)

    async def _retire(self) -> None:
        while True:
            await self._tried(self._recovery.retire)
            await asyncio.sleep(RETIRES_S)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEPS_S)
            await self._tried(self._orphans.remove)

    async def _show(self) -> None:
        while True:
            await self._tried(self._seen)
            await asyncio.sleep(self._heartbeat_s)

    async def _tried(self, call: Callable[[], object]) -> None:
        try:
            await asyncio.to_thread(call)
        except StorageFailed as error:
            log.debug("Left for later: %s", error)
        except Exception:
            log.exception("Error beside the work; it goes on")

    def _seen(self) -> None:
        engines = [engine for lane in self._lanes for engine in lane.engines if engine != ANYBODY]
        with self._store.transaction(durable=False) as changes:
            seen(changes.connection, self._id, socket.gethostname(), engines, self._concurrency)
            # Procrastinate's own heart stops when it drains, or lost the database for a moment; what runs goes on.
            beat(changes.connection, [worker.worker_id for worker in self._workers if worker.worker_id is not None])

    def _leave(self) -> None:
        with self._store.transaction(durable=False) as changes:
            left(changes.connection, self._id)
