"""The contract's two calls answered before any routing, which would take most of the time.

Rule: a shortcut gives the answers that its route would give, and leaves to the route whatever it cannot read.
"""

import json
from collections.abc import Callable

from pydantic import ValidationError
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import MusicError
from app.models.api import GenerateRequest
from app.routers.accepting import accept
from app.routers.dependencies import base_url
from app.routers.layers import BODY_LIMIT_BYTES, SHORTCUT
from app.routers.problems import answer_music_error
from app.services.generator import MusicGeneratorService


class Shortcuts:
    """Polls of tracks in memory, and requests for music that can be read."""

    GENERATE = "/music/generate"
    STATUS = "/music/status/"

    def __init__(self, app: ASGIApp, service: Callable[[], MusicGeneratorService], public_url: str | None) -> None:
        self.app = app
        self.service = service
        self.public_url = public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] == "http":
            if scope["method"] == "GET" and scope["path"].startswith(self.STATUS):
                if await self._follow(scope, send):
                    return
            elif scope["method"] == "POST" and scope["path"] == self.GENERATE and _small_json(scope):
                heard: list[Message] = []
                if await self._generate(scope, receive, send, heard):
                    return
                receive = _again(heard, receive)
        await self.app(scope, receive, send)

    async def _follow(self, scope: Scope, send: Send) -> bool:
        try:
            body = self.service().status_body(scope["path"][len(self.STATUS) :], self._base_url(scope))
        except LookupError:  # not in memory; perhaps in the store
            return False
        scope[SHORTCUT] = "/music/status/{track_id}"
        await _answer(send, body)
        return True

    async def _generate(self, scope: Scope, receive: Receive, send: Send, heard: list[Message]) -> bool:
        body = b""
        while not heard or heard[-1].get("more_body"):
            heard.append(await receive())
            body += heard[-1].get("body", b"")
            if heard[-1]["type"] != "http.request" or len(body) > BODY_LIMIT_BYTES:
                return False  # the client went away, or sends too much
        try:
            asked = GenerateRequest.model_validate_json(body)
        except ValidationError:  # the route finds the same, and says it well
            return False
        scope[SHORTCUT] = self.GENERATE
        try:
            answer, location = await accept(asked, self.service(), self._base_url(scope))
        except MusicError as error:
            await (await answer_music_error(Request(scope), error))(scope, receive, send)
        else:
            await _answer(send, _json(answer), (b"location", location.encode("latin-1")))
        return True

    def _base_url(self, scope: Scope) -> str:
        return self.public_url or base_url(scope)


def _small_json(scope: Scope) -> bool:
    """Whether the body is announced as JSON, and as no longer than it may be."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"")
    return (
        headers.get(b"content-type") == b"application/json"
        and length.isdigit()
        and len(length) < 20
        and int(length) <= BODY_LIMIT_BYTES
    )


def _again(heard: list[Message], receive: Receive) -> Receive:
    """What was heard so far, once more, and then what follows."""
    messages = iter(heard)

    async def receive_again() -> Message:
        for message in messages:
            return message
        return await receive()

    return receive_again


def _json(answer: dict[str, object]) -> bytes:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


async def _answer(send: Send, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    start = [*headers, (b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": start})
    await send({"type": "http.response.body", "body": body})
