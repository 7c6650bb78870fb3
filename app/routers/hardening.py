"""Layers for servers that strangers reach: names they answer to, headers for browsers, slow senders.

Only there where a server owner turns them on.
"""

import asyncio
import time

from fastapi import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: For answers that are no pages of ours: should a browser take one for a page, it does nothing.
_NOTHING = b"default-src 'none'; frame-ancestors 'none'; sandbox"

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"cross-origin"),  # music is played on pages of other origins
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class SecurityHeaders:
    """Tells browsers what they must not do with an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and its answer with the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        secure = scope["scheme"] == "https"

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ())]
                names = {name.lower() for name, _ in headers}
                headers += [pair for pair in _HEADERS if pair[0] not in names]
                if b"content-security-policy" not in names and not _is_page(headers):
                    headers.append((b"content-security-policy", _NOTHING))
                if secure:
                    headers.append((b"strict-transport-security", b"max-age=31536000"))
                message["headers"] = headers
            await send(message)

        await self.app(scope, receive, send_guarded)


class AllowedHosts:
    """Answers 400 to requests for another name than its own, so that no answer carries a stranger's address.

    `names` are comma-separated; `*.example.org` stands for every name below. The health checks answer to any.
    """

    def __init__(self, app: ASGIApp, names: str) -> None:
        self.app = app
        wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
        self.exact = frozenset(name for name in wanted if not name.startswith("*."))
        self.endings = tuple(name[1:] for name in wanted if name.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400."""
        if scope["type"] != "http" or scope["path"].startswith(("/health", "/ready")) or self._knows(scope):
            await self.app(scope, receive, send)
            return
        await JSONResponse({"detail": "This server does not answer to that name"}, 400)(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        host = hosts[0].decode("latin-1").lower()
        name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
        return name in self.exact or (bool(self.endings) and name.endswith(self.endings))


class SlowSenders:
    """Answers 408 to one who takes longer over a body than `within_s`, and cuts the connection."""

    def __init__(self, app: ASGIApp, within_s: float) -> None:
        self.app = app
        self.within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body timed."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        until = time.monotonic() + self.within_s
        whole = False

        async def receive_in_time() -> Message:
            nonlocal whole
            if whole:  # what comes now is the end of the connection, which may take its time
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), until - time.monotonic())
            except asyncio.TimeoutError:
                said = f"The body took longer than {self.within_s:g} s"
                raise HTTPException(408, said, {"Connection": "close"}) from None
            whole = not message.get("more_body", False)
            return message

        try:
            await self.app(scope, receive_in_time, send)
        except HTTPException as error:  # a layer read the body, where nobody answers these
            if error.status_code != 408:
                raise
            await JSONResponse({"detail": error.detail}, 408, error.headers)(scope, receive, send)


def _is_page(headers: list[tuple[bytes, bytes]]) -> bool:
    kind = next((value for name, value in headers if name.lower() == b"content-type"), b"")
    return kind.startswith((b"text/html", b"text/css", b"text/javascript", b"application/javascript"))
