"""Desk: what clients ask of the queue, taken one by one on the dispatcher's thread."""

import itertools
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from app.errors import (
    Busy,
    FormNotFound,
    InvalidField,
    NoRoomForAll,
    QueueFull,
    TrackAlreadyFinished,
    TrackNotFinished,
    TrackNotFound,
)
from app.models.group import Comparison, Group
from app.models.track import Track, TrackFile
from app.services.jobs.floor import Floor
from app.services.jobs.foreman import Foreman
from app.services.jobs.line import PRIORITY, Work
from app.services.jobs.pacing import patience_s
from app.services.jobs.run import Run
from app.services.jobs.verdicts import cancelled
from app.services.storage.changes import Changes, Unfinished
from app.services.storage.rows import JobRow
from app.utils.chance import random_token

#: Seconds that a cancelled client waits for files to be gone; they go all the same.
CANCEL_WITHIN_S = 0.15
#: Seconds that one who deletes waits for files to be gone; they go all the same.
DELETE_WITHIN_S = 5.0
#: Seconds that a restart is thought to take.
RESTART_S = 5

Answer = TypeVar("Answer")


class Farewell(Generic[Answer]):
    """An answer given when files are gone, or when that takes too long."""

    def __init__(self, future: "Future[Answer]", answer: Answer, within_s: float) -> None:
        self._future = future
        self._answer = answer
        self._deadline = time.monotonic() + within_s
        self._written = False

    def written(self) -> None:
        """What the answer says is durable."""
        self._written = True

    def give(self) -> None:
        """Answer now."""
        if not self._future.done():
            self._future.set_result(self._answer)

    def wait_s(self) -> float:
        """Seconds until it should be given whatever happens; infinity if it can't be, or was."""
        return max(0.0, self._deadline - time.monotonic()) if self._written and not self._future.done() else math.inf

    @property
    def given(self) -> bool:
        """Whether there is nothing left to do."""
        return self._future.done()


class Desk:
    """Answers come through futures, once what they say is durable."""

    def __init__(self, floor: Floor, foreman: Foreman, *, workers: int, max_queue: int) -> None:
        self._floor = floor
        self._foreman = foreman
        self._workers = workers
        self._max_queue = max_queue
        #: Whether nothing more is taken on.
        self.closing = False
        self._numbers = itertools.count()
        self._farewells: list[Farewell[Track] | Farewell[None]] = []

    def resume(self, unfinished: Unfinished) -> None:
        """Take up what was left when the service last ended."""
        for job, track in unfinished.waiting:
            work = self._work(job, track)
            work.attempt = job.attempt
            self._floor.memory.keep(track)
            self._floor.renders[track.id] = work
            self._floor.line.add(work)
        for removal in unfinished.removals:
            self._floor.removals.carry_out(removal)

    def submit(self, track: Track, answer: "Future[Track]") -> None:
        """Accept a track. `QueueFull`, `StorageFailed`, `Busy`."""
        self._check_room()
        job, work = self._take_on(track, self._floor.clock.now())

        def accepted() -> None:
            self._remember(work)
            self._floor.tally.accepted(track, self._floor.clock.now())
            answer.set_result(track)

        def refused(error: Exception) -> None:
            self._take_back(work)
            answer.set_exception(error)

        self._floor.ledger.accept(track, job, then=accepted, refused=refused)

    def submit_all(
        self, tracks: Sequence[Track], group: Group, comparison: Comparison | None, answer: "Future[None]"
    ) -> None:
        """Accept all of a group's tracks or none. `InvalidField`, `QueueFull`, `StorageFailed`, `Busy`."""
        self._check_room(len(tracks))
        now = self._floor.clock.now()
        # A microsecond apart, so that a restart, which sorts by it, keeps their order.
        taken = [self._take_on(track, now + timedelta(microseconds=place)) for place, track in enumerate(tracks)]
        accepted_all = [(track, job) for track, (job, _) in zip(tracks, taken, strict=True)]

        def accepted(_written: None) -> None:
            for _, work in taken:
                self._remember(work)
                self._floor.tally.accepted(work.track, self._floor.clock.now())
            answer.set_result(None)

        def refused(error: Exception) -> None:
            for _, work in taken:
                self._take_back(work)
            answer.set_exception(error)

        self._floor.ledger.offer(
            lambda changes: changes.add_group(accepted_all, group, comparison), then=accepted, refused=refused
        )

    def record(self, change: Callable[[Changes], Answer], answer: "Future[Answer]") -> None:
        """Write what somebody waits for. `StorageFailed`, `Busy`."""
        self._check_open()
        self._floor.ledger.offer(change, then=answer.set_result, refused=answer.set_exception)

    def cancel(self, track_id: str, answer: "Future[Track]") -> None:
        """End queued or running work. `TrackNotFound`, `TrackAlreadyFinished`."""
        work = self._floor.renders.get(track_id)
        if work is None:
            track = self._known(track_id)
            if track.stage != "cancelled":
                raise TrackAlreadyFinished(f"Track {track.id} is already finished; it cannot be cancelled")
            answer.set_result(track)
            return
        ended = cancelled(work.track, self._floor.clock.now())
        begun = work.run if work.state != "queued" else None
        run = self._foreman.withdraw(work)
        self._floor.unwritten[track_id] = ended
        farewell = self._farewell(answer, ended, CANCEL_WITHIN_S)

        def change(changes: Changes) -> JobRow | None:
            changes.finish(work.id, ended, run=begun)
            return None if begun is None else changes.owe_removal(track_id, begun, self._floor.clock.now())

        def then(removal: JobRow | None) -> None:
            self._floor.show(ended)
            self._floor.tally.ended(ended)
            farewell.written()
            if removal is None:
                farewell.give()
            elif run is None:
                self._floor.removals.carry_out(removal, farewell.give)
            else:
                run.when_over(lambda: self._floor.removals.carry_out(removal, farewell.give))

        self._floor.ledger.write(change, then)

    def delete(self, track_id: str, answer: "Future[None]") -> None:
        """Cancel where needed, then remove record and files. `TrackNotFound`."""
        if track_id not in self._floor.renders:
            self._known(track_id)
        self.remove(track_id, self._farewell(answer, None, DELETE_WITHIN_S))

    def remove(self, track_id: str, farewell: Farewell[None] | None = None) -> None:
        """Remove record and files of a track, and all work on it."""
        works = [work for (owner, _), work in self._floor.encodes.items() if owner == track_id]
        if track_id in self._floor.renders:
            works.append(self._floor.renders[track_id])
        runs = [run for run in map(self._foreman.withdraw, works) if run is not None]

        def change(changes: Changes) -> JobRow:
            changes.delete_track(track_id)
            return changes.owe_removal(track_id, 0, self._floor.clock.now())

        def then(removal: JobRow) -> None:
            self._floor.memory.forget(track_id)
            for work in works:
                if work.kind == "encode":
                    work.file.set_exception(TrackNotFound(track_id))
            if farewell is not None:
                farewell.written()
            give: Callable[[], None] = farewell.give if farewell is not None else lambda: None
            _when_all_over(runs, lambda: self._floor.removals.carry_out(removal, give))

        self._floor.ledger.write(change, then)

    def make_file(self, track_id: str, form: str, answer: "Future[TrackFile]") -> None:
        """Make a form on demand, or join those who wait for it.

        `TrackNotFound`, `TrackNotFinished`, `FormNotFound`, `QueueFull`, `Busy`.
        """
        floor = self._floor
        making = floor.encodes.get((track_id, form))
        if making is not None:
            _pass_on(making.file, answer)
            return
        if track_id in floor.renders:
            raise TrackNotFinished(f"Track {track_id} is not finished yet")
        track = self._known(track_id)
        made = track.file(form)
        if made is not None:
            answer.set_result(made)
            return
        if form not in track.on_demand:
            raise FormNotFound(form, [file.form for file in track.files] + list(track.on_demand))
        self._check_room()
        job = JobRow(
            id=random_token(),
            kind="encode",
            subject_id=track_id,
            queue=track.model,
            priority=PRIORITY["encode"],
            form=form,
            created_at=floor.clock.now(),
        )
        work = self._work(job, track)
        _pass_on(work.file, answer)
        floor.encodes[track_id, form] = work
        floor.line.add(work)
        floor.ledger.write(lambda changes: changes.add_job(job), durable=False)

    def wait_s(self) -> float:
        """Seconds until an answer is due."""
        return min((farewell.wait_s() for farewell in self._farewells), default=math.inf)

    def answer_due(self) -> None:
        """Give the answers that are due."""
        for farewell in self._farewells:
            if farewell.wait_s() <= 0:
                farewell.give()
        self._farewells = [farewell for farewell in self._farewells if not farewell.given]

    def close(self) -> None:
        """Give all answers there are; what isn't done yet is for the next start."""
        for farewell in self._farewells:
            farewell.give()
        for work in self._floor.encodes.values():
            work.file.set_exception(Busy("The server is stopping; try again when it is back", RESTART_S))

    def _farewell(self, future: "Future[Answer]", answer: Answer, within_s: float) -> Farewell[Answer]:
        farewell = Farewell(future, answer, within_s)
        self._farewells.append(farewell)  # type: ignore[arg-type]
        return farewell

    def _take_on(self, track: Track, now: datetime) -> tuple[JobRow, Work]:
        """Put a track's render into the line; it is handed out only after what is to be written is."""
        job = JobRow(
            id=random_token(),
            kind="render",
            subject_id=track.id,
            queue=track.model,
            priority=PRIORITY["render"] + track.priority,
            created_at=now,
        )
        work = self._work(job, track)
        self._floor.renders[track.id] = work
        self._floor.line.add(work)
        return job, work

    def _remember(self, work: Work) -> None:
        if self._floor.renders.get(work.track.id) is work:
            self._floor.memory.keep(work.track)

    def _take_back(self, work: Work) -> None:
        if self._floor.renders.get(work.track.id) is work:
            self._foreman.withdraw(work)

    def _check_open(self) -> None:
        if self.closing:
            raise Busy("The server is stopping; try again when it is back", RESTART_S)

    def _check_room(self, asked: int = 1) -> None:
        self._check_open()
        waiting = len(self._floor.line)
        room = self._max_queue - waiting
        if asked <= room:
            return
        if asked > self._max_queue:
            raise InvalidField("requests", f"this server's queue takes at most {self._max_queue} tracks, got {asked}")
        too_many = asked - room
        freed_s = self._floor.line.estimates_s / waiting / self._workers * too_many
        retry_after_s = max(1, math.ceil(freed_s))
        if asked == 1:
            raise QueueFull(self._max_queue, retry_after_s)
        raise NoRoomForAll(asked, max(0, room), self._max_queue, retry_after_s)

    def _work(self, job: JobRow, track: Track) -> Work:
        lane = self._floor.engines.lane(track.model) if job.kind == "render" else ""
        clock = self._floor.clock
        return Work(
            id=job.id,
            kind="encode" if job.kind == "encode" else "render",
            track=track,
            number=next(self._numbers),
            estimate_s=self._floor.engines.estimate_s(track) if lane else self._floor.estimates.seconds(track),
            due_s=clock.monotonic() + patience_s(track, clock.now()),
            form=job.form,
            lane=lane,
        )

    def _known(self, track_id: str) -> Track:
        floor = self._floor
        track = floor.unwritten.get(track_id) or floor.memory.get(track_id) or floor.store.get(track_id)
        if track is None:
            raise TrackNotFound(track_id)
        return track


def _pass_on(source: "Future[TrackFile]", target: "Future[TrackFile]") -> None:
    def passed(done: "Future[TrackFile]") -> None:
        error = done.exception()
        if error is not None:
            target.set_exception(error)
        else:
            target.set_result(done.result())

    source.add_done_callback(passed)


def _when_all_over(runs: list[Run], call: Callable[[], None]) -> None:
    """Call once none of the runs writes files any more."""
    if runs:
        runs[0].when_over(lambda: _when_all_over(runs[1:], call))
    else:
        call()
