"""Following tracks: changes of tracks in, events out, each told once and handed to as many as listen.

An event's id says what its reader has seen by then, so any node can go on from it, also after a restart.
"""

import asyncio
import re
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from weakref import WeakKeyDictionary

from app.models.track import Track
from app.services.access import caller, may_see, seen_owner
from app.services.generator import Backend, MusicGeneratorService

#: Changes of one track that wait for a slow reader; of one stage only the newest waits.
MOST_WAITING = 32
#: Tracks whose changes wait for a slow reader of all; the oldest are left out beyond.
MOST_TRACKS = 1_000
#: Seconds between events of progress within a stage.
PROGRESS_S = 0.2
#: Seconds between looks at a track that moves with the clock.
PACED_S = 1.0
#: Finished tracks told again to one who comes back, and seconds by which clocks of machines may differ.
MOST_MISSED = 200
CLOCKS_S = 2.0

_SEEN = re.compile(r"([a-z]{1,20})\.([0-9]{1,3})(\.plan)?")
_MOMENT = re.compile(r"[0-9]{1,15}")
_ENDS = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What a reader knows of a track; as text it is the id of the last event."""

    stage: str = ""
    progress: int = 0
    plan: bool = False

    @classmethod
    def read(cls, text: str | None) -> "Seen":
        """What an id says; nothing seen where it is none.

        >>> Seen.read("rendering.42.plan")
        Seen(stage='rendering', progress=42, plan=True)
        """
        match = _SEEN.fullmatch(text or "")
        return cls() if match is None else cls(stage=match[1], progress=int(match[2]), plan=bool(match[3]))

    def __str__(self) -> str:
        return f"{self.stage}.{self.progress}{'.plan' * self.plan}"

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.stage in _ENDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened to a track."""

    #: "stage", "progress", "plan", "completed", "failed", "cancelled", "removed"; of the feed also "missed".
    name: str
    data: dict[str, Any]
    id: str


def events_since(seen: Seen, track: Track, status: dict[str, Any], record_url: str) -> tuple[list[Event], Seen]:
    """What is new to a reader, in order, and what he knows then; `status` is the track's status answer."""
    if track.progress < seen.progress or seen.ended:  # older than what he knows
        return [], seen
    events = []
    known = {"track_id": track.id, "stage": track.stage, "progress": track.progress, "status": track.status}
    progressed = track.progress > seen.progress
    if not track.finished and track.stage != seen.stage:
        seen = replace(seen, stage=track.stage)
        events.append(Event(name="stage", data=known, id=str(seen)))
    if track.plan is not None and not seen.plan:
        seen = replace(seen, plan=True)
        events.append(Event(name="plan", data={**known, "record_url": record_url}, id=str(seen)))
    seen = replace(seen, progress=track.progress)
    if track.finished:
        seen = replace(seen, stage=track.stage)
        events.append(Event(name=track.stage, data=status, id=str(seen)))
    elif progressed:
        events.append(Event(name="progress", data=known, id=str(seen)))
    return events, seen


@dataclass(slots=True)
class _Moment:
    """A track as it stood once, and what was said of it, written once for all who read the same."""

    track_id: str
    track: Track | None
    told: dict[tuple[Seen, str, str | None], tuple[list[Event], Seen]] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class _Reader:
    """Changes that one reader has not taken yet."""

    backlog: deque[_Moment] = field(default_factory=lambda: deque(maxlen=MOST_WAITING))
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, moment: _Moment) -> None:
        """A change; it takes the place of the one before, if that said no more."""
        last = self.backlog[-1].track if self.backlog else None
        same = last is not None and moment.track is not None and last.stage == moment.track.stage
        if same:
            self.backlog.pop()
        self.backlog.append(moment)
        self.news.set()


@dataclass(eq=False, slots=True)
class _FeedReader:
    """Tracks whose changes one reader of all has not taken yet, as they now stand."""

    backlog: OrderedDict[str, _Moment] = field(default_factory=OrderedDict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    #: Tracks left out because the reader was too slow.
    missed: int = 0

    def put(self, moment: _Moment) -> None:
        """A change; it takes the place of the one before."""
        self.backlog[moment.track_id] = moment
        while len(self.backlog) > MOST_TRACKS:
            self.backlog.popitem(last=False)
            self.missed += 1
        self.news.set()


class _Fanout:
    """Hands changes from the queue's thread to the readers of one event loop. All but `hear` runs on the loop."""

    def __init__(self, backend: Backend, loop: asyncio.AbstractEventLoop) -> None:
        self._queue = backend.queue
        self._loop = loop
        self._news: deque[_Moment] = deque()
        self._called = False
        #: By track, the stage that was told last, and progress that is held back for a moment.
        self._stages: dict[str, tuple[str, bool]] = {}
        self._held: dict[str, _Moment] = {}
        self._of_track: dict[str, set[_Reader]] = {}
        self._of_all: set[_FeedReader] = set()
        self._leave = self._queue.watch(self._hear)

    def join(self, track_id: str, reader: _Reader) -> None:
        """Hand a track's changes to a reader."""
        self._of_track.setdefault(track_id, set()).add(reader)

    def join_all(self, reader: _FeedReader) -> None:
        """Hand all changes to a reader."""
        self._of_all.add(reader)

    def leave(self, track_id: str, reader: _Reader) -> None:
        """Hand nothing more to him."""
        readers = self._of_track[track_id]
        readers.discard(reader)
        if not readers:
            del self._of_track[track_id]
            if not self._of_all:
                self._stages.pop(track_id, None)

    def leave_all(self, reader: _FeedReader) -> None:
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
        self._news.append(_Moment(track_id, track))
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

    def _hand_out(self, moment: _Moment) -> None:
        # A stage is told at once, progress within it a few times a second: a render has hundreds of steps.
        track_id, track = moment.track_id, moment.track
        if track is not None and not track.finished:
            stage = (track.stage, track.plan is not None)
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

    def _put(self, moment: _Moment) -> None:
        for reader in self._of_track.get(moment.track_id, ()):
            reader.put(moment)
        for everything in self._of_all:
            everything.put(moment)


class Following:
    """Events of tracks, for as many as want them."""

    def __init__(self, service: Callable[[], MusicGeneratorService]) -> None:
        self._service = service
        self._fanouts: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Backend, _Fanout]] = WeakKeyDictionary()

    async def open(self, track_id: str, seen: Seen, base_url: str) -> AsyncIterator[list[Event]] | None:
        """What happens to a track from what was seen of it on, up to its end; None where the end was seen.

        `TrackNotFound`.
        """
        service = self._service()
        track = await service.get_track(track_id)
        if track.finished and seen.ended:
            return None
        if seen.ended:  # of another life of the database
            seen = Seen()
        return self._events(service, track_id, seen, base_url)

    async def _events(
        self, service: MusicGeneratorService, track_id: str, seen: Seen, base_url: str
    ) -> AsyncIterator[list[Event]]:
        fanout = await self._fanout(service)
        reader = _Reader()
        fanout.join(track_id, reader)
        try:
            track = await service.get_track(track_id)
            reader.put(_Moment(track_id, track))
            while not seen.ended:
                patience_s = PACED_S if track.paced_until is not None else None
                try:
                    await asyncio.wait_for(reader.news.wait(), patience_s)
                except asyncio.TimeoutError:
                    reader.put(_Moment(track_id, await service.get_track(track_id)))
                reader.news.clear()
                while reader.backlog and not seen.ended:
                    moment = reader.backlog.popleft()
                    if moment.track is None:
                        yield [Event(name="removed", data={"track_id": track_id}, id=str(seen))]
                        return
                    events, seen = self._told(moment, seen, base_url, service)
                    if events:
                        yield events
        finally:
            fanout.leave(track_id, reader)

    async def feed(self, last: str | None, base_url: str) -> AsyncIterator[list[Event]]:
        """What happens to all tracks that the caller sees, without end: first what he missed, and those in work.

        `last` is the id of the last event he saw, if he comes back.
        """
        service = self._service()
        backend = await service.backend()
        fanout = await self._fanout(service)
        reader = _FeedReader()
        seen: dict[str, Seen] = {}
        fanout.join_all(reader)
        try:
            for track in await _ended_since(backend, last):
                reader.put(_Moment(track.id, track))
            for track in backend.queue.at_work():
                reader.put(_Moment(track.id, backend.queue.get(track.id) or track))
            while True:
                while reader.backlog:
                    if events := self._next(reader, seen, base_url, service):
                        yield events
                await reader.news.wait()
                reader.news.clear()
        finally:
            fanout.leave_all(reader)

    def _next(
        self, reader: _FeedReader, seen: dict[str, Seen], base_url: str, service: MusicGeneratorService
    ) -> list[Event]:
        now = str(int(time.time() * 1000))
        events = []
        if reader.missed:
            events.append(Event(name="missed", data={"tracks": reader.missed}, id=now))
            reader.missed = 0
        _, moment = reader.backlog.popitem(last=False)
        before = seen.pop(moment.track_id, None)
        if moment.track is None:
            if before is None and seen_owner() is not None:  # perhaps it was somebody else's
                return events
            return [*events, Event(name="removed", data={"track_id": moment.track_id}, id=now)]
        if not may_see(moment.track.owner):
            return events
        told, seen[moment.track_id] = self._told(moment, before or Seen(), base_url, service)
        if len(seen) > 2 * MOST_TRACKS:
            seen.pop(next(iter(seen)))
        return [*events, *(replace(event, id=now) for event in told)]

    def _told(
        self, moment: _Moment, seen: Seen, base_url: str, service: MusicGeneratorService
    ) -> tuple[list[Event], Seen]:
        track = moment.track
        assert track is not None  # noqa: S101 - its callers looked
        who = caller()
        reader = (seen, base_url, None if who is None else who.key_id)  # links are signed for each caller
        known = moment.told.get(reader)
        if known is None:
            status = service.status_of(track, base_url) if track.finished else {}
            known = events_since(seen, track, status, f"{base_url}/music/tracks/{track.id}")
            moment.told[reader] = known
        return known

    async def _fanout(self, service: MusicGeneratorService) -> _Fanout:
        backend = await service.backend()
        loop = asyncio.get_running_loop()
        known = self._fanouts.get(loop)
        if known is not None and known[0] is backend:
            return known[1]
        if known is not None:
            known[1].close()
        fanout = _Fanout(backend, loop)
        self._fanouts[loop] = (backend, fanout)
        return fanout


async def _ended_since(backend: Backend, last: str | None) -> list[Track]:
    # Tracks that ended since an event of the feed, the earliest first.
    if last is None or not _MOMENT.fullmatch(last):
        return []
    try:
        since = datetime.fromtimestamp(int(last) / 1000, timezone.utc) - timedelta(seconds=CLOCKS_S)
    except (OverflowError, ValueError, OSError):
        return []
    return await asyncio.to_thread(backend.store.ended_since, since, MOST_MISSED, owner=seen_owner())
