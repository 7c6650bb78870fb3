"""Following tracks: changes of tracks in, events out, each told once and handed to as many as listen.

An event's id says what its reader has seen by then, so any node can go on from it, also after a restart.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from weakref import WeakKeyDictionary

from app.models.track import Track
from app.services.access import caller, may_see, seen_owner
from app.services.following.events import Event, Seen, events_since
from app.services.following.fanout import MOST_TRACKS, Fanout, FeedReader, Moment, Reader
from app.services.generator import Backend, MusicGeneratorService, live_urls

#: Seconds between looks at a track that moves with the clock.
PACED_S = 1.0
#: Finished tracks told again to one who comes back, and seconds by which clocks of machines may differ.
MOST_MISSED = 200
CLOCKS_S = 2.0

_MOMENT = re.compile(r"[0-9]{1,15}")


class Following:
    """Events of tracks, for as many as want them."""

    def __init__(self, service: Callable[[], MusicGeneratorService]) -> None:
        self._service = service
        self._fanouts: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[Backend, Fanout]] = WeakKeyDictionary()

    async def open(self, track_id: str, seen: Seen, base_url: str) -> AsyncIterator[list[Event]] | None:
        """What happens to a track from what was seen of it on, up to its end; None where the end was seen.

        `TrackNotFound`.
        """
        service = self._service()
        track = await (service.get_track_if_finished if seen.ended else service.get_track)(track_id)
        if track.finished and seen.ended:
            return None
        if seen.ended:  # of another life of the database
            seen = Seen()
        return self._events(service, track_id, seen, base_url)

    async def _events(
        self, service: MusicGeneratorService, track_id: str, seen: Seen, base_url: str
    ) -> AsyncIterator[list[Event]]:
        async with self.reading(track_id) as reader:
            track = await service.get_track(track_id)
            reader.put(Moment(track_id, track))
            while not seen.ended:
                patience_s = PACED_S if track.paced_until is not None else None
                try:
                    await asyncio.wait_for(reader.news.wait(), patience_s)
                except asyncio.TimeoutError:
                    reader.put(Moment(track_id, await service.get_track(track_id)))
                reader.news.clear()
                while reader.backlog and not seen.ended:
                    moment = reader.backlog.popleft()
                    if moment.track is None:
                        yield [Event(name="removed", data={"track_id": track_id}, id=str(seen))]
                        return
                    events, seen = self._told(moment, seen, base_url, service)
                    if events:
                        yield events

    @asynccontextmanager
    async def reading(self, track_id: str) -> AsyncIterator[Reader]:
        """Hand a track's changes to a reader, while inside."""
        fanout = await self._fanout(self._service())
        reader = Reader()
        fanout.join(track_id, reader)
        try:
            yield reader
        finally:
            fanout.leave(track_id, reader)

    async def feed(self, last: str | None, base_url: str) -> AsyncIterator[list[Event]]:
        """What happens to all tracks that the caller sees, without end: first what he missed, and those in work.

        `last` is the id of the last event he saw, if he comes back.
        """
        service = self._service()
        backend = await service.backend()
        fanout = await self._fanout(service)
        reader = FeedReader()
        seen: dict[str, Seen] = {}
        fanout.join_all(reader)
        try:
            for track in await _ended_since(backend, last):
                reader.put(Moment(track.id, track))
            for track in backend.queue.at_work():
                reader.put(Moment(track.id, backend.queue.get(track.id) or track))
            while True:
                while reader.backlog:
                    if events := self._next(reader, seen, base_url, service):
                        yield events
                await reader.news.wait()
                reader.news.clear()
        finally:
            fanout.leave_all(reader)

    def _next(
        self, reader: FeedReader, seen: dict[str, Seen], base_url: str, service: MusicGeneratorService
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
        self, moment: Moment, seen: Seen, base_url: str, service: MusicGeneratorService
    ) -> tuple[list[Event], Seen]:
        track = moment.track
        assert track is not None  # noqa: S101 - its callers looked
        who = caller()
        reader = (seen, base_url, None if who is None else who.key_id)  # links are signed for each caller
        known = moment.told.get(reader)
        if known is None:
            status = service.status_of(track, base_url) if track.finished else {}
            record_url = f"{base_url}/music/tracks/{track.id}"
            stream_url = live_urls(track, base_url)["stream_url"]
            known = events_since(seen, track, status, record_url, stream_url)
            moment.told[reader] = known
        return known

    async def _fanout(self, service: MusicGeneratorService) -> Fanout:
        backend = await service.backend()
        loop = asyncio.get_running_loop()
        known = self._fanouts.get(loop)
        if known is not None and known[0] is backend:
            return known[1]
        if known is not None:
            known[1].close()
        fanout = Fanout(backend.queue, loop)
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
