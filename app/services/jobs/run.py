"""Run: one job in the hands of one worker, whichever kind of worker it is."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from app.services.jobs.base import Job
from app.services.jobs.worker import News


class Run(ABC):
    """One job in the hands of one worker."""

    def __init__(self, job: Job, folder: Path, crew: "Crew") -> None:
        self.job = job
        #: Where it works; made by the worker.
        self.folder = folder
        #: Those who have it.
        self.crew = crew
        #: Moment (`time.monotonic`) at which it has taken too long.
        self.deadline = math.inf
        #: When a worker took it up (`time.monotonic`); None until then.
        self.began: float | None = None
        #: Whether its worker is being ended for taking too long.
        self.late = False
        #: Whether nobody wants its result any more.
        self.unwanted = False
        #: Whether its worker writes no more files for it.
        self.over = False
        self._after: list[Callable[[], None]] = []

    @abstractmethod
    def news(self) -> Iterator[News]:
        """What was said since the last time. The last of it is an `Ending`."""

    def close(self) -> None:
        """Hear no more of it."""
        if not self.over:
            self.over = True
            for call in self._after:
                call()

    def when_over(self, call: Callable[[], None]) -> None:
        """Call once its worker writes no more files for it."""
        if self.over:
            call()
        else:
            self._after.append(call)


class Crew(Protocol):
    """Workers of one kind, as the foreman asks them."""

    def heard(self, run: Run) -> None:
        """A worker took the run up: workers do start."""

    def end(self, run: Run) -> None:
        """Stop the work on a run that is late or unwanted, or take it back."""

    def overdue(self, run: Run) -> bool:
        """A run's deadline has passed: see to it. True if it counts as gone."""

    def blameless(self, run: Run) -> bool:
        """Whether a run that died is not to blame."""
