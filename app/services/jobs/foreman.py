"""Foreman: hands waiting work to workers, listens to them, and ends what takes too long."""

import logging
import math
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

from app.errors import StorageFailed, TrackNotFound
from app.services.jobs.base import Job, Outcome, Progress, TakeMade
from app.services.jobs.endings import Endings
from app.services.jobs.engine_process import EngineProcess
from app.services.jobs.floor import Floor
from app.services.jobs.ledger import PATIENCE_S
from app.services.jobs.line import Work
from app.services.jobs.pacing import patience_s
from app.services.jobs.pool import PipedRun, WorkerPool
from app.services.jobs.run import Run
from app.services.jobs.worker import Began, Broke, Died, Ending, Rests
from app.services.storage.changes import Changes

#: Work that is to begin, and the engine process that it is promised to; None for the workers.
Chosen: TypeAlias = tuple[Work, EngineProcess | None]

#: Seconds between looks at a pool that owes a beginning.
GLANCE_S = 1.0

log = logging.getLogger(__name__)


class Foreman:
    """Between the line and the workers."""

    def __init__(self, floor: Floor, pool: WorkerPool, endings: Endings, *, workers: int) -> None:
        self._floor = floor
        self._pool = pool
        self._endings = endings
        self._workers = workers
        self._runs: dict[Run, Work] = {}
        #: What came of runs whose time has not come.
        self._held: dict[Work, Outcome] = {}
        #: Works with news that isn't written yet, each with the facts among it.
        self._news: dict[Work, dict[str, Any]] = {}
        self._not_before = 0.0

    @property
    def runs(self) -> list[Run]:
        """Runs that are not over."""
        return list(self._runs)

    @property
    def connections(self) -> list[Connection]:
        """What becomes readable when a worker says something."""
        return [*(run.reader for run in self._runs if isinstance(run, PipedRun)), *self._floor.engines.connections]

    @property
    def models(self) -> set[str]:
        """Models that work waits for, that are at work, or of which something is known."""
        at_work = {work.lane for run, work in self._runs.items() if run.crew is self._floor.engines}
        return {*self._floor.line.models, *at_work, *self._floor.engines.measured}

    def running(self, lane: str) -> list[Work]:
        """Works in the hands of the workers (""), or of a model."""
        crew = self._floor.engines if lane else self._pool
        works = [work for run, work in self._runs.items() if not run.unwanted and run.crew is crew]
        return [work for work in works if not lane or work.lane == lane]

    def wait_s(self) -> float:
        """Seconds until something is due."""
        now = time.monotonic()
        dues = [GLANCE_S if run.began is None and run.crew is self._pool else run.deadline - now for run in self._runs]
        dues += [self._held_s(work) for work in self._held]
        if self._floor.line and self._not_before > now:
            dues.append(self._not_before - now)
        return min(dues, default=math.inf)

    # -- work begins --------------------------------------------------------------------------------------------

    def hand_out(self) -> None:
        """Let as much waiting work begin as there are free workers, with the next commit.

        A track that need not wait is thus written once, as one that is being made.
        """
        floor = self._floor
        if not floor.line or not floor.ledger.ready or time.monotonic() < self._not_before:
            return
        chosen = [*self._for_workers(), *self._for_models()]
        if not chosen:
            return
        for work, _ in chosen:
            work.state = "running"
        started_at = floor.clock.now()
        at_once = {work for work, _ in chosen if floor.ledger.accept_begun(work.track.id, started_at)}

        def claim(changes: Changes, begun: Collection[Work]) -> dict[Work, int | None]:
            numbers: dict[Work, int | None] = {}
            for work, _ in chosen:
                if work in begun:
                    numbers[work] = 1
                elif work.half_done:
                    numbers[work] = work.run
                elif self._wanted(work):
                    numbers[work] = changes.claim(work.id, work.track.id, started_at=started_at)
            return numbers

        floor.ledger.close_with(
            lambda changes: claim(changes, at_once),
            lambda changes: claim(changes, ()),
            then=lambda numbers: self._begin_all(chosen, numbers, started_at),
            refused=lambda error: self._put_back(chosen, error),
        )

    def _wanted(self, work: Work) -> bool:
        """Whether it was not taken back, which happens to those that could not be accepted."""
        floor, track_id = self._floor, work.track.id
        known = floor.renders.get(track_id) if work.kind == "render" else floor.encodes.get((track_id, work.form or ""))
        return known is work

    def _put_back(self, chosen: list[Chosen], error: StorageFailed) -> None:
        """What was to begin waits again."""
        floor = self._floor
        for _, process in chosen:
            if process is not None:
                floor.engines.take_back(process)
        left = [work for work, _ in chosen if self._wanted(work)]
        for work in left:
            work.state = "queued"
            floor.line.add(work)
        if left:
            log.warning("Work cannot begin: %s", error)
            self._not_before = time.monotonic() + PATIENCE_S

    def _begin_all(self, chosen: list[Chosen], numbers: Mapping[Work, int | None], started_at: datetime) -> None:
        floor = self._floor
        for work, process in chosen:
            number = numbers.get(work)
            if number is None:
                if process is not None:
                    floor.engines.take_back(process)
                if self._wanted(work):
                    self._endings.refused(work, TrackNotFound(work.track.id))
                continue
            if not work.half_done:
                work.attempt += 1
                if work.kind == "render":
                    work.track = replace(
                        work.track, attempt=work.attempt, started_at=work.track.started_at or started_at
                    )
                    floor.memory.keep(work.track)
                    if number == 1:
                        floor.tally.began(work.track, started_at)
            self._begin(work, number, process)

    def _for_workers(self) -> list[Chosen]:
        # A run taken back before a worker had it takes no worker's time.
        theirs = (run for run in self._runs if run.crew is self._pool)
        free = self._workers - sum(not (run.unwanted and run.began is None) for run in theirs)
        return [(self._floor.line.next(), None) for _ in range(min(free, self._floor.line.count("")))]

    def _for_models(self) -> list[Chosen]:
        line, engines = self._floor.line, self._floor.engines
        chosen: list[Chosen] = []
        closed: set[str] = set()
        for model in line.models:
            while line.count(model) and (process := engines.seat(model, closed)) is not None:
                chosen.append((line.next(model), process))
        return chosen

    def _begin(self, work: Work, number: int, process: EngineProcess | None) -> None:
        work.state, work.run, work.half_done = "running", number, False
        job = Job(kind=work.kind, track=work.track, run=number, form=work.form, take=work.take)
        folder = self._floor.folders.path(f"{work.id}-{number}{'' if work.take is None else '-finish'}")
        run: Run
        try:
            run = self._pool.hand(job, folder) if process is None else self._floor.engines.hand(process, job, folder)
        except (OSError, RuntimeError) as error:
            log.warning("No worker can be had: %s", error)
            self._not_before = time.monotonic() + PATIENCE_S
            self._endings.spared(work)
            return
        self._runs[run] = work
        if process is not None and process.loaded is None:
            self._progress(work, Progress(stage="loading", fraction=0.0))

    # -- work goes on -------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take in what workers said, end what takes too long, and show what was held back until now."""
        self._floor.engines.listen()
        for run in self.runs:
            self._hear(run)
        for run in [run for run in self._runs if time.monotonic() >= run.deadline]:
            self._overdue(run)
        unbegun = [run for run in self._runs if run.began is None and run.crew is self._pool]
        if unbegun and self._pool.broken:
            for run in unbegun:
                self._gone(run)
        for work in [work for work in self._held if self._held_s(work) <= 0]:
            self._endings.completed(work, self._held.pop(work))

    def _held_s(self, work: Work) -> float:
        """Seconds for which a work is held back yet, by whichever clock comes first: one may have been set."""
        clock = self._floor.clock
        return min(patience_s(work.track, clock.now()), work.due_s - clock.monotonic())

    def settled(self, run: Run) -> None:
        """The pool has finished with a run: if its worker said nothing, it died."""
        if run in self._runs:
            self._hear(run)
        if run in self._runs and isinstance(run, PipedRun) and not run.task.cancelled():
            self._gone(run)

    def note(self) -> None:
        """Write down how far works are, once for all that was said about each."""
        for work in list(self._news):
            self._note(work)

    def withdraw(self, work: Work) -> Run | None:
        """Take work back, wherever it is; the run that must be over before its files can go."""
        self._news.pop(work, None)
        self._held.pop(work, None)
        if work.state == "queued":
            self._floor.line.remove(work)
        self._floor.forget(work)
        for run, running in self._runs.items():
            if running is work:
                run.unwanted = True
                run.crew.end(run)
                return run
        return None

    def _hear(self, run: Run) -> None:
        work = self._runs[run]
        for said in run.news():
            if isinstance(said, Began):
                run.crew.heard(run)
            elif run.unwanted or isinstance(said, Rests):
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
        work = self._runs.pop(run)
        if run.folder != work.take:  # a take waits there to be finished
            self._floor.janitor.clear(run.folder.name)

    def _overdue(self, run: Run) -> None:
        if run.crew.overdue(run):
            self._gone(run)

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
            if work.kind == "render" and run.began is not None and work.take is None:
                self._floor.estimates.learn(work.track, time.monotonic() - run.began)
            if work.kind == "render" and self._held_s(work) > 0:
                work.state = "held"
                self._held[work] = said
            else:
                self._endings.completed(work, said)
        elif isinstance(said, TakeMade):
            self._half_done(run, work, said)
        elif isinstance(said, Broke):
            self._endings.broke(work, said.traceback)
        elif isinstance(said, Died):
            if run.crew.blameless(run):
                self._endings.spared(work)
            else:
                self._endings.died(work, late_after_s=self._pool.timeout_s if run.late else None)
        else:
            self._endings.refused(work, said.error())

    def _half_done(self, run: Run, work: Work, said: TakeMade) -> None:
        """Its take is made: let a worker finish it. The run goes on."""
        work.track = replace(work.track, **said.facts)
        self._news[work] = {**self._news.get(work, {}), **said.facts}
        self._floor.engines.took(work.track, said.work_s)
        work.take, work.lane, work.state, work.half_done = run.folder, "", "queued", True
        work.estimate_s = self._floor.estimates.seconds(work.track)
        self._floor.line.add(work)


def left_s(work: Work) -> float:
    """Seconds of one worker that a running work will still take."""
    return work.estimate_s * (1 - work.track.progress / 100)
