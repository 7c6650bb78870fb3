"""Decoder: what somebody sent is opened in a process of its own, which has little time and little memory.

A file made to break its reader breaks that process: the server answers with a reason and lives on.
"""

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeAlias

from app.errors import Busy, InvalidField
from app.models.clip import ClipFacts
from app.services.jobs.pool import NICENESS
from app.services.jobs.processes import never_outlive_server, process_context
from app.services.jobs.worker import Broke, Refused, ending_of
from app.utils.memory import bounded_memory, warn_if_unbounded

#: Opens an untrusted file and writes what is kept of it; a top-level function or a partial of one. `InvalidField`.
ClipBody: TypeAlias = Callable[[Path, Path], ClipFacts]

#: Seconds that a file may take, and bytes that its process may hold beyond those that it begins with.
TIME_S, MEMORY_BYTES = 30.0, 1_500_000_000
#: Seconds that a file waits for the one before it.
WAIT_S = 20.0

log = logging.getLogger(__name__)


class ClipDecoder:
    """Opens one file at a time. Its calls are from any thread."""

    def __init__(self, body: ClipBody, *, time_s: float = TIME_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._body = body
        self._time_s = time_s
        self._memory_bytes = memory_bytes
        self._one = threading.Lock()

    def decode(self, source: Path, target: Path) -> ClipFacts:
        """What the file is, once `target` holds what is kept of it. `InvalidField` for `file`, `Busy`."""
        if not self._one.acquire(timeout=WAIT_S):
            raise Busy("Other recordings are being read; try again in a moment", retry_after_s=5)
        try:
            ending = self._run(source, target)
        finally:
            self._one.release()
        if isinstance(ending, ClipFacts):
            return ending
        if isinstance(ending, Refused):
            raise ending.error()
        if isinstance(ending, Broke):
            log.error("A recording met an error nobody foresaw\n%s", ending.traceback)
        raise InvalidField("file", ending if isinstance(ending, str) else "cannot be read as a recording")

    def _run(self, source: Path, target: Path) -> "ClipFacts | Refused | Broke | str":
        """What the process says; a sentence of ours where it can say nothing any more."""
        warn_if_unbounded()
        context = process_context()
        line, theirs = context.Pipe(duplex=False)
        process = context.Process(
            target=_decode, args=(self._body, source, target, theirs, self._memory_bytes), name="clip", daemon=True
        )
        try:
            process.start()
            theirs.close()
            if not line.poll(self._time_s):
                return f"takes longer than {self._time_s:g} s to read"
            return line.recv()  # type: ignore[no-any-return]  # what `_decode` sends
        except (EOFError, OSError):
            return "is not audio that can be read: its reader broke down over it"
        finally:
            theirs.close()
            with suppress(AttributeError, ValueError):  # it never began
                process.kill()
                process.join()
            line.close()


def _decode(body: ClipBody, source: Path, target: Path, line: Connection, memory_bytes: int) -> None:
    """The process: one file, and one ending."""
    never_outlive_server()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        with bounded_memory(memory_bytes):
            facts = body(source, target)
        line.send(facts)
    except MemoryError:
        line.send("needs too much memory to be read")
    except Exception as error:  # noqa: BLE001 - the server decides what comes of it
        line.send(ending_of(error))
