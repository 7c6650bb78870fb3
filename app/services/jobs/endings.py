"""Endings: what comes of a run that has ended, well or not."""

import logging
from dataclasses import replace

from app.errors import GenerationFailed, MusicError, StoreAway, TrackNotFound
from app.models.track import Track
from app.services.jobs.base import JobKind, Outcome
from app.services.jobs.floor import Floor
from app.services.jobs.line import Work
from app.services.jobs.verdicts import completed, failed
from app.services.metering.tally import Again
from app.services.storage.changes import Changes
from app.services.storage.rows import JobRow

_NOUNS: dict[JobKind, str] = {"render": "render", "encode": "encoding"}
_VERBS: dict[JobKind, str] = {"render": "rendering", "encode": "encoding"}
_TIMES = {1: "once", 2: "twice", 3: "three times"}

log = logging.getLogger(__name__)


def internal_error(kind: JobKind) -> str:
    """What a client reads of an error that nobody foresaw."""
    return f"Internal error while {_VERBS[kind]}; the log has the details"


def gave_up(kind: JobKind, attempt: int, *, late_after_s: float | None) -> str:
    """What a client reads where workers died of the job, or took longer than they may.

    >>> gave_up("render", 3, late_after_s=None)
    'The render crashed three times and was given up'
    """
    what = "crashed" if late_after_s is None else f"took longer than {late_after_s:g} s"
    return f"The {_NOUNS[kind]} {what} {_TIMES.get(attempt, f'{attempt} times')} and was given up"


class Endings:
    """Decides, writes it down, and tells those who wait."""

    def __init__(self, floor: Floor, *, max_attempts: int) -> None:
        self._floor = floor
        self._max_attempts = max_attempts

    def completed(self, work: Work, outcome: Outcome) -> None:
        """It is done: the track is finished, or has one more file."""
        if work.kind == "encode":
            self._attach(work, outcome)
            return
        self._finish(work, completed(work.track, outcome, self._floor.clock.now()), keep_files=True)

    def refused(self, work: Work, error: MusicError) -> None:
        """It cannot be done, and trying again would not help, unless the store is away."""
        if isinstance(error, StoreAway):
            log.warning("Done again: %s", error.detail, extra={"track_id": work.track.id})
            self.spared(work)
            return
        log.warning("Given up: %s", error.detail, extra={"track_id": work.track.id})
        if work.kind == "encode":
            self._give_up_file(work, error)
            return
        self._finish(work, failed(work.track, error.detail, self._floor.clock.now()), keep_files=False)

    def broke(self, work: Work, traceback: str) -> None:
        """Its program met an error that nobody foresaw."""
        log.error(
            "Error while %s, attempt %d:\n%s", _VERBS[work.kind], work.attempt, traceback,
            extra={"track_id": work.track.id},
        )  # fmt: skip
        self._try_again(work, internal_error(work.kind), "broke")

    def died(self, work: Work, *, late_after_s: float | None) -> None:
        """Its worker died: of itself, or because it took longer than it may."""
        what = "crashed" if late_after_s is None else f"took longer than {late_after_s:g} s"
        log.warning("The %s %s, attempt %d", _NOUNS[work.kind], what, work.attempt, extra={"track_id": work.track.id})
        reason = gave_up(work.kind, work.attempt, late_after_s=late_after_s)
        self._try_again(work, reason, "crashed" if late_after_s is None else "late")

    def spared(self, work: Work) -> None:
        """Its worker was ended through no fault of its own: the attempt doesn't count."""
        work.attempt -= 1
        self._requeue(work, "spared")

    def _try_again(self, work: Work, reason: str, why: Again) -> None:
        if work.attempt < self._max_attempts:
            self._requeue(work, why)
        else:
            self.refused(work, GenerationFailed(reason))

    def _requeue(self, work: Work, why: Again) -> None:
        self._floor.tally.again(work.kind, why)
        run, attempt = work.run, work.attempt
        work.state, work.half_done = "queued", False
        if work.kind == "render":
            work.track = replace(work.track, stage="queued", attempt=attempt)
        track = work.track
        self._floor.line.add(work)

        def change(changes: Changes) -> JobRow:
            changes.requeue(work.id, run=run, attempt=attempt)
            return changes.owe_removal(track.id, run, self._floor.clock.now())

        def then(removal: JobRow) -> None:
            if work.kind == "render":
                self._floor.memory.keep(track)
            self._floor.removals.carry_out(removal)

        self._floor.ledger.write(change, then, durable=False)

    def _finish(self, work: Work, track: Track, *, keep_files: bool) -> None:
        run = work.run
        self._floor.forget(work)
        self._floor.unwritten[track.id] = track

        def change(changes: Changes) -> JobRow | None:
            won = changes.finish(work.id, track, run=run)
            if won and keep_files:
                return None
            return changes.owe_removal(track.id, run, self._floor.clock.now())

        def then(removal: JobRow | None) -> None:
            self._floor.show(track)
            self._floor.tally.ended(track)
            if removal is not None:
                self._floor.removals.carry_out(removal)

        self._floor.ledger.write(change, then)

    def _attach(self, work: Work, outcome: Outcome) -> None:
        run = work.run
        self._floor.forget(work)

        def change(changes: Changes) -> Track | JobRow:
            track = changes.attach(work.id, work.track.id, outcome.files, run=run)
            return track or changes.owe_removal(work.track.id, run, self._floor.clock.now())

        def then(result: Track | JobRow) -> None:
            if isinstance(result, JobRow):
                self._floor.removals.carry_out(result)
                work.file.set_exception(TrackNotFound(work.track.id))
                return
            self._floor.memory.keep(result)
            self._answer(work, result)

        self._floor.ledger.write(change, then)

    def _answer(self, work: Work, track: Track) -> None:
        file = track.file(work.form or "")
        if file is None:
            work.file.set_exception(GenerationFailed(f"The encoding made no {work.form}"))
        else:
            work.file.set_result(file)

    def _give_up_file(self, work: Work, error: MusicError) -> None:
        run = work.run
        self._floor.forget(work)

        def change(changes: Changes) -> JobRow:
            changes.drop_job(work.id)
            return changes.owe_removal(work.track.id, run, self._floor.clock.now())

        def then(removal: JobRow) -> None:
            self._floor.removals.carry_out(removal)
            work.file.set_exception(error)

        self._floor.ledger.write(change, then, durable=False)
