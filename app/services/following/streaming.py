"""Streaming: a track's sound as it is made, from its beginning, for as many as listen; later from the finished file.

Segments lie in the file store, so any node serves what any worker makes. Nothing works for a listener but his own
request: one who goes away leaves nothing behind.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from app.errors import Busy, NothingToHear, StorageFailed, TrackNotFound
from app.models.audio import SAMPLE_RATE
from app.models.track import FORMS, Track
from app.services.following.fanout import Reader
from app.services.following.following import Following
from app.services.generator import MusicGeneratorService
from app.services.storage.segments import Segments, segments_of

#: Forms that can be listened to.
STREAM_FORMS = ("mp3", "wav")

#: Seconds that somebody waits for the first sound of a track that waits itself, or whose engine gives nothing early.
PATIENCE_S = 120.0
#: Seconds without a further segment or any progress after which a stream has broken off: its worker is gone, and no
#: other took over. A model on a processor may take minutes for a segment.
BROKEN_S = 60.0
#: Seconds between looks at a track of which no news comes.
GLANCE_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Sound:
    """A track's sound from its beginning, ready to be sent."""

    media_type: str
    pieces: AsyncIterator[bytes]
    #: Bytes of the whole; None while nobody knows.
    size: int | None = None


class BrokenOff(Exception):
    """A stream that had begun cannot go on."""


class Streaming:
    """Sound of tracks."""

    def __init__(self, following: Following) -> None:
        self._following = following

    async def open(self, service: MusicGeneratorService, track_id: str, form: str) -> Sound:
        """The sound of a track in a form of `STREAM_FORMS`; returns once there is some to send.

        `TrackNotFound`; `NothingToHear` where it failed or was cancelled; `Busy` where it takes too long to begin.
        """
        track = await service.get_track(track_id)
        if not track.finished:
            backend = await service.backend()
            segments = Segments(backend.files, track_id, form)
            await asyncio.to_thread(segments.ask)
            listener = _Listener(service, self._following, segments, segments_of(track.duration * SAMPLE_RATE))
            first, track = await listener.first()
            if first is not None:
                return Sound(media_type=FORMS[form], pieces=listener.pieces(first))
        _check_sounds(track)
        stored = await service.open_file(track_id, form)
        return Sound(media_type=stored.media_type, pieces=stored.stream(0, stored.size), size=stored.size)


class _Listener:
    """One who listens to the segments of a track."""

    def __init__(self, service: MusicGeneratorService, following: Following, segments: Segments, count: int) -> None:
        self._service = service
        self._following = following
        self._segments = segments
        self._count = count

    async def first(self) -> tuple[bytes | None, Track]:
        """The first segment, or None where the track came to its end before; the track as it stands."""
        try:
            return await asyncio.wait_for(self._wait(0), PATIENCE_S)
        except asyncio.TimeoutError:
            raise Busy(
                "Nothing of the track can be heard yet; listen to its events, and ask again at `preview`",
                retry_after_s=10,
            ) from None

    async def pieces(self, first: bytes) -> AsyncIterator[bytes]:
        """All segments from the first on. `BrokenOff`, which ends a response that has begun."""
        yield first
        for number in range(1, self._count):
            try:
                piece, track = await self._next(number)
            except (asyncio.TimeoutError, TrackNotFound):
                raise BrokenOff(f"Segment {number} of {self._segments.track_id} never came") from None
            except StorageFailed as error:
                raise BrokenOff(f"{self._segments.track_id} at segment {number}: {error}") from error
            if piece is None:
                raise BrokenOff(f"{self._segments.track_id} ended at segment {number}: {track.error or track.stage}")
            yield piece

    async def _next(self, number: int) -> tuple[bytes | None, Track]:
        track = await self._service.get_track(self._segments.track_id)
        while True:
            progress = track.progress
            try:
                return await asyncio.wait_for(self._wait(number), BROKEN_S)
            except asyncio.TimeoutError:
                track = await self._service.get_track(self._segments.track_id)
                if track.progress <= progress:
                    raise

    async def _wait(self, number: int) -> tuple[bytes | None, Track]:
        piece = await self._segments.read(number)
        track = await self._service.get_track(self._segments.track_id)
        if piece is not None:
            return piece, track
        async with self._following.reading(track.id) as reader:
            while True:
                # Looked for after it was asked how the track stands: the last of it is there before that is told.
                track = await self._service.get_track(track.id)
                piece = await self._segments.read(number)
                if piece is not None or track.finished:
                    return piece, track
                await self._pause(reader, track)

    async def _pause(self, reader: Reader, track: Track) -> None:
        # Until there may be something new. Before a track can be heard its news says so.
        reader.news.clear()
        try:
            await asyncio.wait_for(reader.news.wait(), self._segments.look_s if track.audible else GLANCE_S)
        except asyncio.TimeoutError:
            return


def _check_sounds(track: Track) -> None:
    if track.status == "failed":
        raise NothingToHear(f"Track {track.id} {track.stage}: {track.error or 'there is nothing to hear'}")
