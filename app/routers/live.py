"""Tracks as they happen: Server-Sent Events of one, and of all; and the sound of one while it is made."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from starlette.types import Message, Receive, Scope, Send

from app.models.track import FORMS
from app.routers.dependencies import BaseUrl, Service, TrackId
from app.routers.problems import answers
from app.routers.ranged import ReadyResponse
from app.services.following import STREAM_FORMS, BrokenOff, Event, Following, Seen, Sound, Streaming

router = APIRouter(prefix="/music", tags=["live"])

log = logging.getLogger(__name__)

#: Seconds between pings, which keep proxies from closing a connection that is silent.
PING_S = 15
#: Seconds that a client may read nothing before it is let go; it comes back with the id of what it saw last.
STALLED_S = 60.0

StreamForm = Annotated[
    Literal["mp3", "wav"],
    Query(
        alias="format",
        description="MP3 at 256 kbit/s, or WAV of 24 bits, whose header says the length.",
        examples=["mp3"],
    ),
]

LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        max_length=64,
        description="`id` of the last event seen; `EventSource` sends it by itself when it comes back.",
        examples=["rendering.42.plan"],
    ),
]

_TRACK_EXAMPLE = """\
event: stage
id: rendering.8.plan
data: {"track_id":"track_a1b2c3d4e5f60718","stage":"rendering","progress":8,"status":"processing"}

event: progress
id: rendering.42.plan
data: {"track_id":"track_a1b2c3d4e5f60718","stage":"rendering","progress":42,"status":"processing"}

"""


def _stream_of_events(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _TRACK_EXAMPLE}},
    }


@router.get(
    "/tracks/{track_id:anything}/events",
    response_class=Response,
    responses={
        200: _stream_of_events(
            "Events `stage`, `progress`, `plan`, `preview` (it can be heard, at its `stream_url`), and one of "
            "`completed`, `failed`, `cancelled` and `removed` at the end"
        ),
        204: {"description": "The client has seen the end; `EventSource` stops"},
        **answers(404, 422, 503),
    },
    summary="Follow a track live",
)
async def events(track_id: TrackId, request: Request, base_url: BaseUrl, last: LastEventId = None) -> Response:
    """Server-Sent Events. Each has `track_id`, `stage`, `progress` and `status`; the last holds the whole status."""
    following: Following = request.app.state.following
    opened = await following.open(track_id, Seen.read(last), base_url)
    return Response(status_code=204) if opened is None else _answer(opened)


@router.get(
    "/events",
    response_class=Response,
    responses={200: _stream_of_events("The events of every track, without end"), **answers(422, 503)},
    summary="Follow all tracks live",
)
async def all_events(request: Request, base_url: BaseUrl, last: LastEventId = None) -> Response:
    """Server-Sent Events of all tracks: those in work as they stand, then whatever happens.

    Whoever comes back with `Last-Event-ID` is first told which tracks ended meanwhile; one may be told twice.
    """
    following: Following = request.app.state.following
    return _answer(following.feed(last, base_url))


def _sound_bodies() -> dict[str, Any]:
    return {
        "description": "The music from its beginning, as it is made; of a finished track, its file",
        "content": {FORMS[form]: {"schema": {"type": "string", "format": "binary"}} for form in STREAM_FORMS},
    }


@router.get(
    "/tracks/{track_id:anything}/stream",
    response_class=Response,
    responses={200: _sound_bodies(), **answers(404, 409, 422, 503)},
    summary="Listen while it is made",
)
async def stream(track_id: TrackId, request: Request, service: Service, form: StreamForm = "mp3") -> Response:
    """Chunked, from the beginning, however late. It answers once there is sound, and ends with the music.

    The composer can be heard a fraction of a second after the POST; a loop, and what a model makes, once it is
    finished. The gain is the one foretold for the master: where that turns out to be more than 1 dB off, the record's
    `warnings` say so. A track that failed or was cancelled is 409; one that fails while it is heard breaks the
    connection off.
    """
    streaming: Streaming = request.app.state.streaming
    sound = await _while_connected(request, streaming.open(service, track_id, form))
    return Response() if sound is None else _Sound(sound)


async def _while_connected(request: Request, opening: Coroutine[Any, Any, Sound]) -> Sound | None:
    """What was asked for; None once nobody is there to get it, however long it would have taken."""
    tasks = asyncio.create_task(opening), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return tasks[0].result() if tasks[0].done() else None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class _Sound(ReadyResponse):
    """Sent as it comes. Where it cannot go on, the connection is cut: the client must not take it for the end."""

    def __init__(self, sound: Sound) -> None:
        headers = {"Cache-Control": "no-store", "Accept-Ranges": "none", "X-Accel-Buffering": "no"}
        headers["Content-Type"] = sound.media_type
        if sound.size is not None:
            headers["Content-Length"] = str(sound.size)
        super().__init__(sound.pieces, 200, headers)

    async def stream_response(self, send: Send) -> None:
        try:
            await super().stream_response(send)
        except BrokenOff as error:
            log.warning("A stream was broken off: %s", error)


def _answer(happening: AsyncIterator[list[Event]]) -> Response:
    return _Events(happening)


class _Events(Response):
    """A stream of events that is always brought to an end, also where the server stops."""

    def __init__(self, happening: AsyncIterator[list[Event]]) -> None:
        super().__init__()
        self._happening = happening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from sse_starlette import EventSourceResponse  # loaded when it is first asked for

        ended = False

        async def watched(message: Message) -> None:
            nonlocal ended
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        answer = EventSourceResponse(_written(self._happening), ping=PING_S, send_timeout=STALLED_S, sep="\n")
        await answer(scope, receive, watched)
        if not ended:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _written(happening: AsyncIterator[list[Event]]) -> AsyncIterator[bytes]:
    async for happened in happening:
        yield b"".join(map(_text, happened))


def _text(event: Event) -> bytes:
    data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {event.name}\nid: {event.id}\ndata: {data}\n\n".encode()
