"""Ahead: a file goes up to an object store while it is still being written, for those whose beginning is known.

Rule: nothing hangs on it. What was sent is compared with the file, and an object appears only if it is the same;
whatever fails, the file goes up whole when it is finished.
"""

import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from app.errors import StorageFailed
from app.services.storage.bucket import store_errors

log = logging.getLogger(__name__)

#: Bytes read at once.
_PIECE = 1 << 20


class Writer(Protocol):
    """An object in the making: it appears when it is closed, and never if it is not."""

    def write(self, buffer: bytes, /) -> int:
        """Take the next bytes; large ones go up in parts."""

    def close(self) -> None:
        """Let it appear."""


class Ahead:
    """One file's way. Used by one thread, which writes the file; a thread of its own sends."""

    def __init__(self, key: str, open_writer: Callable[[], Writer], head: bytes) -> None:
        """`head` is what the file will begin with once it is finished, in place of the bytes it begins with now."""
        self._key = key
        self._open = open_writer
        self._head = head
        self._sender = ThreadPoolExecutor(1, "upload")
        self._turns: list[Future[None]] = []
        self._writer: Writer | None = None
        self._sent = 0
        self._digest = hashlib.sha256()
        self._failed = False

    def follow(self, path: Path) -> None:
        """Hear that the file at `path` has grown."""
        self._turns.append(self._sender.submit(self._send, path))

    def finish(self, path: Path, sha256: str) -> bool:
        """Send the rest of the finished file. Whether the object is there, and the same; else it has to be stored."""
        self.follow(path)
        try:
            for turn in self._turns:
                turn.result()
            if self._failed or self._writer is None or self._digest.hexdigest() != sha256:
                return False
            with store_errors(f"{self._key} could not be stored"):
                self._writer.close()
        except StorageFailed as error:
            log.warning("It goes up when it is whole: %s", error)
            return False
        finally:
            self.drop()
        return True

    def drop(self) -> None:
        """Send no more, and let nothing appear. Idempotent."""
        self._sender.shutdown(cancel_futures=True)
        self._writer = None

    def _send(self, path: Path) -> None:
        # What was moved into place meanwhile is sent from there.
        if self._failed or not path.exists():
            return
        try:
            with store_errors(f"{self._key} could not be stored"), path.open("rb") as file:
                if self._writer is None:
                    self._writer = self._open()
                    self._put(self._writer, self._head)
                file.seek(self._sent)
                while piece := file.read(_PIECE):
                    self._put(self._writer, piece)
        except StorageFailed:
            self._failed = True
            raise

    def _put(self, writer: Writer, piece: bytes) -> None:
        writer.write(piece)
        self._digest.update(piece)
        self._sent += len(piece)
