"""What happens inside an engine process: it holds one model, and makes takes of it for many jobs at once.

News goes to the dispatcher through one pipe, each piece with the number of the run it is about, or None where it is
about the model. A pipe that closes says that the process is gone.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol, TypeAlias

from app.services.jobs.base import Job, Progress, TakeMade
from app.services.jobs.processes import never_outlive_server
from app.services.jobs.worker import Began, Ending, News, Rests, check_facts, ending_of

#: Seconds between two pieces of progress of a run that tell of the same stage.
PAUSE_S = 0.1
#: Unless so much of the work was done between them.
STEP = 0.02
#: Seconds that runs may take to come to an end when the model has left.
LAST_WORDS_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Do:
    """Make a take."""

    number: int
    job: Job
    #: Where it goes; to be made.
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Drop:
    """Nobody wants the take any more."""

    number: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """Load the model, though no track asks for it yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leave:
    """Unload the model and end."""


Order: TypeAlias = Do | Drop | Load | Leave


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """The model is in memory."""

    #: Where it is, and where it could be: "cuda:0".
    device: str
    devices: tuple[str, ...]
    #: Bytes that it holds, and those that the device has; 0 where nobody knows.
    memory_bytes: int
    device_bytes: int
    #: Seconds that it took.
    load_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Unusable:
    """The model cannot be loaded; the process ends."""

    reason: str


Word: TypeAlias = Loaded | Unusable


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What a resident may tell and ask about one run."""

    #: Work on it begins (True): from now on it answers for a crash, and must move. Or it rests.
    at_work: Callable[[bool], None]
    report: Callable[[Progress], None]
    #: Whether nobody wants it any more.
    cancelled: Callable[[], bool]


class Resident(Protocol):
    """A model and all that it takes to make takes of it."""

    def take(self, job: Job, folder: Path, watched: Watched) -> TakeMade:
        """Make a take into an empty folder of its own. Called on a thread a job."""

    def load(self) -> None:
        """Begin to load the model, if it is not loaded."""

    def nudge(self) -> None:
        """Somebody was dropped."""

    def close(self) -> None:
        """Unload the model."""


#: Makes the resident of a model on a device, given whom to tell about it; picklable.
OpensResident: TypeAlias = Callable[[str, str, Callable[[Word], None]], Resident]


def serve(open_resident: OpensResident, model: str, device: str, line: Connection, niceness: int) -> None:
    """Be the engine process of a model until told to leave."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the server, which ends us
    never_outlive_server()
    if hasattr(os, "nice"):
        os.nice(niceness)
    room = _Room(line)
    room.work(open_resident(model, device, room.tell_all))


class _Room:
    """Takes orders, and passes on what is said."""

    def __init__(self, line: Connection) -> None:
        self._line = line
        self._speaking = threading.Lock()
        self._drops: dict[int, threading.Event] = {}
        self._name = str(os.getpid())
        self._threads: list[threading.Thread] = []

    def tell_all(self, word: Word) -> None:
        """Say something about the model."""
        self._send(None, word)

    def work(self, resident: Resident) -> None:
        """Take orders until the last."""
        while True:
            try:
                order: Order = self._line.recv()
            except (EOFError, OSError):
                return
            if isinstance(order, Do):
                dropped = self._drops[order.number] = threading.Event()
                thread = threading.Thread(target=self._do, args=(resident, order, dropped), daemon=True)
                self._threads = [one for one in self._threads if one.is_alive()] + [thread]
                thread.start()
            elif isinstance(order, Drop):
                if order.number in self._drops:
                    self._drops[order.number].set()
                    resident.nudge()
            elif isinstance(order, Load):
                resident.load()
            else:
                resident.close()
                for thread in self._threads:  # what they have to say is to be heard
                    thread.join(LAST_WORDS_S)
                return

    def _do(self, resident: Resident, order: Do, dropped: threading.Event) -> None:
        ending: Ending
        try:
            order.folder.mkdir(parents=True)
            ending = resident.take(order.job, order.folder, self._watched(order.number, dropped))
            check_facts(ending.facts)
        except Exception as error:  # noqa: BLE001 - the dispatcher decides what comes of it
            ending = ending_of(error)
        self._send(order.number, ending)
        self._drops.pop(order.number, None)

    def _watched(self, number: int, dropped: threading.Event) -> Watched:
        last: Progress | None = None
        not_before = 0.0

        def report(progress: Progress) -> None:
            nonlocal last, not_before
            check_facts(progress.facts)
            now = time.monotonic()
            # Models tell of every token; nobody looks so often.
            small = last is not None and last.stage == progress.stage and progress.fraction - last.fraction < STEP
            if progress.facts or not small or now >= not_before:
                last, not_before = progress, now + PAUSE_S
                self._send(number, progress)

        return Watched(
            at_work=lambda works: self._send(number, Began(worker=self._name, pid=os.getpid()) if works else Rests()),
            report=report,
            cancelled=dropped.is_set,
        )

    def _send(self, number: int | None, said: News | Word) -> None:
        with self._speaking:
            try:
                self._line.send((number, said))
            except OSError:  # the server is gone, and so are we in a moment
                log.debug("Nobody listens any more")
