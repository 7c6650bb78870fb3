"""MusicGeneratorService: take a prompt, follow its track, hand over its files."""

import asyncio
import json
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from app.errors import (
    Busy,
    ClipNotFound,
    EmptyPrompt,
    FormNotFound,
    InvalidField,
    TrackNotFinished,
    TrackNotFound,
    printable,
)
from app.models.asked import Asked, AudioPrompted
from app.models.track import FORMS, Status, Track, TrackFile
from app.services.access import (
    Access,
    Quota,
    Replays,
    caller,
    link_to,
    may_see,
    owner,
    room_for,
    seen_owner,
    usual_webhook,
)
from app.services.engines import ModelRow, Models
from app.services.hooks import Hooks
from app.services.jobs.base import JobQueue, QueueLoad
from app.services.jobs.clips import ClipShelf
from app.services.jobs.teaching import Teaching
from app.services.metering import NoTally, Tally
from app.services.planning import PlanningThread, Terms, decide, genres, instrument_names, moods, terms_of
from app.services.storage import AudioFiles, StoredFile, TrackPage, TrackStore
from app.services.theory.instruments import INSTRUMENTS, InstrumentRow
from app.utils.chance import random_token
from app.utils.clock import Clock
from app.utils.naming import readable_name
from app.utils.seeds import MAX_SEED, new_seed

#: Lengths that can be asked for, in seconds.
MIN_DURATION_S, MAX_DURATION_S, DEFAULT_DURATION_S = 5, 300, 30
#: How much sooner or later a track may be asked for.
MOST_PRIORITY = 10
#: Longest prompt in characters, before trimming.
MAX_PROMPT_CHARACTERS = 500
#: Where clients reach the service unless told otherwise.
DEFAULT_BASE_URL = "http://localhost:8000"
#: Seconds that a model's take waits for a worker and is mastered and encoded.
FINISHING_S = 1.0
#: Where a track can be followed and heard, by the field that names the address. A row here is all it takes: that is
#: signed where keys are asked for, and opens without one.
LIVE_PATHS = {"events_url": "/music/tracks/{}/events", "stream_url": "/music/tracks/{}/stream"}
#: Seconds that a download waits for a form made on demand.
ON_DEMAND_WAIT_S = 120.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """What the service works with. Made by wiring; apps of one process with the same data folder share one."""

    queue: JobQueue
    store: TrackStore
    #: Teaches models from files.
    finetuner: Teaching
    #: Keeps recordings for models to go on from or to follow.
    clips: ClipShelf
    files: AudioFiles
    clock: Clock
    #: Which models there are, and what they lack.
    models: Models
    #: Model used where a request names none.
    default_model: str
    #: Fingerprint of the font that workers play; read where it is first asked for. `SoundfontMissing`.
    soundfont_sha256: Callable[[], str]
    #: Ends what was opened, once its last user lets go.
    release: Callable[[], None]
    #: What came of tracks and runs in this process.
    tally: Tally = field(default_factory=NoTally)
    #: Who may do what; None where authentication is off.
    access: Access | None = None
    #: How much of everything clients may have; None where nothing is limited.
    quota: Quota | None = None
    #: Calling back; None where that is off.
    hooks: Hooks | None = None
    #: Answers to requests that may be repeated.
    replays: Replays | None = None


class MusicGeneratorService:
    """The core of the service. Cheap to make; opens the data folder when it is first used.

    Usable from any event loop, also from several. Without arguments it works in a temporary folder of its own.
    """

    def __init__(self, open_backend: Callable[[], Backend] | None = None) -> None:
        self._open_backend = open_backend or _open_temporary_backend
        self._backend: Backend | None = None
        self._opening = threading.Lock()
        self._planning = PlanningThread()
        self._bodies: dict[str, tuple[Track, str, bytes]] = {}

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the data folder and begin to work. Idempotent. `DataFolderInUse`, `StorageFailed`."""
        if self._backend is None:
            await asyncio.to_thread(self._open)

    async def close(self) -> None:
        """Let go of the data folder; running work is drained or queued again. Idempotent."""
        backend, self._backend = self._backend, None
        if backend is not None:
            self._finalizer.detach()
            await asyncio.to_thread(backend.release)

    def _open(self) -> Backend:
        with self._opening:
            if self._backend is None:
                backend = self._open_backend()
                # An app that never ran its lifespan has nobody to close it but the garbage collector.
                self._finalizer = weakref.finalize(self, backend.release)
                self._backend = backend
            return self._backend

    async def _ready(self) -> Backend:
        if self._backend is not None:
            return self._backend
        return await asyncio.to_thread(self._open)

    # -- the contract -------------------------------------------------------------------------------------------

    async def generate_music(
        self,
        prompt: str,
        duration: int | None = None,
        *,
        model: str | None = None,
        seed: int | None = None,
        asked: Asked | None = None,
        priority: int = 0,
        webhook_url: str | None = None,
        base_url: str = DEFAULT_BASE_URL,
    ) -> dict[str, Any]:
        """Accept a track and answer at once with the body of `POST /music/generate`.

        `duration` is in seconds, 5…300, and `seed` 0…2^53 − 1; where absent, those of a plan in `asked`, else 30 and
        one that is drawn. `priority` is −10…10, higher goes first. The track is durable when this
        returns. `EmptyPrompt`, `InvalidFields`, `ModelNotReady`, `LicenceRefused`, `LimitReached`, `QueueFull`,
        `Busy`.
        """
        track = await self.prepare(
            prompt, duration, model=model, seed=seed, asked=asked, priority=priority, webhook_url=webhook_url
        )
        backend = await self._ready()
        if track.webhook_url is None:
            track = replace(track, webhook_url=usual_hook(backend))
        async with room_for([track]):
            track = await asyncio.wrap_future(backend.queue.submit(track))
        return generate_body(track, base_url)

    async def get_generation_status(self, track_id: str, *, base_url: str = DEFAULT_BASE_URL) -> dict[str, Any]:
        """The body of `GET /music/status/{track_id}`. `TrackNotFound`, which is also a `KeyError`."""
        return self.status_of(await self.get_track(track_id), base_url)

    def status_body(self, track_id: str, base_url: str = DEFAULT_BASE_URL) -> bytes:
        """`get_generation_status` as JSON, from memory alone; `LookupError` where that doesn't hold the track."""
        if self._backend is None:
            raise LookupError(track_id)
        track = self._backend.queue.get(track_id)
        if track is None or not may_see(track.owner):
            raise LookupError(track_id)
        if caller() is not None:  # its link is signed anew, each caller's own
            return _json(self.status_of(track, base_url))
        known = self._bodies.get(track_id)
        if known is not None and known[0] is track and known[1] == base_url:
            return known[2]
        body = _json(self.status_of(track, base_url))
        if track.finished:  # while it runs, the estimate moves with the clock
            if len(self._bodies) >= 10_000:
                self._bodies.clear()
            self._bodies[track_id] = (track, base_url, body)
        return body

    def get_supported_genres(self) -> list[str]:
        """Genres offered to clients."""
        return list(genres())

    def get_supported_moods(self) -> list[str]:
        """Moods offered to clients."""
        return list(moods())

    def get_supported_instruments(self) -> list[str]:
        """Instruments and groups that fields may name."""
        return list(instrument_names())

    def get_instrument_table(self) -> list[InstrumentRow]:
        """Instruments that a plan's ensemble can be given."""
        return list(INSTRUMENTS.values())

    # -- beside the contract ------------------------------------------------------------------------------------

    async def backend(self) -> Backend:
        """What the service works with, opened if it is not yet. `DataFolderInUse`, `StorageFailed`."""
        return await self._ready()

    async def prepare(
        self,
        prompt: str,
        duration: int | None = None,
        *,
        model: str | None = None,
        seed: int | None = None,
        asked: Asked | None = None,
        ahead_s: float = 0.0,
        priority: int = 0,
        webhook_url: str | None = None,
    ) -> Track:
        """What `generate_music` would accept of the same arguments, everything about it checked. Nothing is created.

        `ahead_s` is the work, in seconds of one worker, that will be accepted with it and goes first.
        `EmptyPrompt`, `InvalidFields`, `ModelNotReady`, `LicenceRefused`, `Busy`.
        """
        check_request(prompt, duration, seed)
        if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > MOST_PRIORITY:
            raise InvalidField("priority", f"must be a whole number from -{MOST_PRIORITY} to {MOST_PRIORITY}")
        backend = await self._ready()
        row = await self._row(backend, model or backend.default_model)
        if asked is not None and asked.audio_prompt is not None:
            await self._check_clip(backend, row, asked.audio_prompt)
        load = backend.queue.load(row.name)
        if load.elsewhere:
            backend.models.check_licence(row)
        elif row.needs_something:
            await asyncio.to_thread(backend.models.check, row)  # it reads the disk
        terms = await self._settle(backend, asked, duration, seed)
        longest_s = row.capabilities.longest_s
        if terms.duration > longest_s:
            raise InvalidField("duration", f"{row.name} makes at most {longest_s} seconds, got {terms.duration}")
        if ahead_s:
            load = replace(load, backlog_s=load.backlog_s + ahead_s)
        named = seed is not None or (asked is not None and asked.plan is not None)
        track = new_track(
            row, prompt.strip(), terms.duration, terms.seed, backend.clock.now(), load, asked=asked, seed_named=named
        )
        if webhook_url is not None:
            check_webhook(backend, webhook_url)
            track = replace(track, webhook_url=webhook_url)
        return replace(track, priority=priority) if priority else track

    async def plan_music(
        self,
        prompt: str,
        duration: int | None = None,
        *,
        model: str | None = None,
        seed: int | None = None,
        asked: Asked | None = None,
    ) -> dict[str, Any]:
        """What `generate_music` would make of the same arguments: the body of `POST /music/plan`. Nothing is created.

        The model need not be ready. Only one that was taught plans otherwise than the others.

        `EmptyPrompt`, `InvalidFields`, `Busy`.
        """
        check_request(prompt, duration, seed)
        backend = await self._ready()
        terms = await self._settle(backend, asked, duration, seed)
        words = prompt.strip()
        row = await self._row(backend, model or backend.default_model)
        style = backend.models.style_of(row.name)
        brief, plan = await self._planning.run(
            lambda: decide(
                words,
                asked,
                duration_s=terms.duration,
                seed=terms.seed,
                soundfont_sha256=backend.soundfont_sha256(),
                style=style,
            )
        )
        return {
            "prompt": words,
            "duration": terms.duration,
            "seed": terms.seed,
            "brief": brief.model_dump(mode="json"),
            "plan": plan.model_dump(mode="json"),
        }

    async def _check_clip(self, backend: Backend, row: ModelRow, wanted: AudioPrompted) -> None:
        """`InvalidField` unless the model can do that with a clip, and there is the clip."""
        backend.models.check_audio_prompt(row, wanted.use)
        try:
            await asyncio.to_thread(backend.clips.use, wanted.clip)
        except ClipNotFound:
            raise InvalidField(
                "audio_prompt", "there is no such clip (any more): POST /music/clips takes one", inside=("clip",)
            ) from None

    async def _row(self, backend: Backend, model: str) -> ModelRow:
        """The row of a model. `InvalidField` for an unknown one, or for one that is another key's."""
        if ":" in model:  # perhaps taught on another machine, a moment ago
            await asyncio.to_thread(backend.finetuner.bring)
        if seen_owner() is None:
            return backend.models.row(model)
        with suppress(InvalidField):  # it names all models, those of others too
            row = backend.models.row(model)
            if await asyncio.to_thread(usable, backend, row.name):
                return row
        raise InvalidField("model", f"unknown model {printable(model)!r}; GET /music/models names those you can use")

    async def _settle(self, backend: Backend, asked: Asked | None, duration: int | None, seed: int | None) -> Terms:
        """Length and seed of a request, all that it asks for checked. Words alone need no thread."""
        default = Terms(
            duration=DEFAULT_DURATION_S if duration is None else duration, seed=new_seed() if seed is None else seed
        )
        if asked is None:
            return default
        if asked.plan is not None:  # its style may have been learned on another machine
            await asyncio.to_thread(backend.finetuner.bring)
        fingerprint = backend.soundfont_sha256 if asked.plan is not None else lambda: None
        return await self._planning.run(
            lambda: terms_of(asked, duration=duration, seed=seed, default=default, soundfont_sha256=fingerprint())
        )

    async def get_track(self, track_id: str) -> Track:
        """The whole record. `TrackNotFound`, also for a track that belongs to another key than the caller's."""
        backend = await self._ready()
        track = backend.queue.get(track_id) or await asyncio.to_thread(backend.store.get, track_id)
        if track is None or not may_see(track.owner):
            raise TrackNotFound(track_id)
        return track

    async def get_track_if_finished(self, track_id: str) -> Track:
        """As `get_track`, for whoever would be sent away from a track in work.

        Another node may have told the client of the end before this one heard of it: then the database knows.
        """
        track = await self.get_track(track_id)
        backend = await self._ready()
        if track.finished or not backend.queue.remote:
            return track
        written = await asyncio.to_thread(backend.store.get, track_id)
        return track if written is None or not written.finished else written

    def queue_position(self, track_id: str) -> int | None:
        """Place in the queue, 1 = next; None unless the track waits."""
        return self._backend.queue.position(track_id) if self._backend else None

    async def list_tracks(
        self, *, status: Status | None = None, cursor: str | None = None, limit: int = 20
    ) -> TrackPage:
        """Tracks that the caller sees, newest first, a page at a time. `InvalidField` for a strange cursor."""
        backend = await self._ready()
        page = await asyncio.to_thread(
            backend.store.page, status=status, cursor=cursor, limit=limit, owner=seen_owner()
        )
        # Memory is ahead of the database where a track is in work.
        tracks = tuple(backend.queue.get(track.id) or track for track in page.tracks)
        return TrackPage(tracks=tracks, next_cursor=page.next_cursor)

    async def cancel_track(self, track_id: str) -> Track:
        """End queued or running work. `TrackNotFound`, `TrackAlreadyFinished`."""
        backend = await self._ready()
        await self._check_owner(track_id)
        return await asyncio.wrap_future(backend.queue.cancel(track_id))

    async def delete_track(self, track_id: str) -> None:
        """Remove the record and the files, cancelling first where needed. `TrackNotFound`."""
        backend = await self._ready()
        await self._check_owner(track_id)
        await asyncio.wrap_future(backend.queue.delete(track_id))
        self._bodies.pop(track_id, None)

    async def _check_owner(self, track_id: str) -> None:
        """`TrackNotFound` unless the caller sees the track; nothing is asked where authentication is off."""
        if caller() is not None:
            await self.get_track(track_id)

    async def open_file(self, track_id: str, form: str) -> StoredFile:
        """A finished track's file, made now if it is one of those made on demand.

        `FormNotFound`, `TrackNotFound`, `TrackNotFinished`, `Busy` where making it outlasts a client's patience.
        """
        track = await self.get_track_if_finished(track_id)
        if form not in FORMS:
            raise FormNotFound(form, FORMS)
        if track.status == "processing":
            raise TrackNotFinished(f"Track {track.id} is not finished yet ({track.progress} %)")
        if track.status == "failed":
            raise FormNotFound(form, ["none, for the track failed"])
        file = track.file(form) or await self._make_file(track, form)
        backend = await self._ready()
        stored = backend.files.stored(file, media_type=FORMS[form], file_name=file_name(track, form))

        async def kept(start: int, end: int) -> AsyncIterator[bytes]:
            with backend.queue.keep(track.id):  # a sweep must not remove what somebody reads
                async for piece in stored.stream(start, end):
                    yield piece

        return replace(stored, stream=kept)

    async def _make_file(self, track: Track, form: str) -> TrackFile:
        if form not in track.on_demand:
            raise FormNotFound(form, [file.form for file in track.files] + list(track.on_demand))
        backend = await self._ready()
        making = asyncio.wrap_future(backend.queue.make_file(track.id, form))
        try:
            return await asyncio.wait_for(asyncio.shield(making), ON_DEMAND_WAIT_S)
        except asyncio.TimeoutError:
            raise Busy(f"{form} is still being made", retry_after_s=5) from None

    def status_of(self, track: Track, base_url: str) -> dict[str, Any]:
        """The body of `GET /music/status/{track_id}` for a track as it stands."""
        now = self._backend.clock.now() if self._backend else track.created_at
        return {
            "track_id": track.id,
            "status": track.status,
            "progress": track.progress,
            "prompt": track.prompt,
            "duration": track.duration,
            "created_at": iso(track.created_at),
            "estimated_completion": iso(estimated_completion(track, now)),
            "download_url": download_url(track, base_url),
            "stage": track.stage,
            "error": track.error,
        }


def _open_temporary_backend() -> Backend:
    # The one import that points up: the constructor without arguments is promised to Python users, and objects are
    # made in wiring only.
    from app.wiring import open_temporary_backend

    return open_temporary_backend()


def check_webhook(backend: Backend, url: str) -> None:
    """`InvalidField` unless a client may be called back there."""
    if backend.hooks is None:
        raise InvalidField("webhook_url", "is not offered: this server calls nobody back (MUSIC_WEBHOOKS is off)")
    backend.hooks.check(url)


def usual_hook(backend: Backend) -> str | None:
    """Whom to tell where a request names nobody: whom the caller's key names, while this server calls anybody back."""
    return None if backend.hooks is None else usual_webhook()


def usable(backend: Backend, model: str) -> bool:
    """Whether the caller may make music with a model: not with one that another key taught and does not share."""
    base, _, name = model.partition(":")
    if not name or seen_owner() is None:
        return True
    taught = backend.store.finetune_named(base, name)
    return taught is None or taught.shared or may_see(taught.owner)


def new_track(
    row: ModelRow,
    prompt: str,
    duration: int,
    seed: int,
    created_at: datetime,
    load: QueueLoad | None = None,
    *,
    asked: Asked | None = None,
    seed_named: bool = False,
) -> Track:
    """A track just accepted, with an honest estimate: the queue before it, shared by the workers, and its own work."""
    work_s = row.estimate_s(duration, prompt, seed)
    if load is not None and load.pace_s is not None:
        work_s = load.loading_s + duration * load.pace_s + FINISHING_S
    if load is not None and not row.capabilities.paced:
        work_s += load.backlog_s / load.workers
    estimated_s = max(1, ceil(work_s))
    return Track(
        id=f"track_{random_token()}",
        prompt=prompt,
        duration=duration,
        model=row.name,
        seed=seed,
        created_at=created_at,
        estimated_s=estimated_s,
        asked=None if asked is None else asked.values(),
        seed_named=seed_named,
        paced_until=created_at + timedelta(seconds=estimated_s) if row.capabilities.paced else None,
        owner=owner(),
    )


def generate_body(track: Track, base_url: str) -> dict[str, Any]:
    """The body of `POST /music/generate` for a track that was accepted."""
    return {
        "success": True,
        "message": f"Music generation started for prompt: '{track.prompt}'",
        "track_id": track.id,
        "prompt": track.prompt,
        "duration": track.duration,
        "estimated_processing_time": track.estimated_s,
        "status": track.status,
        "download_url": download_url(track, base_url),
        "seed": track.seed,
        "model": track.model,
        **live_urls(track, base_url),
    }


def live_urls(track: Track, base_url: str) -> dict[str, str]:
    """Addresses to follow a track and to hear it at, by field; signed like its files, for players send no headers."""
    return {name: link_to(base_url, path.format(track.id)) for name, path in LIVE_PATHS.items()}


def estimated_completion(track: Track, now: datetime) -> datetime:
    """When the track was finished, or will be: never a moment that has passed while it is still in work."""
    if track.finished_at is not None:
        return track.finished_at
    return max(track.created_at + timedelta(seconds=track.estimated_s), now + timedelta(seconds=1))


def download_url(track: Track, base_url: str) -> str | None:
    """Absolute address of the MP3, once there is one."""
    return link_to(base_url, f"/downloads/{track.id}.mp3") if track.status == "completed" else None


def file_name(track: Track, form: str) -> str:
    """A readable name for a downloaded file: the title, without what file systems refuse."""
    return readable_name((track.plan or {}).get("title") or track.prompt, form)


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def iso(moment: datetime) -> str:
    """A moment as JSON readers expect it: UTC, milliseconds, Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_request(prompt: str, duration: int | None, seed: int | None) -> None:
    """The same door as the router's, for those who call the service from Python."""
    if not isinstance(prompt, str) or not 1 <= len(prompt) <= MAX_PROMPT_CHARACTERS:
        raise InvalidField("prompt", f"must be a string of 1 to {MAX_PROMPT_CHARACTERS} characters")
    if not prompt.strip():
        raise EmptyPrompt
    if any("\ud800" <= character <= "\udfff" for character in prompt):
        raise InvalidField("prompt", "must be valid Unicode, without lone surrogates")
    whole = isinstance(duration, int) and not isinstance(duration, bool)
    if duration is not None and not (whole and MIN_DURATION_S <= duration <= MAX_DURATION_S):
        raise InvalidField("duration", f"must be {MIN_DURATION_S} to {MAX_DURATION_S} whole seconds, got {duration!r}")
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed <= MAX_SEED):
        raise InvalidField("seed", f"must be a whole number from 0 to {MAX_SEED}")
