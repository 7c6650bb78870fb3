"""The gate: who asks, and whether they may. Only there where a server owner asks for keys.

Rule: what is not said to be open needs a key, so that a new route is closed until somebody opens it.
"""

import re
from collections.abc import Callable
from dataclasses import replace

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from app.errors import KeyRequired, MusicError, ScopeMissing
from app.models.access import KeyScope
from app.routers.problems import answer_music_error
from app.services.access import NOBODY, Access, Caller, acting_as
from app.services.access.links import is_signed
from app.services.generator import MusicGeneratorService

#: What anybody may read: who answers here, what can be asked for, the documentation, the pages themselves.
OPEN = re.compile(
    r"/|/ready|/health(/.*)?|/music/(genres|moods|instruments)?|/docs|/redoc|/openapi\.json|/(docs-assets|studio|static)(/.*)?"
)

_READS = frozenset({"GET", "HEAD"})

#: What a scope is needed for, the first that fits: methods, path, scope.
NEEDED: tuple[tuple[frozenset[str] | None, re.Pattern[str], KeyScope], ...] = (
    (None, re.compile(r"/(admin(/[\s\S]*)?|metrics)"), "admin"),
    (_READS, re.compile(r"[\s\S]*"), "read"),
    (None, re.compile(r"/music/finetunes(/[\s\S]*)?"), "finetune"),
    (frozenset({"DELETE"}), re.compile(r"[\s\S]*"), "delete"),
    (None, re.compile(r"[\s\S]*"), "generate"),
)

#: One who holds a link: it was given by somebody who sees the file, and opens nothing else.
_LINK_HOLDER = Caller(key_id="link", scopes=frozenset({"admin"}))


def is_open(method: str, path: str) -> bool:
    """Whether a request needs no key."""
    return method == "OPTIONS" or (method in _READS and OPEN.fullmatch(path) is not None)


def scope_for(method: str, path: str) -> KeyScope:
    """What a key must be good for."""
    return next(
        scope for methods, paths, scope in NEEDED if (methods is None or method in methods) and paths.fullmatch(path)
    )


class Gate:
    """Lets nobody past without a key that is good for the request, or a link to the very file."""

    def __init__(self, app: ASGIApp, service: Callable[[], MusicGeneratorService]) -> None:
        self.app = app
        self.service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on on behalf of its caller, or answer 401 or 403."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/")) or "/"
        try:
            who = await self._caller(scope, path)
        except MusicError as error:
            await (await answer_music_error(Request(scope), error))(scope, receive, send)
            return
        if who.key_id:
            bind_contextvars(key=who.key_id)  # the log of requests says it too, and lets go of it
        with acting_as(who):
            await self.app(scope, receive, send)

    async def _caller(self, scope: Scope, path: str) -> Caller:
        if is_open(scope["method"], path):
            return NOBODY
        access = (await self.service().backend()).access
        if access is None:
            raise KeyRequired  # a service that was handed in without keys opens nothing
        if scope["method"] in _READS and is_signed(scope.get("query_string", b"")):
            access.links.check(path, scope["query_string"])
            return replace(_LINK_HOLDER, sign=access.links.sign)
        who = await _owner_of(scope, access)
        if not who.may(needed := scope_for(scope["method"], path)):
            raise ScopeMissing(needed)
        return who


async def _owner_of(scope: Scope, access: Access) -> Caller:
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return await access.caller_of(value.decode("latin-1").strip())
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return await access.caller_of(value[7:].decode("latin-1").strip())
    raise KeyRequired
