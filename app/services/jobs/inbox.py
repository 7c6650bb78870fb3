"""Inbox: calls that other threads ask the dispatcher's thread to make."""

import logging
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import TypeAlias

Call: TypeAlias = Callable[[], None]

log = logging.getLogger(__name__)


def attempt(call: Call) -> None:
    """Make a call; an error in it is logged whole and stays its own."""
    try:
        call()
    except Exception:
        log.exception("Error in the dispatcher; it goes on")


class Inbox:
    """Takes calls from any thread and wakes the one that waits on `bell` together with other pipes."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()
        self._rung = False
        self._closed = False
        self.bell: Connection
        self.bell, self._clapper = Pipe(duplex=False)

    def put(self, call: Call) -> bool:
        """Leave a call; False if nobody will ever take it."""
        with self._lock:  # held for microseconds, never while anything is written or waited for
            if self._closed:
                return False
            self._calls.append(call)
            if not self._rung:
                self._rung = True
                self._clapper.send_bytes(b"!")
            return True

    def take(self) -> list[Call]:
        """All calls left since the last time, in order."""
        with self._lock:
            if self._rung:
                self._rung = False
                self.bell.recv_bytes()
            calls, self._calls = self._calls, []
            return calls

    def close(self) -> list[Call]:
        """Take no more calls; those that were left."""
        calls = self.take()
        with self._lock:
            self._closed = True
            calls += self._calls
            self.bell.close()
            self._clapper.close()
        return calls
