"""Dispatcher: one thread that owns the queue.

A turn of it: calls → news from workers → choice of new work → one commit → answers → new work begins. It sleeps until
somebody calls, a worker speaks or something is due.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import wait

from app.errors import StorageFailed
from app.services.jobs.base import QueueLoad
from app.services.jobs.desk import Desk
from app.services.jobs.floor import Floor
from app.services.jobs.foreman import Foreman, left_s
from app.services.jobs.inbox import Inbox, attempt
from app.services.jobs.pool import WorkerPool
from app.services.jobs.retention import Sweeper
from app.services.storage.changes import Changes

#: Shortest and longest sleep in seconds: a clock that stands still must neither spin the thread nor lose it.
SHORTEST_S, LONGEST_S = 0.01, 60.0

log = logging.getLogger(__name__)


class Dispatcher:
    """Turns until it is stopped, then puts back what is not done."""

    def __init__(
        self,
        floor: Floor,
        inbox: Inbox,
        pool: WorkerPool,
        foreman: Foreman,
        desk: Desk,
        sweeper: Sweeper,
        *,
        workers: int,
        ended: Callable[[], None],
    ) -> None:
        self._floor = floor
        self._inbox = inbox
        self._pool = pool
        self._foreman = foreman
        self._desk = desk
        self._sweeper = sweeper
        self._workers = workers
        #: Called last, on the dispatcher's own thread.
        self._ended = ended
        self._drained_by: float | None = None
        self._thread = threading.Thread(target=self._work, name="dispatcher", daemon=True)
        #: As it was after the last turn, by lane.
        self._loads: dict[str, QueueLoad] = {}

    def start(self) -> None:
        """Begin to turn."""
        self._thread.start()

    def stop(self, drain_s: float) -> None:
        """Let running work finish for up to `drain_s`, then end; returns when all is put away."""
        self._inbox.put(lambda: self._drain(drain_s))
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _drain(self, drain_s: float) -> None:
        if self._drained_by is None:
            self._drained_by = time.monotonic() + drain_s
            self._desk.closing = True

    def _work(self) -> None:
        try:
            self._pool.start()
        except OSError:
            log.exception("Workers cannot be started; tried again with the first job")
        self._floor.engines.start()
        while not self._drained:
            attempt(self._sleep)
            attempt(self._turn)
        try:
            self._put_away()
        finally:
            self._ended()

    def _sleep(self) -> None:
        wait([self._inbox.bell, *self._foreman.connections], self._wait_s())

    def _turn(self) -> None:
        for call in self._inbox.take():
            attempt(call)
        self._foreman.listen()
        self._foreman.note()
        if self._drained_by is None:
            self._sweeper.sweep_if_due()
            self._foreman.hand_out()
        self._floor.ledger.commit()
        self._desk.answer_due()
        self._loads = {lane: self._load_of(lane) for lane in ("", *self._foreman.models)}

    def load(self, lane: str) -> QueueLoad:
        """How a lane stood after the last turn, "" for those who wait for the workers. From any thread."""
        known = self._loads.get(lane)
        return known or QueueLoad(queued=0, running=0, workers=1 if lane else self._workers, backlog_s=0.0)

    @property
    def ailment(self) -> str | None:
        """Why tracks are not taken on now; None where they are. From any thread."""
        if self._drained_by is not None:
            return "the server is stopping"
        return None if self._thread.is_alive() else "the dispatcher has ended"

    def _load_of(self, lane: str) -> QueueLoad:
        line, floor = self._floor.line, self._floor
        running = self._foreman.running(lane)
        load = QueueLoad(
            queued=line.count(lane),
            running=len(running),
            workers=self._workers,
            backlog_s=line.waiting_s(lane) + sum(left_s(work) for work in running),
        )
        return floor.engines.load_of(lane, load) if lane else load

    @property
    def _drained(self) -> bool:
        if self._drained_by is None:
            return False
        return not self._foreman.runs or time.monotonic() >= self._drained_by

    def _wait_s(self) -> float:
        due = self._sweeper.wait_s() if self._drained_by is None else self._drained_by - time.monotonic()
        owed = self._floor.ledger.wait_s
        due = min(
            due,
            self._foreman.wait_s(),
            self._floor.engines.wait_s(),
            self._desk.wait_s(),
            math.inf if owed is None else owed,
        )
        return min(LONGEST_S, max(SHORTEST_S, due))

    def _put_away(self) -> None:
        """End the workers and put unfinished work back, as a start after a crash would: nothing is lost."""
        self._pool.stop()
        self._floor.engines.stop()
        for run in self._foreman.runs:
            run.close()
        removed: list[str] = []
        try:
            for call in self._inbox.take():
                attempt(call)
            self._floor.ledger.commit()
            for removal in self._floor.store.recover(self._floor.clock.now()).removals:
                self._floor.janitor.remove(removal, partial(_keep_if, removal.id, removed))
        except StorageFailed as error:
            log.warning("The queue could not be put in order; the next start does it: %s", error)
        self._floor.janitor.stop()
        for call in self._inbox.close():
            attempt(call)
        for job_id in removed:
            self._floor.ledger.write(partial(_drop, job_id), durable=False)
        self._floor.ledger.commit()
        self._desk.close()
        self._loads = {}


def _keep_if(job_id: str, removed: list[str], gone: bool) -> None:
    if gone:
        removed.append(job_id)


def _drop(job_id: str, changes: Changes) -> None:
    changes.drop_job(job_id)
