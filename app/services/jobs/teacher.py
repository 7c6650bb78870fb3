"""Teacher: a worker node's side of fine-tuning, one lesson at a time beside its tracks.

A fine-tune whose worker vanished is begun anew by another, which costs it no attempt; a lesson that dies by itself
costs one of three. What a run says is written only while the fine-tune is its own.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, TypeVar

from app.errors import DatabaseAway, StorageFailed, StoreAway
from app.models.finetune import Learned, Lesson, LessonProgress
from app.services.jobs.finetuner import MAX_ATTEMPTS, further
from app.services.jobs.lesson import LessonBody
from app.services.jobs.lesson_process import LessonEnding, have_lesson
from app.services.jobs.recovery import MOST_VANISHED
from app.services.jobs.worker import Broke, Refused
from app.services.storage.folders import WorkFolders
from app.services.storage.taught import TaughtFiles
from app.services.storage.teaching import Taken, begin_one, taught_runs, write_run
from app.services.storage.tracks import TrackStore
from app.utils.absence import Absence
from app.utils.clock import Clock

Answer = TypeVar("Answer")

#: Seconds between looks for a fine-tune that waits.
EVERY_S = 1.0
#: Seconds between writings of how far a lesson is, each of which tells whether it is still wanted.
NOTES_S = 0.5
#: Seconds before what the database or the store did not answer is tried again.
PATIENCE_S = 1.0

log = logging.getLogger(__name__)


class Teacher:
    """Started once, stopped once."""

    def __init__(
        self,
        store: TrackStore,
        files: TaughtFiles,
        folders: WorkFolders,
        body: LessonBody,
        *,
        bases: Collection[str],
        timeout_s: float,
        stale_s: float,
        clock: Clock,
    ) -> None:
        """Teaches the models `bases`; a worker not heard of for `stale_s` seconds counts as gone."""
        self._store = store
        self._files = files
        self._folders = folders
        self._body = body
        self._bases = frozenset(bases)
        self._timeout_s = timeout_s
        self._stale_s = stale_s
        self._clock = clock
        self._worker = ""
        self._absence = Absence(log, "What is taught cannot be written down", "What is taught is written down again")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="teacher", daemon=True)

    def start(self, worker: str) -> None:
        """Begin to teach, as the worker node of that id."""
        self._worker = worker
        self._thread.start()

    def close(self) -> None:
        """Begin nothing more; a lesson under way is handed back."""
        self._closing.set()

    def stop(self) -> None:
        """`close`, and wait for it."""
        self.close()
        if self._thread.is_alive():
            self._thread.join()

    def bring(self) -> None:
        """Have here all that was taught by now. `StorageFailed`."""
        with self._store.reading() as connection:
            taught = taught_runs(connection)
        self._files.bring(taught)

    # -----------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while not self._closing.is_set():
            taken = None
            try:
                taken = self._begin()
                if taken is not None:
                    self._make(taken)
            except StorageFailed as error:
                taken = None
                log.debug("Left for later: %s", error)
            except Exception:
                taken = None
                log.exception("Error while teaching; it goes on")
            if taken is None:
                self._closing.wait(EVERY_S)

    def _begin(self) -> Taken | None:
        with self._store.transaction() as changes:
            return begin_one(
                changes.connection, self._worker, self._bases, stale_s=self._stale_s, now=self._clock.now()
            )

    def _make(self, taken: Taken) -> None:
        finetune = taken.finetune
        vanished = taken.run - finetune.attempt
        if vanished > MOST_VANISHED:
            self._end(taken, failed=f"Its workers vanished {vanished} times and it was given up")
            return
        folder = f"{finetune.id}-{taken.run}"
        try:
            run = _Run(self._store, taken, self._closing)
            ending = self._learn(run, folder)
            if not run.mine:
                log.warning("A fine-tune was ended, or begun elsewhere, while it was taught here")
            elif ending is None and self._closing.is_set():
                self._release(run.taken, charged=False)
            else:
                self._conclude(run.taken, ending)
        except StoreAway as error:
            log.warning("A fine-tune is begun anew: %s", error)
            self._release(taken, charged=False)
            self._closing.wait(PATIENCE_S)
        except StorageFailed as error:
            if isinstance(error, DatabaseAway):
                raise  # nothing more can be said now; it is begun anew when this worker, or another, asks again
            self._end(taken, failed=error.detail)
        finally:
            self._folders.remove(folder)

    def _learn(self, run: "_Run", folder: str) -> LessonEnding:
        place = self._folders.path(folder)
        place.mkdir(parents=True, exist_ok=True)
        finetune = run.taken.finetune
        paths = self._files.fetch_sent(finetune.id, len(finetune.files), place)
        return have_lesson(
            self._body,
            Lesson(finetune=finetune, paths=paths, work=str(place / "work")),
            timeout_s=self._timeout_s,
            wanted=run.wanted,
            hear=run.hear,
        )

    def _conclude(self, taken: Taken, ending: LessonEnding) -> None:
        if isinstance(ending, Learned):
            self._files.keep(taken, ending)
            self._end(taken, learned=ending)
        elif isinstance(ending, Refused):
            self._end(taken, failed=str(ending.error()))
        elif taken.finetune.attempt >= MAX_ATTEMPTS:
            self._end(taken, failed=f"The learning crashed {MAX_ATTEMPTS} times and was given up")
        else:
            if isinstance(ending, Broke):
                log.error("A fine-tune met an error nobody foresaw\n%s", ending.traceback)
            self._release(taken, charged=True)

    def _end(self, taken: Taken, *, failed: str | None = None, learned: Learned | None = None) -> None:
        changes: dict[str, Any] = {"status": "failed", "stage": "failed", "error": failed}
        if learned is not None:
            changes = {"status": "completed", "stage": "completed", "progress": 100, "error": None}
            changes |= {"skipped": learned.skipped, "learned": learned.facts}
        ended = replace(taken, finetune=replace(taken.finetune, **changes, finished_at=self._clock.now()))
        if self._patiently(lambda: self._written(ended)):
            try:
                self._files.let_go(taken.finetune.id)
            except StorageFailed as error:
                log.warning("What was sent stays until the fine-tune goes: %s", error)

    def _release(self, taken: Taken, *, charged: bool) -> None:
        """Let it wait again, for any worker."""
        finetune = replace(taken.finetune, stage="queued", attempt=taken.finetune.attempt - (not charged))
        self._patiently(lambda: self._written(replace(taken, finetune=finetune), keep=False))

    def _written(self, taken: Taken, *, keep: bool = True) -> bool:
        with self._store.transaction() as changes:
            won = write_run(changes.connection, taken, keep=keep)
            if not won:
                log.warning("A run of a fine-tune came too late; what it learned is dropped")
                changes.owe_removal(taken.finetune.id, taken.run, self._clock.now())
            return won

    def _patiently(self, call: Callable[[], Answer]) -> Answer | None:
        """Do it, again while the database is away; None where this node is told to end meanwhile."""
        while True:
            try:
                answer = call()
            except DatabaseAway as error:
                self._absence.missed(error)
            else:
                self._absence.back()
                return answer
            if self._closing.wait(PATIENCE_S):
                return None


class _Run:
    """How far a run is, written down now and then."""

    def __init__(self, store: TrackStore, taken: Taken, closing: threading.Event) -> None:
        self._store = store
        self._closing = closing
        self._noted_at = time.monotonic()
        self.taken = taken
        #: Whether the fine-tune is still this run's, as far as is known.
        self.mine = True

    def hear(self, said: LessonProgress) -> None:
        """How far the lesson is."""
        self.taken = replace(self.taken, finetune=further(self.taken.finetune, said))

    def wanted(self) -> bool:
        """Whether the lesson is to go on."""
        if self._closing.is_set() or not self.mine:
            return False
        if time.monotonic() - self._noted_at >= NOTES_S:
            self._noted_at = time.monotonic()
            try:
                with self._store.transaction(durable=False) as changes:
                    self.mine = write_run(changes.connection, self.taken)
            except StorageFailed as error:  # the lesson needs no database
                log.debug("Left for later: %s", error)
        return self.mine
