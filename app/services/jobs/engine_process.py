"""EngineProcess: one engine process as the server sees it, and the runs that it has."""

import logging
import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from app.services.jobs.base import Job, Progress
from app.services.jobs.engine_room import Do, Drop, Leave, Load, Loaded, OpensResident, Order, Unusable, serve
from app.services.jobs.placement import Seat
from app.services.jobs.pool import NICENESS
from app.services.jobs.processes import process_context
from app.services.jobs.run import Crew, Run
from app.services.jobs.worker import Began, Broke, Died, News, Rests

#: Seconds that a process may take to leave when it has nothing to do.
LEAVES_WITHIN_S = 20.0
#: Share of the work that counts as a move. How far a loading is, is a guess that always grows, but ever less.
MOVED = 0.0005

log = logging.getLogger(__name__)


class EngineRun(Run):
    """A run that an engine process has. It may take as long as it moves."""

    def __init__(self, job: Job, folder: Path, crew: Crew, process: "EngineProcess", *, timeout_s: float) -> None:
        super().__init__(job, folder, crew)
        self.process = process
        self._timeout_s = timeout_s
        #: Whether the process is at work on it, by all that was said, whether somebody has asked for that yet or not.
        self.at_work = False
        self._inbox: deque[News] = deque()
        self._furthest = -1.0

    def hear(self, said: News) -> None:
        """Keep what was said until somebody asks."""
        if isinstance(said, Began | Rests):
            self.at_work = isinstance(said, Began)
        self._inbox.append(said)

    def news(self) -> Iterator[News]:
        """What was said since the last time. The last of it is an `Ending`."""
        while self._inbox and not self.over:
            said = self._inbox.popleft()
            if isinstance(said, Began):
                self.began = self.began or time.monotonic()
                self._moved()
            elif isinstance(said, Rests):
                self.began = None
                if not (self.late or self.unwanted):
                    self.deadline = math.inf
            elif not isinstance(said, Progress):
                self.close()
            elif said.fraction >= self._furthest + MOVED:
                self._furthest = said.fraction
                self._moved()
            yield said

    def close(self) -> None:
        """Hear no more of it."""
        self.process.let_go(self)
        super().close()

    def _moved(self) -> None:
        if self.began is not None and not (self.late or self.unwanted):
            self.deadline = time.monotonic() + self._timeout_s


class EngineProcess:
    """Started where it is made. One thread uses it, and must outlive it."""

    def __init__(self, number: int, model: str, device: str, opens: OpensResident, *, size_bytes: int) -> None:
        self.number = number
        self.model = model
        #: Where it is; better known once it is loaded.
        self.device = device
        self._size_bytes = size_bytes
        self.loaded: Loaded | None = None
        #: Whether it was told to leave, or says that it does.
        self.leaving = False
        #: Whether it was ended on purpose: whatever else it had begun is not to blame.
        self.condemned = False
        #: Whether it is gone.
        self.gone = False
        #: Runs it was chosen for that are not in its hands yet.
        self.promised = 0
        self.used_at = time.monotonic()
        #: Moment at which it should have left.
        self.gone_by: float | None = None
        self.runs: dict[int, EngineRun] = {}
        self._opens = opens
        context = process_context()
        self.line, theirs = context.Pipe()
        self._process = context.Process(
            target=serve,
            args=(opens, model, device, theirs, NICENESS),
            name=f"engine-{model}",
            daemon=True,  # so that it is ended even where nobody stops the queue
        )
        try:
            self._process.start()
        except BaseException:
            self.line.close()
            raise
        finally:
            theirs.close()

    @property
    def connection(self) -> Connection:
        """What becomes readable when it says something."""
        return self.line

    @property
    def size_bytes(self) -> int:
        """Bytes that it holds, or is thought to need."""
        return self.loaded.memory_bytes if self.loaded is not None else self._size_bytes

    def seat(self, batch: int) -> Seat:
        """How it stands, where `batch` tracks may wait for its next batch."""
        waiting = self.promised + sum(run.began is None for run in self.runs.values())
        return Seat(
            number=self.number,
            model=self.model,
            device=self.device,
            size_bytes=self.size_bytes,
            runs=len(self.runs) + self.promised,
            room=max(0, batch - waiting),
            used_at=self.used_at,
            leaving=self.leaving,
        )

    def hand(self, number: int, job: Job, folder: Path, crew: Crew, *, timeout_s: float) -> EngineRun:
        """Give it a job. `OSError` if it is gone."""
        run = EngineRun(job, folder, crew, self, timeout_s=timeout_s)
        self._order(Do(number=number, job=job, folder=folder))
        self.runs[number] = run
        return run

    def load(self) -> None:
        """Let it load its model."""
        with suppress(OSError):
            self._order(Load())

    def drop(self, run: EngineRun) -> None:
        """Nobody wants the run any more."""
        with suppress(OSError):
            for number in [number for number, one in self.runs.items() if one is run]:
                self._order(Drop(number=number))

    def leave(self) -> None:
        """Let it unload its model and end."""
        if not self.leaving:
            self.leaving = True
            self.condemned = True
            self.gone_by = time.monotonic() + LEAVES_WITHIN_S
            with suppress(OSError):
                self._order(Leave())

    def kill(self) -> None:
        """End it now."""
        self.leaving = self.condemned = True
        self._process.kill()

    def join(self, within_s: float) -> None:
        """Wait until it is gone."""
        self._process.join(within_s)

    def hear(self) -> bool:
        """Take in what it said; False once it is gone, which its runs are told."""
        try:
            while self.line.poll():
                self._take_in(self.line.recv())
        except (EOFError, OSError):
            self._die(Died())
        except Exception as error:  # noqa: BLE001 - what a resident's own values do on unpickling is anybody's guess
            self._die(Broke(traceback=f"What {self.model} said could not be read: {error!r}"))
        return not self.gone

    def let_go(self, run: EngineRun) -> None:
        """A run is over."""
        for number in [number for number, one in self.runs.items() if one is run]:
            del self.runs[number]
            self.used_at = time.monotonic()

    def _take_in(self, message: "tuple[int | None, News | Loaded | Unusable]") -> None:
        number, said = message
        if isinstance(said, Loaded):
            self.loaded, self.device = said, said.device
            self.used_at = time.monotonic()
            log.info("%s is loaded on %s (%.1f s)", self.model, said.device, said.load_s)
        elif isinstance(said, Unusable):
            log.warning("The process of %s ends: %s", self.model, said.reason)
            self.leave()
        elif number in self.runs:
            self.runs[number].hear(said)

    def _die(self, ending: Died | Broke) -> None:
        self.gone = True
        self.line.close()
        self._process.kill()  # where it only stopped to speak
        self._process.join(1.0)
        for run in self.runs.values():
            run.hear(ending)

    def _order(self, order: Order) -> None:
        self.line.send(order)
