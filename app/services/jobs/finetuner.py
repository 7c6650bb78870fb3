"""Finetuner: takes fine-tunes on, has one after the other made in a process of its own, and keeps what was learned.

Beside the queue, on a thread of its own; whoever owns the data folder has one. A fine-tune that was accepted is never
lost: after a restart it begins again, and only a death of its own process costs it one of three runs.
"""

import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO

from app.errors import Busy, FinetuneAlreadyFinished, FinetuneNotFound, MusicError, NameTaken
from app.models.finetune import Finetune, Learned, Lesson, LessonProgress
from app.models.track import Status
from app.services.jobs.lesson import LessonBody
from app.services.jobs.lesson_process import LessonEnding, have_lesson
from app.services.jobs.worker import Broke, Refused
from app.services.storage.lessons import LessonFiles
from app.services.storage.tracks import TrackStore
from app.services.styles import style_file
from app.utils.clock import Clock

#: Runs that may die before a fine-tune is given up.
MAX_ATTEMPTS = 3
#: Fine-tunes that may wait.
MAX_WAITING = 100
#: Seconds that a call waits for work to end.
_ENDS_WITHIN_S = 10.0

log = logging.getLogger(__name__)


class Finetuner:
    """Started once, stopped once. Its calls are from any thread."""

    def __init__(
        self, store: TrackStore, files: LessonFiles, body: LessonBody, *, timeout_s: float, clock: Clock
    ) -> None:
        """A run that does not get on for `timeout_s` seconds is ended, and charged."""
        self._store = store
        self._files = files
        self._body = body
        self._timeout_s = timeout_s
        self._clock = clock
        self._changed = threading.Condition()
        #: Those that wait or are at work, in the order they were accepted, as they now are.
        self._open: dict[str, Finetune] = {}
        self._unwanted: set[str] = set()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="finetuner", daemon=True)

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Take up what was left, and begin. `StorageFailed`."""
        for left in self._store.unfinished_finetunes():
            self._open[left.id] = replace(left, stage="queued")
        self._files.let_go_of_others(self._open)
        self._thread.start()

    def stop(self) -> None:
        """End what is at work; it begins again with the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    # -- calls --------------------------------------------------------------------------------------------------

    def submit(self, finetune: Finetune, files: Iterable[BinaryIO]) -> Finetune:
        """Accept a fine-tune; it and its files are durable when this returns.

        `NameTaken`, `Busy`, `StorageFailed`.
        """
        with self._changed:
            if len(self._open) >= MAX_WAITING:
                raise Busy(f"{MAX_WAITING} fine-tunes are waiting already; try again in a minute", retry_after_s=60)
        self._files.take_in(finetune.id, files)
        try:
            with self._store.transaction() as changes:
                taken = changes.add_finetune(finetune)
            if taken is not None:
                raise NameTaken(finetune.name, taken.id)
        except MusicError:
            self._files.let_go(finetune.id)
            raise
        with self._changed:
            self._open[finetune.id] = finetune
            self._changed.notify_all()
        return finetune

    def get(self, finetune_id: str) -> Finetune:
        """A fine-tune as it now is. `FinetuneNotFound`, `StorageFailed`."""
        found = self._open.get(finetune_id) or self._store.finetune(finetune_id)
        if found is None:
            raise FinetuneNotFound(finetune_id)
        return found

    def page(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20, owner: str | None = None
    ) -> tuple[tuple[Finetune, ...], str | None]:
        """Fine-tunes, an owner's where one is named, newest first, and where the next page begins.

        `InvalidField` for a strange cursor.
        """
        found, following = self._store.finetune_page(status=status, cursor=cursor, limit=limit, owner=owner)
        return tuple(self._open.get(one.id, one) for one in found), following

    def cancel(self, finetune_id: str) -> Finetune:
        """End the work on one. Twice is once. `FinetuneNotFound`, `FinetuneAlreadyFinished`."""
        with self._changed:
            if finetune_id in self._open:
                self._unwanted.add(finetune_id)
                self._changed.notify_all()
                self._changed.wait_for(lambda: finetune_id not in self._open or self._closing, _ENDS_WITHIN_S)
        finetune = self.get(finetune_id)
        if finetune.stage != "cancelled" and finetune.finished:
            raise FinetuneAlreadyFinished(f"Fine-tune {finetune_id} is already finished; it cannot be cancelled")
        return finetune

    def delete(self, finetune_id: str) -> None:
        """Remove one with what was learned; work on it is ended first.

        `FinetuneNotFound`, `Busy` where that takes too long, `StorageFailed`.
        """
        with suppress(FinetuneAlreadyFinished):
            self.cancel(finetune_id)
        finetune = self.get(finetune_id)
        if not finetune.finished:  # what it would leave behind later, nobody could find
            raise Busy(f"Fine-tune {finetune_id} is still being ended; try again in a moment", retry_after_s=5)
        if finetune.status == "completed":
            if finetune.base == "composer":
                self._files.drop_style(finetune.name)
            else:
                self._files.drop_adapter(finetune.base, finetune.name)
        with self._store.transaction() as changes:
            changes.delete_finetune(finetune_id)

    def bring(self) -> None:
        """Nothing is to be brought: what is taught here is here."""

    # -- work ---------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (finetune := self._next()) is not None:
            self._try(finetune)

    def _try(self, finetune: Finetune) -> None:
        try:
            self._make(finetune)
        except Exception:
            # The disk refuses, most likely: it is tried again, but not at once.
            log.exception("A fine-tune could not be worked on")
            with self._changed:
                self._changed.wait_for(lambda: self._closing, timeout=5.0)

    def _next(self) -> Finetune | None:
        """The next to be made; None once there is to be an end."""
        with self._changed:
            self._changed.wait_for(lambda: self._open or self._closing)
            return None if self._closing else next(iter(self._open.values()))

    def _make(self, finetune: Finetune) -> None:
        if finetune.id in self._unwanted:
            self._end(finetune, status="failed", stage="cancelled", error="Cancelled")
            return
        finetune = self._keep(replace(finetune, attempt=finetune.attempt + 1, started_at=self._clock.now()))
        ending = self._run(finetune)
        finetune = self._open[finetune.id]
        if ending is None and self._closing:
            self._keep(replace(finetune, attempt=finetune.attempt - 1, stage="queued"))
        elif finetune.id in self._unwanted:
            self._end(finetune, status="failed", stage="cancelled", error="Cancelled")
        elif isinstance(ending, Learned):
            if ending.adapter is None:
                self._files.keep_style(style_file(finetune.name, ending.style_name), ending.style_json)
            else:
                self._files.keep_adapter(finetune.base, finetune.name, ending.adapter)
            self._end(finetune, status="completed", stage="completed", skipped=ending.skipped, learned=ending.facts)
        elif isinstance(ending, Refused):
            self._end(finetune, status="failed", stage="failed", error=str(ending.error()))
        elif finetune.attempt >= MAX_ATTEMPTS:
            said = f"The learning crashed {MAX_ATTEMPTS} times and was given up"
            self._end(finetune, status="failed", stage="failed", error=said)
        else:
            if isinstance(ending, Broke):
                log.error("A fine-tune met an error nobody foresaw\n%s", ending.traceback)
            self._keep(replace(finetune, stage="queued"))

    def _run(self, finetune: Finetune) -> LessonEnding:
        """What a process makes of it."""

        def hear(said: LessonProgress) -> None:
            now = self._open[finetune.id]
            # Not written down: it changes often, and begins anew after a restart.
            self._open[finetune.id] = further(now, said)

        paths = self._files.paths(finetune.id, len(finetune.files))
        return have_lesson(
            self._body,
            Lesson(finetune=finetune, paths=paths, work=self._files.work(finetune.id)),
            timeout_s=self._timeout_s,
            wanted=lambda: not (self._closing or finetune.id in self._unwanted),
            hear=hear,
        )

    def _end(self, finetune: Finetune, **changes: Any) -> None:
        progress = 100 if changes["status"] == "completed" else finetune.progress
        ended = replace(finetune, **changes, progress=progress, finished_at=self._clock.now())
        with self._store.transaction() as written:
            written.keep_finetune(ended)
        self._files.let_go(finetune.id)
        with self._changed:  # only now is its end seen
            self._open.pop(finetune.id, None)
            self._unwanted.discard(finetune.id)
            self._changed.notify_all()

    def _keep(self, finetune: Finetune) -> Finetune:
        self._open[finetune.id] = finetune
        with self._store.transaction() as changes:
            changes.keep_finetune(finetune)
        return finetune


def further(finetune: Finetune, said: LessonProgress) -> Finetune:
    """A fine-tune as far as its lesson is; its progress never goes back, and is below 100."""
    return replace(finetune, stage=said.stage, progress=max(finetune.progress, min(99, int(said.fraction * 100))))
