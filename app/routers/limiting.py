"""Limits by client and by address. Only there where a server owner sets some.

Rule: the health checks count for nobody: those who watch a server ask often, and must hear when it is busy.
"""

from collections.abc import Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import LimitReached
from app.routers.problems import answer_music_error
from app.services.access import Limits, caller, spending
from app.services.access.limits import Standing
from app.services.generator import MusicGeneratorService


class AddressLimit:
    """Counts every request by its address, before its key is looked at: keys cannot be tried without end."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429."""
        if not _counts(scope):
            await self.app(scope, receive, send)
            return
        standing = await self.limits.ask_address(address_of(scope))
        if standing is None or standing.allowed:
            await self.app(scope, receive, send)
        else:
            await _refuse(standing, scope, receive, send)


class ClientLimits:
    """Counts requests by key, or by address where there is none, and lets what they make count too."""

    def __init__(self, app: ASGIApp, service: Callable[[], MusicGeneratorService], limits: Limits) -> None:
        self.app = app
        self.service = service
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, telling how the client stands, or answer 429."""
        if not _counts(scope):
            await self.app(scope, receive, send)
            return
        who = caller()
        client = who.key_id if who is not None and who.key_id.startswith("key_") else address_of(scope)
        standing = await self.limits.ask_client(client)
        if standing is not None:
            if not standing.allowed:
                await _refuse(standing, scope, receive, send)
                return
            send = _telling(standing, send)
        quota = None if scope["method"] != "POST" else (await self.service().backend()).quota
        if quota is None:
            await self.app(scope, receive, send)
            return
        with spending(quota, client):
            await self.app(scope, receive, send)


def address_of(scope: Scope) -> str:
    """The address that a request came from; of IPv6 the network, which one client has whole."""
    client = scope.get("client")
    address = str(client[0]) if client else "unknown"
    return ":".join(address.split(":")[:4]) if address.count(":") > 3 else address


def _counts(scope: Scope) -> bool:
    return scope["type"] == "http" and not scope["path"].startswith(("/health", "/ready"))


def _telling(standing: Standing, send: Send) -> Send:
    headers = _fields(standing)

    async def send_telling(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *headers]
        await send(message)

    return send_telling


async def _refuse(standing: Standing, scope: Scope, receive: Receive, send: Send) -> None:
    error = LimitReached(f"At most {standing.amount} requests in {standing.window_s} s", standing.wait_s)
    await (await answer_music_error(Request(scope), error))(scope, receive, _telling(standing, send))


def _fields(standing: Standing) -> list[tuple[bytes, bytes]]:
    # As the IETF's draft of RateLimit header fields has them.
    return [
        (b"ratelimit-policy", b'"requests";q=%d;w=%d' % (standing.amount, standing.window_s)),
        (b"ratelimit", b'"requests";r=%d;t=%d' % (standing.left, standing.wait_s)),
    ]
