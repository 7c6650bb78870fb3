"""Fanout: changes come from the queue's thread, and are handed to all who read on one event loop.

Rule: what waits for a reader is bounded, however slow he is.
"""

import asyncio
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from app.models.track import Track
from app.services.following.events import Event, Seen
from app.services.jobs.base import JobQueue

#: Changes of one track that wait for a slow reader; of one stage only the newest waits.
MOST_WAITING = 32
#: Tracks whose changes wait for a slow reader of all; the oldest are left out beyond.
MOST_TRACKS = 1_000
#: Seconds between events of progress within a stage.
PROGRESS_S = 0.2


@dataclass(slots=True)
class Moment:
    """A track as it stood once, and what was said of it, written once for all who read the same."""

    track_id: str
    track: Track | None
    told: dict[tuple[Seen, str, str | None], tuple[list[Event], Seen]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Reader:
    """Changes that one reader has not taken yet."""

    backlog: deque[Moment] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, moment: Moment) -> None:
        """A change; it takes the place of the one before, if that said no more."""
        last = self.backlog[-1].track if self.backlog else None
        same = last is not None and moment.track is not None and last.stage == moment.track.stage
        if same:
            self.backlog.pop()
        self.backlog.append(moment)
        self.news.set()


@dataclass(eq=False, slots=True)
class FeedReader:
    """Tracks whose changes one reader of all has not taken yet, as they now stand."""

    backlog: OrderedDict[str, Moment] = field(default_factory=OrderedDict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    #: Tracks left out because the reader was too slow.
    missed: int = 0

    def put(self, moment: Moment) -> None:
        """A change; it takes the place of the one before."""
        self.backlog[moment.track_id] = moment
        while len(self.backlog) > MOST_TRACKS:
            self.backlog.popitem(last=False)
            self.missed += 1
        self.news.set()


class Fanout:
    """Hands changes from the queue's thread to the readers of one event loop. All but `hear` runs on the loop."""

    def __init__(self, queue: JobQueue, loop: asyncio.AbstractEventLoop) -> None:
        self._queue = queue
        self._loop = loop
        self._news: deque[Moment] = deque()
        self._called = False
        #: By track, the stage that was told last, and progress that is held back for a moment.
        self._stages: dict[str, tuple[str, bool, bool]] = {}
        self._held: dict[str, Moment] = {}
        self._of_track: dict[str, set[Reader]] = {}
        self._of_all: set[FeedReader] = set()
        self._leave = self._queue.watch(self._hear)

    def join(self, track_id: str, reader: Reader) -> None:
        """Hand a track's changes to a reader."""
        self._of_track.setdefault(track_id, set()).add(reader)

    def join_all(self, reader: FeedReader) -> None:
        """Hand all changes to a reader."""
        self._of_all.add(reader)

    def leave(self, track_id: str, reader: Reader) -> None:
        """Hand nothing more to him."""
        readers = self._of_track[track_id]
        readers.discard(reader)
        if not readers:
            del self._of_track[track_id]
            if not self._of_all:
                self._stages.pop(track_id, None)

    def leave_all(self, reader: FeedReader) -> None:
        """Hand nothing more to him."""
        self._of_all.discard(reader)
        if not self._of_all:
            self._stages = {name: stage for name, stage in self._stages.items() if name in self._of_track}

    def close(self) -> None:
        """Listen no more."""
        self._leave()

    def _hear(self, track_id: str, track: Track | None) -> None:
        if not self._of_all and track_id not in self._of_track:
            return
        self._news.append(Moment(track_id, track))
        if not self._called:
            self._called = True
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # the loop is closed
                self._leave()

    def _deliver(self) -> None:
        self._called = False
        while self._news:
            moment = self._news.popleft()
            if moment.track is not None and moment.track.paced_until is not None:
                moment.track = self._queue.get(moment.track_id) or moment.track
            self._hand_out(moment)

    def _hand_out(self, moment: Moment) -> None:
        # A stage is told at once, progress within it a few times a second: a render has hundreds of steps.
        track_id, track = moment.track_id, moment.track
        if track is not None and not track.finished:
            stage = (track.stage, track.plan is not None, track.audible)
            if self._stages.get(track_id) == stage:
                if not self._held:
                    self._loop.call_later(PROGRESS_S, self._let_go)
                self._held[track_id] = moment
                return
            self._stages[track_id] = stage
        else:
            self._stages.pop(track_id, None)
        self._held.pop(track_id, None)
        self._put(moment)

    def _let_go(self) -> None:
        held, self._held = self._held, {}
        for moment in held.values():
            self._put(moment)

    def _put(self, moment: Moment) -> None:
        for reader in self._of_track.get(moment.track_id, ()):
            reader.put(moment)
        for everything in self._of_all:
            everything.put(moment)
