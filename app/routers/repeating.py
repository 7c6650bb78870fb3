"""Requests that are safe to repeat: a POST that carries an Idempotency-Key is answered once and for all.

Rule: a request without the header passes untouched.
"""

import asyncio
import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import InvalidField, MusicError, RepeatedTooLate, StorageFailed
from app.routers.dependencies import base_url
from app.routers.layers import LARGER_LIMITS_BYTES, UPLOADS
from app.routers.problems import answer_music_error
from app.services.access.replays import Lost, Replays, noting, occasion
from app.services.generator import MusicGeneratorService, generate_body
from app.services.storage.replays import Replay

_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
#: What makes something.
_MAKES = re.compile(r"/music/(?![\s\S]*/(cancel|vote)$)(?!plan$)[\s\S]*|/admin/keys")
#: Whose answer holds a secret: it is not kept, for the route gives the same again of the same request.
_SECRET = frozenset({"/admin/keys"})
_BOUNDARY = re.compile(rb'boundary="?([^";,]{1,70})')
#: Bytes of a body that are held in memory.
_IN_MEMORY = 1_048_576
#: Headers of an answer that are kept with it.
_KEPT = (b"content-type", b"location")
#: Says that an answer was given before.
_REPLAYED = (b"idempotency-replayed", b"true")


class Repeatable:
    """Answers a request that was answered before as it was; 409 while that is being done, 422 to another body."""

    def __init__(
        self, app: ASGIApp, service: Callable[[], MusicGeneratorService], public_url: str | None, upload_bytes: int
    ) -> None:
        self.app = app
        self.service = service
        self.public_url = public_url
        self.upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on once, and keep its answer."""
        key = _key_of(scope)
        if key is None:
            await self.app(scope, receive, send)
            return
        try:
            if not _KEY.fullmatch(key):
                said = "must be 1 to 255 visible ASCII characters"
                raise InvalidField("Idempotency-Key", said)
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as body:
                asked = await self._read(scope, receive, body)
                if asked is None:  # too large, or its sender went away: nothing will be made of it
                    await self.app(scope, _again(body, receive, whole=False), send)
                    return
                replays = (await self.service().backend()).replays
                if replays is None:
                    raise StorageFailed("This service keeps no answers")
                known = await asyncio.to_thread(replays.begin, key.decode("ascii"), asked)
                if isinstance(known, Lost):
                    await self._tell_again(known, scope, receive, send)
                elif known.status is not None and scope["path"] in _SECRET:
                    await self._answer_anew(known, scope, _again(body, receive, whole=True), send)
                elif known.status is not None:
                    await _send_again(known, send)
                else:
                    await self._answer(replays, known, scope, _again(body, receive, whole=True), send)
        except MusicError as error:
            await (await answer_music_error(Request(scope), error))(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, body: "tempfile.SpooledTemporaryFile[bytes]") -> str | None:
        """SHA-256 of what is asked, the body kept. A form's boundary, which clients draw anew, counts for nothing."""
        digest = hashlib.sha256(f"{scope['method']} {scope['path']}\n".encode("utf-8", "surrogatepass"))
        kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        found = _BOUNDARY.search(kind) if kind.startswith(b"multipart/") else None
        boundary = found[1] if found else b""
        limit_bytes = self.upload_bytes if scope["path"].endswith(UPLOADS) else max(LARGER_LIMITS_BYTES.values())
        read, tail = 0, b""
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            chunk = message.get("body", b"")
            body.write(chunk)
            read += len(chunk)
            if read > limit_bytes:
                return None
            more = message.get("more_body", False)
            tail += chunk
            if boundary:
                tail = tail.replace(boundary, b"")
            keep = len(boundary) - 1 if more and boundary else 0
            cut = len(tail) - keep if keep else len(tail)
            digest.update(tail[: max(cut, 0)])
            tail = tail[max(cut, 0) :]
            if not more:
                return digest.hexdigest()

    async def _answer(self, replays: Replays, replay: Replay, scope: Scope, receive: Receive, send: Send) -> None:
        heard: list[Message] = []

        async def hear(message: Message) -> None:
            heard.append(message)

        token = noting.set(lambda track_id: replays.note(replay, track_id))
        kept = False
        try:
            with _on_occasion_of(replay):
                await self.app(scope, receive, hear)
            status = heard[0]["status"]
            if 200 <= status < 300:
                said = b"" if scope["path"] in _SECRET else b"".join(m.get("body", b"") for m in heard[1:])
                headers = {n.decode("latin-1"): v.decode("latin-1") for n, v in heard[0]["headers"] if n in _KEPT}
                await asyncio.to_thread(replays.keep, replay, status, headers, said.decode())
                kept = True
        finally:
            noting.reset(token)
            if not kept:
                with suppress(StorageFailed):  # the answer stands; the row is given up by itself
                    await asyncio.to_thread(replays.forget, replay)
        for message in heard:
            await send(message)

    async def _answer_anew(self, replay: Replay, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == replay.status:
                message["headers"] = [*message["headers"], _REPLAYED]
            await send(message)

        with _on_occasion_of(replay):
            await self.app(scope, receive, send_marked)

    async def _tell_again(self, lost: Lost, scope: Scope, receive: Receive, send: Send) -> None:
        if lost.group_id is not None:
            raise RepeatedTooLate(lost.group_id)
        track = await self.service().get_track(lost.track_id)
        address = self.public_url or base_url(scope)
        headers = {"Location": f"{address}/music/status/{track.id}", "Idempotency-Replayed": "true"}
        await JSONResponse(generate_body(track, address), headers=headers)(scope, receive, send)


def makes_something(method: str, path: str) -> bool:
    """Whether a request may carry an Idempotency-Key."""
    return method == "POST" and _MAKES.fullmatch(path) is not None


def _key_of(scope: Scope) -> bytes | None:
    if scope["type"] != "http" or not makes_something(scope["method"], scope["path"]):
        return None
    return next((value for name, value in scope["headers"] if name == b"idempotency-key"), None)


@contextmanager
def _on_occasion_of(replay: Replay) -> Iterator[None]:
    token = occasion.set(f"{replay.name} {replay.asked}")
    try:
        yield
    finally:
        occasion.reset(token)


def _again(body: "tempfile.SpooledTemporaryFile[bytes]", receive: Receive, *, whole: bool) -> Receive:
    """The body that was kept, once more; then what follows."""
    body.seek(0)
    told = False

    async def receive_again() -> Message:
        nonlocal told
        if told:
            return await receive()
        chunk = body.read(_IN_MEMORY)
        more = len(chunk) == _IN_MEMORY
        told = not more
        return {"type": "http.request", "body": chunk, "more_body": more or not whole}

    return receive_again


async def _send_again(replay: Replay, send: Send) -> None:
    body = (replay.body or "").encode()
    kept = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (replay.headers or {}).items()]
    headers = [*kept, (b"content-length", b"%d" % len(body)), _REPLAYED]
    await send({"type": "http.response.start", "status": replay.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
