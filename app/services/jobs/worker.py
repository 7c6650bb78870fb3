"""What happens inside a worker process: it is made ready once, then does one job after another.

News goes to the dispatcher through one pipe a job: `Began`, any number of `Progress`, and one ending. A pipe that
closes without an ending says that the worker died.
"""

import errno
import json
import logging
import os
import secrets
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeAlias

from app.errors import DISK_REASONS, MusicError, StorageFailed
from app.services.jobs.base import Job, JobBody, Outcome, Progress, TakeMade
from app.services.jobs.processes import never_outlive_server
from app.utils.memory import give_back_memory, settle_collector, tame_allocator

#: Fields of Track that a job may tell.
FACTS = frozenset(
    {"brief", "plan", "on_demand", "timings", "measured", "report", "composition", "wav_sha256", "warnings", "seed"}
)

#: What the operating system says when files cannot be written, through no fault of the job.
_REFUSALS = {errno.ENOSPC, getattr(errno, "EDQUOT", -1), errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}

#: Ends a worker that is at work. At rest, where it may hold a lock of the pool, it ignores it. None on Windows.
KILL: signal.Signals | None = getattr(signal, "SIGUSR1", None)

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Began:
    """A worker took the job up."""

    #: Name of the worker process, never used twice.
    worker: str
    #: Its number among the processes of the machine.
    pid: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Rests:
    """The job waits for others, or is looked at: what its worker does now is not its doing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """The job cannot be done, for a reason to show. Taken apart, for not every exception survives pickling."""

    kind: type[MusicError]
    values: Mapping[str, Any]

    def error(self) -> MusicError:
        """The exception as it was raised."""
        error = self.kind.__new__(self.kind)
        error.__dict__.update(self.values)
        return error


@dataclass(frozen=True, kw_only=True, slots=True)
class Broke:
    """The job met an error that nobody foresaw."""

    traceback: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Died:
    """The worker was gone before it came to an end; said in its place by those who listened."""


#: What a run ends with.
Ending: TypeAlias = Outcome | TakeMade | Refused | Broke | Died
News: TypeAlias = Began | Rests | Progress | Ending


class _Bench:
    """What a worker process has at hand."""

    body: JobBody
    name: str


def make_ready(body: JobBody, warm: Callable[[], None] | None, niceness: int) -> None:
    """Prepare a fresh worker process: polite, never an orphan, warmed up."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if KILL is not None:
        signal.signal(KILL, signal.SIG_IGN)
    never_outlive_server()
    tame_allocator()
    if hasattr(os, "nice"):
        os.nice(niceness)
    _Bench.body = body
    _Bench.name = f"{os.getpid()}-{secrets.token_hex(4)}"
    if warm is not None:
        try:
            warm()
        except Exception:
            log.exception("A worker could not warm up; its first job will show why")
    settle_collector()
    signal.signal(signal.SIGTERM, _leave)


def do(job: Job, folder: Path, line: Connection) -> None:
    """Do one job in an empty folder of its own, and tell how it goes."""
    with line, _killable():
        line.send(Began(worker=_Bench.name, pid=os.getpid()))
        try:
            folder.mkdir(parents=True)
            outcome = _Bench.body(job, folder, lambda progress: _tell(line, progress))
            check_facts(outcome.facts)
            line.send(outcome)
        except Exception as error:  # noqa: BLE001 - the dispatcher decides what comes of it
            line.send(ending_of(error))
        give_back_memory()


@contextmanager
def _killable() -> Iterator[None]:
    """While inside, either signal ends the process at once, even in the middle of a long NumPy call."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if KILL is not None:
        signal.signal(KILL, signal.SIG_DFL)
    try:
        yield
    finally:
        if KILL is not None:
            signal.signal(KILL, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _leave)


def _leave(_signal: int, _frame: object) -> None:
    """A worker at rest leaves in order; told again on its way out, it does not stumble."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(0)


def _tell(line: Connection, progress: Progress) -> None:
    check_facts(progress.facts)
    line.send(progress)


def check_facts(facts: Mapping[str, Any]) -> None:
    """Say here, where the mistake is, what the database would refuse later."""
    unknown = set(facts) - FACTS
    if unknown:
        raise ValueError(f"not a fact about a track: {', '.join(sorted(unknown))}")
    json.dumps(dict(facts))


def ending_of(error: Exception) -> Refused | Broke:
    """What an error makes of a run."""
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        error = StorageFailed(f"Files could not be written: {DISK_REASONS[error.errno]}")
    if isinstance(error, MusicError):
        return Refused(kind=type(error), values=vars(error))
    return Broke(traceback="".join(traceback.format_exception(type(error), error, error.__traceback__)))
