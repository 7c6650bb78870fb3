"""WorkFolders: scratch space for workers, gone when its work is."""

import shutil
from pathlib import Path

from app.errors import StorageFailed


class WorkFolders:
    """Folders below one root, each for one run of one job."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def clear(self) -> None:
        """Remove what a process that died has left, and make the root. `StorageFailed`."""
        shutil.rmtree(self._root, ignore_errors=True)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed(f"The folder {self._root} cannot be written: {error.strerror}") from error

    def path(self, name: str) -> Path:
        """Where the folder of that name is, or will be."""
        return self._root / name

    def remove(self, name: str) -> None:
        """Remove one folder and all in it; what cannot be removed waits for `clear`."""
        shutil.rmtree(self.path(name), ignore_errors=True)
