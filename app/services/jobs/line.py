"""WaitingLine: who is next."""

from bisect import bisect_left, insort
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.models.track import Track, TrackFile
from app.services.jobs.base import JobKind

#: What goes before what; higher is earlier. Somebody waits for a download; a render takes a while anyway.
#: Renders may be asked for up to 10 sooner or later.
PRIORITY: dict[JobKind, int] = {"render": 0, "encode": 20}
#: That of a model's take that is to be finished: it has waited before, and takes up space.
HALF_DONE = 15

#: Urgency, round, order of acceptance; the smallest goes first.
Place = tuple[int, int, int]


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
    #: Until when a paced one is held back, on the clock that never goes back; known since it was taken up.
    due_s: float = 0.0
    form: str | None = None
    #: Round in which it is made, so that one owner's many do not keep another's few waiting; the line says it.
    turn: int | None = None
    #: Whom it waits for: "" for the workers, else a model in processes of its own.
    lane: str = ""
    #: Where the take of its model lies, once it is made: the rest is for the workers.
    take: Path | None = None
    #: Whether its run goes on though it waits: the next half needs no new one.
    half_done: bool = False
    #: Runs begun that count against the limit.
    attempt: int = 0
    #: The run under way, or the last.
    run: int = 0
    state: Literal["queued", "running", "held"] = "queued"
    #: For "encode": what those who asked for the file wait for.
    file: "Future[TrackFile]" = field(default_factory=Future)

    @property
    def place(self) -> Place:
        """What sorts the line."""
        if self.take is not None:
            return -HALF_DONE, 0, self.number
        if self.kind == "encode":
            return -PRIORITY[self.kind], 0, self.number
        return -(PRIORITY[self.kind] + self.track.priority), self.turn or 0, self.number


class WaitingLine:
    """Work that waits, the next one first, a lane for each whom it waits for.

    One thread changes it; `position` may be asked from any.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._rounds = Rounds()

    def __len__(self) -> int:
        return sum(len(lane.places) for lane in self._lanes.values())

    @property
    def estimates_s(self) -> float:
        """Seconds of one worker that all of it will take."""
        return sum(lane.estimates_s for lane in self._lanes.values())

    @property
    def models(self) -> list[str]:
        """Models that works wait for, the one with the first work first."""
        waiting = [(lane.places[0], name) for name, lane in self._lanes.items() if name and lane.places]
        return [name for _, name in sorted(waiting)]

    def count(self, lane: str) -> int:
        """How many works wait in a lane."""
        return len(self._lanes[lane].places) if lane in self._lanes else 0

    def waiting_s(self, lane: str) -> float:
        """Seconds of one worker that those in a lane will take."""
        return self._lanes[lane].estimates_s if lane in self._lanes else 0.0

    def add(self, work: Work) -> None:
        """Put it where it belongs; one that comes back has its old place."""
        lane = self._lanes.setdefault(work.lane, _Lane())
        if work.turn is None and work.kind == "render":
            work.turn = self._rounds.join(work.track.owner)
        lane.works[work.place] = work
        insort(lane.places, work.place)
        lane.estimates_s += work.estimate_s

    def remove(self, work: Work) -> None:
        """Take it out."""
        lane = self._lanes[work.lane]
        del lane.works[work.place]
        del lane.places[bisect_left(lane.places, work.place)]
        lane.estimates_s = lane.estimates_s - work.estimate_s if lane.places else 0.0

    def next(self, lane: str = "") -> Work:
        """Take out the first of a lane. `LookupError` if none waits."""
        work = self._lanes[lane].works[self._lanes[lane].places[0]]
        self.remove(work)
        self._rounds.reach(work.turn)
        return work

    def position(self, work: Work) -> int | None:
        """Its place in its lane, 1 = next; None if it doesn't wait."""
        lane = self._lanes.get(work.lane)
        if lane is None:
            return None
        index = bisect_left(lane.places, work.place)  # one step of the interpreter: no other thread gets in between
        try:
            return index + 1 if lane.places[index] == work.place else None
        except IndexError:  # the line moved up
            return None


class Rounds:
    """Turns of owners: in each round, every one of them has one track made. One owner alone is served in order.

    >>> rounds = Rounds()
    >>> [rounds.join("many"), rounds.join("many"), rounds.join("few")]
    [0, 1, 0]
    """

    def __init__(self) -> None:
        self._now = 0
        self._next: dict[str | None, int] = {}

    def join(self, owner: str | None) -> int:
        """The round of an owner's next track: the present one, or that after its last."""
        turn = max(self._now, self._next.get(owner, 0))
        self._next[owner] = turn + 1
        return turn

    def reach(self, turn: int | None) -> None:
        """A track of a round is made now: who comes later does not go before that."""
        if turn is not None and turn > self._now:
            self._now = turn
            self._next = {owner: following for owner, following in self._next.items() if following > turn}


@dataclass(kw_only=True, slots=True)
class _Lane:
    """Those who wait for the same."""

    places: list[Place] = field(default_factory=list)
    works: dict[Place, Work] = field(default_factory=dict)
    estimates_s: float = 0.0
