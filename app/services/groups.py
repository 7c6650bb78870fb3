"""Groups: many tracks asked for at once, followed, stopped and removed as one."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from app.errors import (
    EmptyPrompt,
    Fault,
    GroupAlreadyFinished,
    GroupNotFound,
    InvalidFields,
    MusicError,
    TrackAlreadyFinished,
    TrackNotFound,
)
from app.models.asked import asked_of
from app.models.group import Comparison, Group, GroupKind
from app.models.track import Status, Track
from app.services.access import may_see, owner, room_for
from app.services.engines import Models
from app.services.generator import Backend, MusicGeneratorService, check_webhook, usual_hook
from app.utils.chance import random_token
from app.utils.seeds import variation_seed

#: Tracks that one call may ask for.
MOST_TRACKS = 100
#: Faults that one answer names.
MOST_FAULTS = 100

#: Place in a request: ("plan", "form", 0, "bars").
Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """One track, or some variations of it, as it was asked for."""

    prompt: str
    #: Seconds; None where the plan or the default decides.
    duration: int | None = None
    model: str | None = None
    seed: int | None = None
    #: Explicit fields, as `asked_of` takes them.
    fields: Mapping[str, Any] = field(default_factory=dict)
    #: Tracks to make of it, each with a seed of its own.
    variations: int = 1
    #: −10…10, higher goes first.
    priority: int = 0
    #: Whom to tell once it is finished.
    webhook_url: str | None = None
    #: Where in the request a fault of the wish is, from where it is in the wish.
    place: Callable[[Place], Place] = lambda place: place


@dataclass(frozen=True, kw_only=True, slots=True)
class Together:
    """A group and its tracks as they now stand, in the same order."""

    group: Group
    tracks: tuple[Track, ...]

    @property
    def counts(self) -> dict[Status, int]:
        """How many tracks are of each status."""
        found = Counter(track.status for track in self.tracks)
        return {status: found[status] for status in ("processing", "completed", "failed")}

    @property
    def progress(self) -> int:
        """Mean of the work done in per cent, 0…100; a failed track counts as done. 100 only when all is finished."""
        done = [100 if track.finished else track.progress for track in self.tracks]
        return sum(done) // len(done)

    @property
    def status(self) -> Status:
        """`processing` while one is in work, then `completed` if one is, else `failed`."""
        counts = self.counts
        return "processing" if counts["processing"] else "completed" if counts["completed"] else "failed"


class Groups:
    """What can be done with many tracks. Holds nothing of its own."""

    def __init__(self, service: MusicGeneratorService) -> None:
        self._service = service

    async def ask(self, kind: GroupKind, wishes: Sequence[Wish], webhook_url: str | None = None) -> Together:
        """Accept the tracks of all wishes, or nothing. All are durable when this returns.

        `InvalidFields` with the faults of every wish, `QueueFull`, `Busy`, `StorageFailed`.
        """
        return await self.accept(kind, await self.prepare(wishes), webhook_url=webhook_url)

    async def prepare(self, wishes: Sequence[Wish]) -> list[Track]:
        """The tracks of all wishes, checked and in order; nothing is created. `InvalidFields`, `Busy`."""
        count = 0
        for wish in wishes:
            count += wish.variations
            if count > MOST_TRACKS:
                said = f"one call asks for at most {MOST_TRACKS} tracks, all variations counted"
                raise InvalidFields([Fault(wish.place(("variations",)), said)])
        backend = await self._service.backend()
        tracks: list[Track] = []
        faults: list[Fault] = []
        ahead_s = 0.0
        for wish in wishes:
            try:
                first = await self._prepare_one(wish, wish.seed, ahead_s)
            except EmptyPrompt as error:
                if not wish.place(()):  # it is the request's own prompt
                    raise
                faults.append(Fault(wish.place(("prompt",)), error.detail))
                continue
            except InvalidFields as error:
                faults += (replace(fault, place=wish.place(fault.place)) for fault in error.faults)
                continue
            for number in range(wish.variations):
                track = first
                if number > 0:
                    track = await self._prepare_one(wish, variation_seed(first.seed, number), ahead_s)
                    track = replace(track, seed_named=first.seed_named)
                # A microsecond apart, so that listings, which sort by it, keep their order.
                tracks.append(replace(track, created_at=first.created_at + timedelta(microseconds=len(tracks))))
                ahead_s += _work_s(track, backend.models)
        if faults:
            raise InvalidFields(list(dict.fromkeys(faults))[:MOST_FAULTS])
        return tracks

    async def accept(
        self,
        kind: GroupKind,
        tracks: Sequence[Track],
        comparison: Comparison | None = None,
        webhook_url: str | None = None,
    ) -> Together:
        """Make a group of prepared tracks, and its comparison. `QueueFull`, `InvalidField`, `Busy`, `StorageFailed`."""
        backend = await self._service.backend()
        if webhook_url is not None:
            check_webhook(backend, webhook_url)
        else:
            webhook_url = usual_hook(backend)
        if webhook_url is not None:
            # Each tells of its own end, and so of the group's: those that name nobody tell the same.
            tracks = [replace(track, webhook_url=track.webhook_url or webhook_url) for track in tracks]
        group = Group(
            id=f"group_{random_token()}" if comparison is None else comparison.group_id,
            kind=kind,
            created_at=backend.clock.now(),
            track_ids=tuple(track.id for track in tracks),
            size=len(tracks),
            owner=owner(),
            webhook_url=webhook_url,
        )
        async with room_for(tracks):
            await asyncio.wrap_future(backend.queue.submit_all(tracks, group, comparison))
        return Together(group=group, tracks=tuple(tracks))

    async def get(self, group_id: str) -> Together:
        """A group and its tracks as they now stand. `GroupNotFound`."""
        backend = await self._service.backend()
        group = await asyncio.to_thread(backend.store.group, group_id)
        tracks = () if group is None or not may_see(group.owner) else await _tracks_of(backend, group.track_ids)
        if group is None or not tracks:
            raise GroupNotFound(group_id)
        return Together(group=replace(group, track_ids=tuple(track.id for track in tracks)), tracks=tracks)

    async def cancel(self, group_id: str) -> Together:
        """End the work on all of its tracks; those that are finished stay. Twice is once.

        `GroupNotFound`, `GroupAlreadyFinished`.
        """
        together = await self.get(group_id)
        working = [track.id for track in together.tracks if not track.finished]
        if not working and all(track.stage != "cancelled" for track in together.tracks):
            raise GroupAlreadyFinished(f"Group {group_id} is already finished; it cannot be cancelled")
        await _for_each(working, self._service.cancel_track)
        return await self.get(group_id)

    async def delete(self, group_id: str) -> None:
        """Remove its tracks with their files, and so the group. `GroupNotFound`."""
        together = await self.get(group_id)
        await _for_each(together.group.track_ids, self._service.delete_track)

    async def _prepare_one(self, wish: Wish, seed: int | None, ahead_s: float) -> Track:
        try:
            return await self._service.prepare(
                wish.prompt,
                wish.duration,
                model=wish.model,
                seed=seed,
                asked=asked_of(wish.fields),
                ahead_s=ahead_s,
                priority=wish.priority,
                webhook_url=wish.webhook_url,
            )
        except (EmptyPrompt, InvalidFields):
            raise
        except MusicError as error:
            place = wish.place(())
            if place and error.status < 500:  # which of them it is
                error.detail = f"{'.'.join(map(str, place))}: {error.detail}"
            raise


def _work_s(track: Track, models: Models) -> float:
    """Seconds of one worker that a track keeps those after it waiting."""
    row = models.row(track.model)
    return 0.0 if row.capabilities.paced else row.estimate_s(track.duration, track.prompt, track.seed)


async def _tracks_of(backend: Backend, track_ids: Sequence[str]) -> tuple[Track, ...]:
    """Those that there are, in order; from memory, which is ahead of the database, where it has them."""
    known = {track_id: track for track_id in track_ids if (track := backend.queue.get(track_id)) is not None}
    missing = [track_id for track_id in track_ids if track_id not in known]
    if missing:
        known |= await asyncio.to_thread(backend.store.get_all, missing)
    return tuple(known[track_id] for track_id in track_ids if track_id in known)


async def _for_each(track_ids: Iterable[str], do: Callable[[str], Awaitable[object]]) -> None:
    """Do something with all tracks at once, the last first, so that none is begun because one before it ended."""

    async def one(track_id: str) -> None:
        with suppress(TrackNotFound, TrackAlreadyFinished):  # gone or done in this very moment
            await do(track_id)

    await asyncio.gather(*(one(track_id) for track_id in reversed(list(track_ids))))
