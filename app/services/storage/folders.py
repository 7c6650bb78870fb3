"""WorkFolders: scratch space for workers, gone when its work is."""

import os
import re
import shutil
import socket
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


def own_folder(root: Path) -> WorkFolders:
    """Scratch space of this process alone, below a root that other machines may share.

    What processes of this machine left that are no more goes.
    """
    host = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:60]
    for folder in root.glob(f"{host}-*"):
        number = folder.name.removeprefix(f"{host}-")
        if number.isdecimal() and not _alive(int(number)):
            shutil.rmtree(folder, ignore_errors=True)
    return WorkFolders(root / f"{host}-{os.getpid()}")


def _alive(pid: int) -> bool:
    if os.name == "nt":  # there it would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
