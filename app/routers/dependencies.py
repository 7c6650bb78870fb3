"""What routes are handed: the service, the address clients see, and parts of paths."""

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, Path, Request
from pydantic import AfterValidator
from starlette.convertors import Convertor, register_url_convertor
from starlette.types import Scope
from structlog.contextvars import get_contextvars

from app.errors import ClipNotFound, ComparisonNotFound, FinetuneNotFound, GroupNotFound, TrackNotFound
from app.services.clips import Clips
from app.services.comparing import Comparisons
from app.services.finetunes import Finetunes
from app.services.generator import MusicGeneratorService
from app.services.groups import Groups

#: `name`, `name:port`, `[::1]:port`; anything else in a Host header is not used.
_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_TRACK_ID = re.compile(r"track_[0-9a-f]{1,64}")
_GROUP_ID = re.compile(r"group_[0-9a-f]{1,64}")
_FINETUNE_ID = re.compile(r"finetune_[0-9a-f]{1,64}")
_CLIP_ID = re.compile(r"clip_[0-9a-f]{1,64}")
_COMPARISON_ID = re.compile(r"comparison_[0-9a-f]{1,64}")


class ServiceOnDemand:
    """Makes the service when it is first asked for, so that importing the application makes none."""

    def __init__(self, make: Callable[[], MusicGeneratorService]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._service: MusicGeneratorService | None = None

    def __call__(self) -> MusicGeneratorService:
        """The one service of the application."""
        if self._service is None:
            with self._making:
                if self._service is None:
                    self._service = self._make()
        return self._service


async def service_of(request: Request) -> MusicGeneratorService:
    """The application's service. A coroutine, because FastAPI runs plain functions in a thread."""
    return request.app.state.service()  # type: ignore[no-any-return]  # state is untyped


async def groups_of(service: Annotated[MusicGeneratorService, Depends(service_of)]) -> Groups:
    """What can be done with many tracks; it holds nothing, so each request has its own."""
    return Groups(service)


async def comparisons_of(service: Annotated[MusicGeneratorService, Depends(service_of)]) -> Comparisons:
    """What can be done with comparisons; it holds nothing, so each request has its own."""
    return Comparisons(service)


async def finetunes_of(service: Annotated[MusicGeneratorService, Depends(service_of)]) -> Finetunes:
    """What can be done with fine-tunes; it holds nothing, so each request has its own."""
    return Finetunes(service)


async def clips_of(service: Annotated[MusicGeneratorService, Depends(service_of)]) -> Clips:
    """What can be done with clips; it holds nothing, so each request has its own."""
    return Clips(service)


async def trace_of(request: Request) -> dict[str, str | None]:
    """Where a request came from, for the audit log: its address and its id."""
    return {
        "address": request.client.host[:64] if request.client else None,
        "request_id": get_contextvars().get("request_id"),
    }


async def audit_of(
    service: Annotated[MusicGeneratorService, Depends(service_of)],
    trace: Annotated[dict[str, str | None], Depends(trace_of)],
) -> Callable[[str, str], Awaitable[None]]:
    """Writes down that something was done to something; nothing where no keys are asked for."""

    async def write_down(event: str, subject: str) -> None:
        access = (await service.backend()).access
        if access is not None:
            await asyncio.to_thread(access.write_down, event, subject, **trace)

    return write_down


async def base_url_of(request: Request) -> str:
    """Address of the service as the client sees it, without a slash at the end."""
    return request.app.state.public_url or base_url(request.scope)


def base_url(scope: Scope) -> str:
    """Address that a request was sent to: "https://music.example.org", the mount path included."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    name, port = scope.get("server") or ("localhost", None)
    return _base_url(scope["scheme"], host, name, port, scope.get("root_path", ""))


@lru_cache(maxsize=256)
def _base_url(scheme: str, host: bytes, name: str, port: int | None, root_path: str) -> str:
    own = name if port is None else f"{name}:{port}"
    authority = host.decode("ascii") if _HOST.fullmatch(host) else own
    return f"{scheme}://{authority}{root_path.rstrip('/')}"


def known_shape(track_id: str) -> str:
    """The id as it came; `TrackNotFound` if no track can have it, so that the store is never asked."""
    if not _TRACK_ID.fullmatch(track_id):
        raise TrackNotFound(track_id)
    return track_id


def known_group(group_id: str) -> str:
    """The id as it came; `GroupNotFound` if no group can have it."""
    if not _GROUP_ID.fullmatch(group_id):
        raise GroupNotFound(group_id)
    return group_id


def known_comparison(comparison_id: str) -> str:
    """The id as it came; `ComparisonNotFound` if no comparison can have it."""
    if not _COMPARISON_ID.fullmatch(comparison_id):
        raise ComparisonNotFound(comparison_id)
    return comparison_id


def known_finetune(finetune_id: str) -> str:
    """The id as it came; `FinetuneNotFound` if no fine-tune can have it."""
    if not _FINETUNE_ID.fullmatch(finetune_id):
        raise FinetuneNotFound(finetune_id)
    return finetune_id


def known_clip(clip_id: str) -> str:
    """The id as it came; `ClipNotFound` if no clip can have it."""
    if not _CLIP_ID.fullmatch(clip_id):
        raise ClipNotFound(clip_id)
    return clip_id


class _Anything(Convertor[str]):
    """A part of a path that may hold slashes and line breaks: a wrong id is an unknown track, not an unknown page."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """The text as it is."""
        return value

    def to_string(self, value: str) -> str:
        """The text as it is."""
        return value


class _AnythingWithoutDots(_Anything):
    regex = r"[^.]*"


register_url_convertor("anything", _Anything())
register_url_convertor("dotless", _AnythingWithoutDots())

Service = Annotated[MusicGeneratorService, Depends(service_of)]
Trace = Annotated[dict[str, str | None], Depends(trace_of)]
Audit = Annotated[Callable[[str, str], Awaitable[None]], Depends(audit_of)]
BaseUrl = Annotated[str, Depends(base_url_of)]
TrackId = Annotated[
    str,
    Path(description="Name of the track.", examples=["track_a1b2c3d4e5f60718"]),
    AfterValidator(known_shape),  # its error is no ValueError, so it is answered as what it is: 404
]
GroupId = Annotated[
    str,
    Path(description="Name of the group.", examples=["group_a1b2c3d4e5f60718"]),
    AfterValidator(known_group),
]
ComparisonId = Annotated[
    str,
    Path(description="Name of the comparison.", examples=["comparison_a1b2c3d4e5f60718"]),
    AfterValidator(known_comparison),
]
ServiceGroups = Annotated[Groups, Depends(groups_of)]
ServiceComparisons = Annotated[Comparisons, Depends(comparisons_of)]
FinetuneId = Annotated[
    str,
    Path(description="Name of the fine-tune.", examples=["finetune_a1b2c3d4e5f60718"]),
    AfterValidator(known_finetune),
]
ServiceFinetunes = Annotated[Finetunes, Depends(finetunes_of)]
ClipId = Annotated[
    str,
    Path(description="Name of the clip.", examples=["clip_a1b2c3d4e5f60718"]),
    AfterValidator(known_clip),
]
ServiceClips = Annotated[Clips, Depends(clips_of)]
