"""WaitingLine: who is next."""

from bisect import bisect_left, insort
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

from app.models.track import Track, TrackFile
from app.services.jobs.base import JobKind

#: What goes before what; higher is earlier. Somebody waits for a download; a render takes a while anyway.
PRIORITY: dict[JobKind, int] = {"render": 0, "encode": 10}


@dataclass(kw_only=True, slots=True, eq=False)
class Work:
    """A job on its way through the dispatcher's hands."""

    id: str
    kind: JobKind
    #: As it is now known; clients may see it a commit later.
    track: Track
    #: Order of acceptance.
    number: int
    #: Seconds of one worker that it will take.
    estimate_s: float
    form: str | None = None
    #: Runs begun that count against the limit.
    attempt: int = 0
    #: The run under way, or the last.
    run: int = 0
    state: Literal["queued", "running", "held"] = "queued"
    #: For "encode": what those who asked for the file wait for.
    file: "Future[TrackFile]" = field(default_factory=Future)

    @property
    def place(self) -> tuple[int, int]:
        """What sorts the line."""
        return -PRIORITY[self.kind], self.number


class WaitingLine:
    """Work that waits, the next one first. One thread changes it; `position` may be asked from any."""

    def __init__(self) -> None:
        self._places: list[tuple[int, int]] = []
        self._works: dict[tuple[int, int], Work] = {}
        self._estimates_s = 0.0

    def __len__(self) -> int:
        return len(self._places)

    @property
    def estimates_s(self) -> float:
        """Seconds of one worker that all of it will take."""
        return self._estimates_s

    def add(self, work: Work) -> None:
        """Put it where it belongs; one that comes back has its old place."""
        self._works[work.place] = work
        insort(self._places, work.place)
        self._estimates_s += work.estimate_s

    def remove(self, work: Work) -> None:
        """Take it out."""
        del self._works[work.place]
        del self._places[bisect_left(self._places, work.place)]
        self._estimates_s = self._estimates_s - work.estimate_s if self._places else 0.0

    def next(self) -> Work:
        """Take out the first. `IndexError` if none waits."""
        work = self._works[self._places[0]]
        self.remove(work)
        return work

    def position(self, work: Work) -> int | None:
        """Its place, 1 = next; None if it doesn't wait."""
        places = self._places
        index = bisect_left(places, work.place)  # one step of the interpreter: no other thread gets in between
        try:
            return index + 1 if places[index] == work.place else None
        except IndexError:  # the line moved up
            return None
