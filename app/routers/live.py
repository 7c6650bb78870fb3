"""Tracks as they happen: Server-Sent Events of one, and of all."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from starlette.types import Message, Receive, Scope, Send

from app.routers.dependencies import BaseUrl, TrackId
from app.routers.problems import answers
from app.services.following import Event, Following, Seen

router = APIRouter(prefix="/music", tags=["live"])

#: Seconds between pings, which keep proxies from closing a connection that is silent.
PING_S = 15
#: Seconds that a client may read nothing before it is let go; it comes back with the id of what it saw last.
STALLED_S = 60.0

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
            "Events `stage`, `progress`, `plan`, and one of `completed`, `failed`, `cancelled` and `removed` at the end"
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
