"""FolderLock: one process at a time owns a data folder."""

from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import DataFolderInUse, StorageFailed

if TYPE_CHECKING:
    from filelock import BaseFileLock

#: Seconds to wait for a holder that is about to go: what a killed server was just starting has the lock in hand, too,
#: until it becomes another program.
PATIENCE_S = 1.0


class FolderLock:
    """An exclusive lock that the operating system lets go of when its holder dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: BaseFileLock | None = None

    def acquire(self) -> None:
        """Own the folder, or say who is in the way. `DataFolderInUse`, `StorageFailed`."""
        # Importing it writes a probe file on some systems, and importing the application must write none.
        from filelock import FileLock, Timeout

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # One object may be opened in one thread and closed in another.
            self._lock = FileLock(self._folder / "owner.lock", thread_local=False)
            self._lock.acquire(timeout=PATIENCE_S, poll_interval=0.02)
        except Timeout:
            raise DataFolderInUse(
                f"The data folder {self._folder} is in use by another server. "
                "Stop that one first, or set MUSIC_DATA_DIR to another folder"
            ) from None
        except OSError as error:
            raise StorageFailed(
                f"The data folder {self._folder} cannot be written: {error.strerror or error}. "
                "Give this user the right to write there, or set MUSIC_DATA_DIR to another folder"
            ) from error

    def release(self) -> None:
        """Let the folder go. Idempotent."""
        if self._lock is not None:
            self._lock.release()
