"""What every request passes through, as pure ASGI: proxies, request ids, logs, the error net, the body limit.

Rule: the status route is asked thousands of times a second, so nothing here does more than it must.
"""

import random
import re
import time
from collections.abc import Callable
from typing import Any

import structlog
from fastapi import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, get_contextvars, reset_contextvars, unbind_contextvars
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.routers.problems import UNEXPECTED
from app.utils.chance import random_bits
from app.utils.logs import set_up_logs

log = structlog.get_logger()

#: Largest body of a request in bytes.
BODY_LIMIT_BYTES = 65_536
#: The same for calls that take many wishes or plans, by the end of their path.
LARGER_LIMITS_BYTES = {"/music/batch": 2_097_152, "/music/compare": 2_097_152}

#: Calls that take files, by the end of their path.
UPLOADS = ("/music/finetunes", "/music/clips")

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
#: Hears method, route, status and seconds of an answer.
Answered = Callable[[str, str, int, float], None]
#: Where a shortcut notes in the scope which route's answer it gave.
SHORTCUT = "music.shortcut"
#: Stands for paths of no route, of which anybody can invent as many as he likes; likewise for methods.
NO_ROUTE = "other"
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})


class ForwardedHeaders:
    """Believes the X-Forwarded-* headers of trusted proxies, and of nobody else.

    `trusted` lists addresses and networks, comma-separated; `*` trusts everyone.
    """

    def __init__(self, app: ASGIApp, trusted: str) -> None:
        self.app = app
        # It takes care of X-Forwarded-Proto and X-Forwarded-For, and knows how to read the list.
        self.scheme_and_client = ProxyHeadersMiddleware(app, trusted)  # type: ignore[arg-type]  # its own ASGI types
        self.trusted = self.scheme_and_client.trusted_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on as the client sent it to the proxy."""
        client = scope.get("client")
        if scope["type"] == "http" and client and client[0] in self.trusted:
            hosts = [value for name, value in scope["headers"] if name == b"x-forwarded-host"]
            if hosts:
                # The last is the nearest proxy's word; those before it are whatever came in.
                host = hosts[-1].rsplit(b",", 1)[-1].strip()
                scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"host"] + [(b"host", host)]
        await self.scheme_and_client(scope, receive, send)  # type: ignore[arg-type]


class RequestLog:
    """Gives every request an id, which its answer and all its log lines carry, and logs it.

    Successful reads are logged at debug, everything else at info.
    """

    def __init__(self, app: ASGIApp, level: str, form: Any, answered: Answered | None = None) -> None:
        """`answered` hears method, route, status and seconds of each answer."""
        self.app = app
        self.answered = answered
        # Layers are made with the first request or the lifespan, so importing the application configures nothing.
        set_up_logs(level, form)
        self.logs_reads = level == "debug"
        # Ids need not be secret, and asking the system for chance takes a tenth of a short request.
        self._dice = random.Random(random_bits(64))  # noqa: S311

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its id."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = self._request_id(scope)
        name = request_id.decode("ascii")
        status = 500

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            await send(message)

        before = bind_contextvars(request_id=name)
        began = time.perf_counter()
        try:
            await self.app(scope, receive, send_named)
        finally:
            took_s = time.perf_counter() - began
            if self.logs_reads or status >= 400 or scope["method"] not in _BODILESS:
                self._log(scope, status, took_s)
            if self.answered is not None:
                self.answered(_known_method(scope["method"]), _route_of(scope), status, took_s)
            reset_contextvars(**before)
            unbind_contextvars("key", "track_id")  # the gate, or a route, may have bound them

    def _request_id(self, scope: Scope) -> bytes:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                return bytes(value)
        return b"%016x" % self._dice.getrandbits(64)

    def _log(self, scope: Scope, status: int, seconds: float) -> None:
        quiet = status < 400 and scope["method"] in _BODILESS
        facts: dict[str, Any] = {"method": scope["method"], "path": scope["path"], "status": status}
        track_id = scope.get("path_params", {}).get("track_id") or get_contextvars().get("track_id")
        if track_id:
            facts["track_id"] = track_id
        (log.debug if quiet else log.info)("request", **facts, milliseconds=round(seconds * 1000, 2))


def _known_method(method: str) -> str:
    return method if method in _METHODS else NO_ROUTE


def _route_of(scope: Scope) -> str:
    """The path of a route with the names of what varies in it, so that there are few of them."""
    shortcut = scope.get(SHORTCUT)
    if shortcut is not None:
        return str(shortcut)
    return getattr(scope.get("route"), "path_format", NO_ROUTE)


class ErrorNet:
    """Logs what nobody foresaw, whole, and answers it with one calm line. Inside CORS, so that browsers may read it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; catch what falls."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, send_watched)
        except Exception:
            log.exception("unexpected error", method=scope["method"], path=scope["path"])
            if started:
                raise  # half an answer is out: the server must cut the connection
            await JSONResponse({"detail": UNEXPECTED}, 500)(scope, receive, send)


class BodyLimit:
    """Answers 413 to a route that reads a body larger than `limit_bytes`, without reading it all.

    The HTTPException is raised where the body is read: FastAPI answers it there, and routes that read none don't care.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int = BODY_LIMIT_BYTES, upload_bytes: int = BODY_LIMIT_BYTES) -> None:
        """`upload_bytes` is the limit of calls that take files."""
        self.app = app
        self.limit_bytes = limit_bytes
        self.larger_bytes = {**LARGER_LIMITS_BYTES, **dict.fromkeys(UPLOADS, upload_bytes)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body counted."""
        if scope["type"] != "http" or scope["method"] in _BODILESS:
            await self.app(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        size = int(announced) if announced.isdigit() and len(announced) < 20 else 0
        larger = (limit for end, limit in self.larger_bytes.items() if scope["path"].endswith(end))
        limit_bytes = next(larger, self.limit_bytes)
        received = 0

        async def receive_counted() -> Message:
            nonlocal received
            if size > limit_bytes:
                raise _too_large(limit_bytes)
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit_bytes:
                raise _too_large(limit_bytes)
            return message

        await self.app(scope, receive_counted, send)


def _too_large(limit_bytes: int) -> HTTPException:
    # The rest of the body is still on its way: the connection cannot be used again.
    return HTTPException(413, f"The body is too large: at most {limit_bytes} bytes", {"Connection": "close"})
