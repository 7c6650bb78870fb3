"""Foreman: hands waiting work to workers, listens to them, and ends what takes too long."""

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.errors import StorageFailed, TrackNotFound
from app.services.jobs.base import Job, Outcome, Progress
from app.services.jobs.endings import Endings
from app.services.jobs.floor import Floor
from app.services.jobs.ledger import PATIENCE_S
from app.services.jobs.line import Work
from app.services.jobs.pool import Run, WorkerPool
from app.services.jobs.worker import Began, Broke, Died, Ending
from app.services.storage.changes import Changes

#: Seconds between looks at a pool that owes a beginning.
GLANCE_S = 1.0
#: Seconds after which a worker that was told to end counts as gone, should its death have gone unseen.
UNSEEN_S = 5.0

log = logging.getLogger(__name__)


class Foreman:
    """Between the line and the workers."""

    def __init__(self, floor: Floor, pool: WorkerPool, endings: Endings, *, workers: int, job_timeout_s: float) -> None:
        self._floor = floor
        self._pool = pool
        self._endings = endings
        self._workers = workers
        self._job_timeout_s = job_timeout_s
        self._runs: dict[Run, Work] = {}
        self._held: dict[Work, Outcome] = {}
        #: Works with news that isn't written yet, each with the facts among it.
        self._news: dict[Work, dict[str, Any]] = {}
        self._not_before = 0.0

    @property
    def runs(self) -> list[Run]:
        """Runs that are not over."""
        return list(self._runs)

    @property
    def running(self) -> list[Work]:
        """Works in the hands of workers."""
        return [work for run, work in self._runs.items() if not run.unwanted]

    @property
    def left_s(self) -> float:
        """Seconds of one worker that running works will still take."""
        return sum(work.estimate_s * (1 - work.track.progress / 100) for work in self.running)

    def wait_s(self) -> float:
        """Seconds until something is due."""
        now, moment = time.monotonic(), self._floor.clock.now()
        dues = [run.deadline - now if run.began is not None else GLANCE_S for run in self._runs]
        dues += [(work.track.paced_until - moment).total_seconds() for work in self._held if work.track.paced_until]
        if self._floor.line and self._not_before > now:
            dues.append(self._not_before - now)
        return min(dues, default=math.inf)

    # -- work begins --------------------------------------------------------------------------------------------

    def hand_out(self) -> None:
        """Begin as much waiting work as there are free workers."""
        floor = self._floor
        # A run taken back before a worker had it takes no worker's time.
        free = self._workers - sum(not (run.unwanted and run.began is None) for run in self._runs)
        if free <= 0 or not floor.line or not floor.ledger.clear or time.monotonic() < self._not_before:
            return
        works = [floor.line.next() for _ in range(min(free, len(floor.line)))]
        started_at = floor.clock.now()
        try:
            with floor.store.transaction(durable=False) as changes:
                numbers = [changes.claim(work.id, work.track.id, started_at=started_at) for work in works]
        except StorageFailed as error:
            log.warning("Work cannot begin: %s", error)
            self._not_before = time.monotonic() + PATIENCE_S
            for work in works:
                floor.line.add(work)
            return
        for work, number in zip(works, numbers, strict=True):
            if number is None:
                self._endings.refused(work, TrackNotFound(work.track.id))
                continue
            if work.kind == "render":
                work.track = replace(
                    work.track, attempt=work.attempt + 1, started_at=work.track.started_at or started_at
                )
                floor.memory.keep(work.track)
            self._begin(work, number)

    def _begin(self, work: Work, number: int) -> None:
        work.state, work.run, work.attempt = "running", number, work.attempt + 1
        job = Job(kind=work.kind, track=work.track, run=number, form=work.form)
        folder = self._floor.folders.path(f"{work.id}-{number}")
        try:
            run = self._pool.hand(job, folder, timeout_s=self._job_timeout_s)
        except (OSError, RuntimeError) as error:
            log.warning("No worker can be had: %s", error)
            self._not_before = time.monotonic() + PATIENCE_S
            self._endings.spared(work)
        else:
            self._runs[run] = work

    # -- work goes on -------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take in what workers said, end what takes too long, and show what was held back until now."""
        for run in self.runs:
            self._hear(run)
        for run in [run for run in self._runs if time.monotonic() >= run.deadline]:
            self._overdue(run)
        if any(run.began is None for run in self._runs) and self._pool.broken:
            for run in [run for run in self._runs if run.began is None]:
                self._gone(run)
        now = self._floor.clock.now()
        for work in [work for work in self._held if work.track.paced_until is None or work.track.paced_until <= now]:
            self._endings.completed(work, self._held.pop(work))

    def settled(self, run: Run) -> None:
        """The pool has finished with a run: if its worker said nothing, it died."""
        if run in self._runs:
            self._hear(run)
        if run in self._runs and not run.task.cancelled():
            self._gone(run)

    def note(self) -> None:
        """Write down how far works are, once for all that was said about each."""
        for work in list(self._news):
            self._note(work)

    def withdraw(self, work: Work) -> Run | None:
        """Take work back, wherever it is; the run that must be over before its files can go."""
        self._news.pop(work, None)
        self._held.pop(work, None)
        self._floor.forget(work)
        if work.state == "queued":
            self._floor.line.remove(work)
        for run, running in self._runs.items():
            if running is work:
                run.unwanted = True
                run.deadline = time.monotonic() + UNSEEN_S
                self._pool.end(run)
                return run
        return None

    def _hear(self, run: Run) -> None:
        work = self._runs[run]
        for said in run.news():
            if isinstance(said, Began):
                self._pool.heard()
            elif run.unwanted:
                continue
            elif isinstance(said, Progress):
                self._progress(work, said)
            else:
                self._ended(run, work, said)
        if run.over:
            self._cleared(run)

    def _gone(self, run: Run) -> None:
        work = self._runs[run]
        run.close()
        self._cleared(run)
        if not run.unwanted:
            self._ended(run, work, Died())

    def _cleared(self, run: Run) -> None:
        del self._runs[run]
        self._floor.janitor.clear(run.folder.name)

    def _overdue(self, run: Run) -> None:
        if run.late or run.unwanted:
            self._gone(run)
            return
        if run.began is None:
            self._pool.start_anew()
            self._gone(run)
            return
        run.late = True
        run.deadline = time.monotonic() + UNSEEN_S
        self._pool.end(run)

    def _progress(self, work: Work, said: Progress) -> None:
        track = work.track
        if work.kind != "render":
            return
        if track.paced_until is None:  # a paced track's progress is the clock's
            highest = max(track.progress, min(99, int(said.fraction * 100)))
            track = replace(track, stage=said.stage, progress=highest)
        if said.facts:
            track = replace(track, **said.facts)
        if track != work.track:
            work.track = track
            self._news.setdefault(work, {}).update(said.facts)

    def _note(self, work: Work) -> None:
        facts: Mapping[str, Any] = self._news.pop(work, {})
        track, run = work.track, work.run

        def change(changes: Changes) -> None:
            changes.note(work.id, run=run, stage=track.stage, progress=track.progress)
            if facts:
                changes.learn(track.id, facts)

        self._floor.ledger.write(change, lambda _: self._floor.memory.keep(track), durable=False)

    def _ended(self, run: Run, work: Work, said: Ending) -> None:
        if work in self._news:
            self._note(work)
        if isinstance(said, Outcome):
            if work.kind == "render" and run.began is not None:
                self._floor.estimates.learn(work.track, time.monotonic() - run.began)
            if work.track.paced_until and self._floor.clock.now() < work.track.paced_until and work.kind == "render":
                work.state = "held"
                self._held[work] = said
            else:
                self._endings.completed(work, said)
        elif isinstance(said, Broke):
            self._endings.broke(work, said.traceback)
        elif isinstance(said, Died):
            if self._pool.blameless(run):
                self._endings.spared(work)
            else:
                self._endings.died(work, late_after_s=self._job_timeout_s if run.late else None)
        else:
            self._endings.refused(work, said.error())
