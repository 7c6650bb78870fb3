"""Finetunes: models taught from files, as clients ask for them."""

import asyncio
from collections.abc import Sequence

from app.errors import FinetuneNotFound, InvalidField, NameTaken, printable
from app.models.finetune import Finetune
from app.models.sent import SentFile
from app.models.track import Status
from app.services.access import may_see, owner, seen_owner
from app.services.generator import MusicGeneratorService
from app.services.styles import TUNED_NAME, style_names
from app.utils.chance import random_token
from app.utils.seeds import MAX_SEED, new_seed
from app.utils.sniffing import HEAD_BYTES, sound_format

#: Most files of one request.
MOST_FILES = 500
#: What the files begin with that may be sent.
_MIDI, _ZIP = b"MThd", b"PK\x03\x04"
#: Most steps of training.
MOST_STEPS = 20_000


class Finetunes:
    """What can be done with fine-tunes. Holds nothing of its own."""

    def __init__(self, service: MusicGeneratorService) -> None:
        self._service = service

    async def ask(
        self,
        name: str,
        files: Sequence[SentFile],
        *,
        base: str = "composer",
        style: str | None = None,
        strength: float = 0.8,
        seed: int | None = None,
        steps: int | None = None,
        shared: bool = False,
    ) -> Finetune:
        """Accept a fine-tune; it is durable when this returns. `shared` lets other keys make music with it.

        `InvalidField`, `ModelNotReady`, `LicenceRefused`, `NameTaken`, `Busy`, `StorageFailed`.
        """
        if not TUNED_NAME.fullmatch(name):
            raise InvalidField("name", "must be 1 to 40 of a-z, 0-9 and '-', beginning with a letter or a digit")
        backend = await self._service.backend()
        row = backend.models.teachable(base)
        if not 0 <= strength <= 1:
            raise InvalidField("strength", f"must be 0 to 1, got {strength:g}")
        if style is not None and style not in style_names():
            raise InvalidField("style", f"must be one of {', '.join(style_names())}")
        if not 1 <= len(files) <= MOST_FILES:
            raise InvalidField("files", f"must be 1 to {MOST_FILES} files, got {len(files)}")
        if seed is not None and not 0 <= seed <= MAX_SEED:
            raise InvalidField("seed", f"must be a whole number from 0 to {MAX_SEED}")
        composes = row.engine == "composer"
        if steps is not None and (composes or not 1 <= steps <= MOST_STEPS):
            allowed = f"must be 1 to {MOST_STEPS}" if not composes else f"is not for {row.name}, which counts"
            raise InvalidField("steps", allowed)
        if style is not None and not composes:
            raise InvalidField("style", f"is not for {row.name}; only the composer has styles")
        if backend.queue.load(row.name).elsewhere:  # a worker has what it needs
            backend.models.check_licence(row)
        else:
            await asyncio.to_thread(backend.models.check, row)
        finetune = Finetune(
            id=f"finetune_{random_token()}",
            name=name,
            base=row.name,
            style=style,
            strength=strength,
            seed=new_seed() if seed is None else seed,
            steps=steps,
            files=tuple(printable(file.name, 200) for file in files),
            created_at=backend.clock.now(),
            owner=owner(),
            shared=shared,
        )
        await asyncio.to_thread(_check, files, composes)
        try:
            return await asyncio.to_thread(backend.finetuner.submit, finetune, [file.content for file in files])
        except NameTaken as taken:
            if seen_owner() is None or await self._sees(taken.finetune_id):
                raise
            raise NameTaken(name, None) from None

    async def get(self, finetune_id: str) -> Finetune:
        """A fine-tune as it now is. `FinetuneNotFound`, also for one of another key, `StorageFailed`."""
        backend = await self._service.backend()
        finetune = await asyncio.to_thread(backend.finetuner.get, finetune_id)
        if not may_see(finetune.owner):
            raise FinetuneNotFound(finetune_id)
        return finetune

    async def page(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20
    ) -> tuple[tuple[Finetune, ...], str | None]:
        """Fine-tunes that the caller sees, newest first, and where the next page begins.

        `InvalidField` for a strange cursor.
        """
        backend = await self._service.backend()
        return await asyncio.to_thread(
            backend.finetuner.page, status=status, cursor=cursor, limit=limit, owner=seen_owner()
        )

    async def cancel(self, finetune_id: str) -> Finetune:
        """End the work on one. Twice is once. `FinetuneNotFound`, `FinetuneAlreadyFinished`."""
        backend = await self._service.backend()
        await self.get(finetune_id)
        return await asyncio.to_thread(backend.finetuner.cancel, finetune_id)

    async def delete(self, finetune_id: str) -> None:
        """Remove one with what was learned; work on it is ended first. `FinetuneNotFound`, `StorageFailed`."""
        backend = await self._service.backend()
        await self.get(finetune_id)
        await asyncio.to_thread(backend.finetuner.delete, finetune_id)

    async def _sees(self, finetune_id: str) -> bool:
        try:
            await self.get(finetune_id)
        except FinetuneNotFound:
            return False
        return True


def _check(files: Sequence[SentFile], midi: bool) -> None:
    """`InvalidField` unless one of the files may be something to learn from; each is left at its beginning."""
    for file in files:
        head = file.content.read(HEAD_BYTES)
        file.content.seek(0)
        if head.startswith(_ZIP) or (head.startswith(_MIDI) if midi else sound_format(head) is not None):
            return
    wanted = "MIDI files (.mid)" if midi else "recordings with captions"
    raise InvalidField("files", f"must be {wanted}, or ZIP files of such; none of these is either")
