"""Janitor: removes files on a thread of its own, for a file store may be slow."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from app.services.storage.folders import WorkFolders
from app.services.storage.rows import JobRow

log = logging.getLogger(__name__)


class RemovesFiles(Protocol):
    """What a janitor needs of a file store; both do nothing where there is nothing."""

    def delete_track(self, track_id: str) -> None:
        """Remove all files of a track."""

    def delete_run(self, track_id: str, run: int) -> None:
        """Remove the files that one run made."""


class Janitor:
    """Takes out what nobody needs any more, in the order it was asked to."""

    def __init__(self, files: RemovesFiles, folders: WorkFolders) -> None:
        self._files = files
        self._folders = folders
        self._tasks: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="janitor", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def remove(self, removal: JobRow, done: Callable[[bool], None]) -> None:
        """Remove the files that a removal names, then say from the janitor's thread whether they are gone."""

        def task() -> None:
            if removal.run:
                self._files.delete_run(removal.subject_id, removal.run)
            else:
                self._files.delete_track(removal.subject_id)

        self._tasks.put(lambda: done(self._tried(task, removal.subject_id)))

    def clear(self, folder: str) -> None:
        """Remove a work folder."""
        self._tasks.put(lambda: self._folders.remove(folder))

    def stop(self) -> None:
        """Finish what was asked, then end."""
        self._tasks.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            task()

    @staticmethod
    def _tried(task: Callable[[], None], track_id: str) -> bool:
        try:
            task()
        except Exception:
            log.exception("Files could not be removed; tried again at the next start", extra={"track_id": track_id})
            return False
        return True
