"""Clips: recordings as clients send, look at and remove them."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from app.models.clip import Clip
from app.models.sent import SentFile
from app.services.generator import MusicGeneratorService


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptClip:
    """A clip as it now stands."""

    clip: Clip
    #: When it goes unless it is used; None where it is kept for ever.
    expires_at: datetime | None


class Clips:
    """What can be done with clips. Holds nothing of its own."""

    def __init__(self, service: MusicGeneratorService) -> None:
        self._service = service

    async def take(self, sent: SentFile) -> KeptClip:
        """Keep a recording; it is durable when this returns. `InvalidField`, `Busy`, `StorageFailed`."""
        backend = await self._service.backend()
        clip = await asyncio.to_thread(backend.clips.take, sent.name, sent.content)
        return KeptClip(clip=clip, expires_at=backend.clips.expires_at(clip))

    async def get(self, clip_id: str) -> KeptClip:
        """A clip. `ClipNotFound`, `StorageFailed`."""
        backend = await self._service.backend()
        clip = await asyncio.to_thread(backend.clips.get, clip_id)
        return KeptClip(clip=clip, expires_at=backend.clips.expires_at(clip))

    async def delete(self, clip_id: str) -> None:
        """Remove a clip. `ClipNotFound`, `StorageFailed`."""
        backend = await self._service.backend()
        await asyncio.to_thread(backend.clips.delete, clip_id)
