"""Janitor: removes files on a thread of its own, for a file store may be slow."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime
from queue import Empty, SimpleQueue
from typing import Protocol

from app.errors import StorageFailed, StoreAway
from app.services.storage.folders import WorkFolders
from app.services.storage.rows import JobRow

#: Seconds until a store that did not answer is asked again.
PAUSE_S = 5.0

log = logging.getLogger(__name__)


class RemovesFiles(Protocol):
    """What a janitor needs of a file store; both do nothing where there is nothing."""

    def delete_track(self, track_id: str) -> None:
        """Remove all files of a track."""

    def delete_run(self, track_id: str, run: int) -> None:
        """Remove the files that one run made."""

    def delete_live(self, *, before: datetime) -> None:
        """Remove what was heard of tracks while they were made, before that."""

    def delete_finetune(self, finetune_id: str, run: int) -> None:
        """Remove what a run of a fine-tune learned; with run 0, all of the fine-tune's files."""


class Janitor:
    """Takes out what nobody needs any more, in the order it was asked to."""

    def __init__(self, files: RemovesFiles, folders: WorkFolders) -> None:
        self._files = files
        self._folders = folders
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        #: What waits for a store that did not answer, and until when (`time.monotonic`).
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._thread = threading.Thread(target=self._work, name="janitor", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def remove(self, removal: JobRow, done: Callable[[bool], None]) -> None:
        """Remove the files that a removal names, and say from the janitor's thread whether they are gone.

        Where a store does not answer, it is said at once that they are not, and again when they are.
        """

        def task() -> None:
            if removal.run:
                self._files.delete_run(removal.subject_id, removal.run)
            else:
                self._files.delete_track(removal.subject_id)

        def carry_out() -> None:
            gone = self._tried(task, removal.subject_id)
            if gone is None:
                self._later.append((time.monotonic() + PAUSE_S, carry_out))
            done(bool(gone))

        self._tasks.put(carry_out)

    def clear_live(self, before: datetime) -> None:
        """Remove what was heard of tracks while they were made, before that."""

        def clear() -> None:
            try:
                self._files.delete_live(before=before)
            except StorageFailed as error:
                log.warning("What was heard of tracks while they were made stays for now: %s", error)
            except Exception:
                log.exception("What was heard of tracks while they were made could not be removed")

        self._tasks.put(clear)

    def clear(self, folder: str) -> None:
        """Remove a work folder."""
        self._tasks.put(lambda: self._folders.remove(folder))

    def stop(self) -> None:
        """Finish what was asked, then end."""
        self._tasks.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            task()

    def _next(self) -> Callable[[], None] | None:
        """What to do next, once there is something; None at the end."""
        while True:
            try:
                wait_s = max(0.0, self._later[0][0] - time.monotonic()) if self._later else None
                return self._tasks.get(timeout=wait_s)
            except Empty:  # noqa: PERF203 - it is time for what waited
                # Only the first is tried: if the store is still away, the others need not find out too.
                return self._later.pop(0)[1]

    @staticmethod
    def _tried(task: Callable[[], None], track_id: str) -> bool | None:
        """Whether it is gone; None where the store does not answer."""
        try:
            task()
        except StoreAway as error:
            log.warning("Files are removed later: %s", error, extra={"track_id": track_id})
            return None
        except Exception:
            log.exception("Files could not be removed; tried again at the next start", extra={"track_id": track_id})
            return False
        return True
