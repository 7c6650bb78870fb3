"""Settings → queue, store, files, service: the only place where objects are made."""

import atexit
import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from app.config import HOME, Settings, hub_cache
from app.errors import InvalidField, SettingRefused, StoreAway
from app.models.track import Track
from app.services.access import Access, Keyring, Limits, Links, Quota, Replays
from app.services.engines import LocalCheckpoint, ModelRow, Models, lives_with
from app.services.generator import (
    Backend,
    MusicGeneratorService,
)
from app.services.hooks import Addresses, Hooks, Messenger
from app.services.hooks.signing import secret_of
from app.services.instruments import find_soundfont, fingerprint_of
from app.services.jobs import EmbeddedQueue
from app.services.jobs.base import JobQueue
from app.services.jobs.clips import ClipShelf
from app.services.jobs.decoder import ClipDecoder
from app.services.jobs.engine_floor import Residents
from app.services.jobs.finetuner import Finetuner
from app.services.jobs.shared_finetuner import SharedFinetuner
from app.services.jobs.teaching import Teaching
from app.services.metering import NoTally, PrometheusTally, Tallies, Tally, TraceTally
from app.services.storage import AudioFiles, LessonFiles, TrackStore
from app.services.storage.access import read_or_make_secret
from app.services.storage.folders import own_folder
from app.services.storage.moving import DATABASE
from app.services.storage.taught import TaughtFiles
from app.services.styles import look_in
from app.services.workshop import WORKERS_NEED, Workshop, open_resident, run_clip, run_job, run_lesson, warm_up
from app.utils.clock import Clock, SystemClock

if TYPE_CHECKING:
    from app.services.jobs.node import WorkerNode

#: Tracks of an engine that keeps a pace which a worker has in hand at once: they wait for the clock, not for it.
PACED_AT_ONCE = 64


@dataclass
class _Shared:
    """A backend and how many services use it."""

    backend: Backend
    users: int


log = logging.getLogger(__name__)

#: Longest that a worker tries in vain to reach the store before its work is begun anew.
MOST_PATIENCE_S = 300.0

#: Folders of a data folder: files of tracks, and what models were taught.
AUDIO, FINETUNES = "audio", "finetunes"

#: Setting that holds the key of the Gemini API, as the catalogue names it.
GEMINI_KEY = "MUSIC_GEMINI_API_KEY"

#: Backends of this process by data folder: apps with the same folder share one dispatcher.
_open: dict[tuple[Path, str | None], _Shared] = {}
_opening = threading.RLock()  # a collected service may let go while another opens


def make_service(settings: Settings | None = None) -> MusicGeneratorService:
    """A service on the settings' data folder; cheap, for it opens the folder when it is first used."""
    return MusicGeneratorService(partial(open_backend, settings or Settings()))


def make_workshop(settings: Settings, files: str) -> Workshop:
    """What workers need to know that keep files in a folder or at a URL.

    `SoundfontMissing` where the setting names none that can be read.
    """
    return Workshop(
        soundfont=find_soundfont(settings.soundfont),
        files=files,
        store_patience_s=min(MOST_PATIENCE_S, settings.job_timeout / 2),
        models=make_models(settings),
        threads=settings.render_threads,
        dtype=settings.dtype,
        batch_most=settings.batch_max,
        batch_wait_s=settings.batch_wait_ms / 1000,
        retry_bad_takes=settings.retry_bad_takes,
    )


def audio_place(settings: Settings) -> str:
    """Where audio files are kept: a folder, or a URL."""
    return settings.storage_url or str(settings.data_dir.resolve() / AUDIO)


def make_files(settings: Settings) -> AudioFiles:
    """Where audio files are kept, seen to be usable. A store that does not answer is waited for: it may come back.

    `StorageFailed` where it refuses, `SettingRefused`.
    """
    files = AudioFiles(audio_place(settings), redirects=settings.download_redirect)
    if settings.download_redirect and not files.remote:
        raise SettingRefused(
            "MUSIC_DOWNLOAD_REDIRECT needs an object store that clients can reach: set MUSIC_STORAGE_URL"
        )
    try:
        if files.remote:
            files.check()
    except StoreAway as error:
        log.warning("%s. It is waited for", error)
    return files


def make_access(settings: Settings, store: TrackStore, clock: Clock) -> Access:
    """Who may do what, as a database's keys say. `StorageFailed`."""
    with store.transaction() as changes:
        links, keys = (read_or_make_secret(changes.connection, name) for name in ("links", "keys"))
    return Access(
        keyring=Keyring(store, clock),
        links=Links(links, settings.link_life_s),
        store=store,
        clock=clock,
        secret=keys,
    )


def make_limits(settings: Settings) -> Limits:
    """How often clients may ask, counted in memory, or in the database that nodes share."""
    shared = None if settings.server is None else TrackStore(settings.server)
    return Limits(client=settings.limit_requests, address=settings.limit_address, shared=shared)


@dataclass(frozen=True)
class Calling:
    """What calls clients back: what they ask of it, and who tells them."""

    hooks: Hooks
    messenger: Messenger


def make_calling(settings: Settings, store: TrackStore, clock: Clock) -> Calling:
    """Webhooks of a database. `StorageFailed`."""
    with store.transaction() as changes:
        master = read_or_make_secret(changes.connection, "webhooks")
        links = Links(read_or_make_secret(changes.connection, "links"), settings.link_life_s)
    addresses = make_addresses(settings)

    def link(track_id: str) -> str | None:
        if settings.public_url is None:
            return None
        path = f"/downloads/{track_id}.mp3"
        signed = links.sign(path) if settings.auth == "keys" else ""
        return f"{settings.public_url.rstrip('/')}{path}{signed}"

    messenger = Messenger(store, clock, addresses, master=master, link=link)
    hooks = Hooks(store, clock, addresses, master=master, wake=messenger.wake)
    return Calling(hooks=hooks, messenger=messenger)


def make_addresses(settings: Settings) -> Addresses:
    """Where clients may be called back."""
    return Addresses([network.strip() for network in settings.webhook_allow.split(",") if network.strip()])


def check_hook_of_key(settings: Settings, url: str) -> None:
    """`InvalidField` unless a key of these settings may name that address."""
    if not settings.webhooks:
        raise InvalidField("webhook_url", "is of no use: this server calls nobody back (MUSIC_WEBHOOKS is off)")
    make_addresses(settings).check(url)


def make_quota(settings: Settings, store: TrackStore) -> Quota:
    """How much clients may have, counted in the database."""
    return Quota(
        store,
        tracks=settings.limit_tracks,
        music_s=settings.limit_music,
        storage_bytes=settings.limit_storage_bytes,
    )


def webhook_secret(settings: Settings, key_id: str | None) -> str:
    """What messages to the owner of a key are signed with, or to everybody without keys. `StorageFailed`."""
    store = TrackStore(settings.server or f"sqlite:///{settings.data_dir.resolve() / DATABASE}")
    try:
        with store.transaction() as changes:
            return secret_of(read_or_make_secret(changes.connection, "webhooks"), key_id)
    finally:
        store.close()


@contextmanager
def opened_access(settings: Settings) -> Iterator[Access]:
    """The keys of the settings' database, whether a server runs on it or not. `StorageFailed`."""
    store = TrackStore(settings.server or f"sqlite:///{settings.data_dir.resolve() / DATABASE}")
    try:
        yield make_access(settings, store, SystemClock())
    finally:
        store.close()


def make_models(settings: Settings) -> Models:
    """Which models there are. `SettingRefused` for a checkpoint of no family, or with a name that is taken."""
    lessons = LessonFiles(settings.data_dir.resolve() / FINETUNES)
    return Models(
        hub=hub_cache(),
        home=HOME,
        local=tuple(
            LocalCheckpoint(name=name, family=family, folder=folder)
            for name, (family, folder) in settings.model_folders.items()
        ),
        device=settings.device,
        licence_policy=settings.licence_policy,
        keys={} if settings.gemini_api_key is None else {GEMINI_KEY: settings.gemini_api_key.get_secret_value()},
        addresses={} if settings.gemini_url is None else {"musiclm": settings.gemini_url},
        tuned=lessons.styles,
        adapters=lessons.adapters,
    )


def make_residents(settings: Settings, workshop: Workshop) -> Residents:
    """What the queue needs to know of models. `InvalidField` where one to load at the start is unknown."""
    models = workshop.models

    def estimate_s(track: Track) -> float:
        return models.row(track.model).estimate_s(track.duration, track.prompt, track.seed)

    return Residents(
        resident=partial(is_resident, models),
        lives_with=lives_with,
        opens=partial(open_resident, workshop),
        batch=lambda model: min(settings.batch_max, models.row(model).capabilities.batch),
        estimate_s=estimate_s,
        device=settings.device,
        idle_s=settings.model_idle_s,
        memory_bytes=settings.model_memory_bytes,
        preload=tuple(model for model in settings.preloaded if models.row(model).resident),
        size_bytes=lambda model: models.row(model).memory_bytes,
    )


def is_resident(models: Models, model: str) -> bool:
    """Whether a model lives in a process of its own. One that is no longer known does not."""
    try:
        return models.row(model).resident
    except InvalidField:
        return False


def open_backend(settings: Settings) -> Backend:
    """The backend of the settings' data folder, shared within the process. `DataFolderInUse`, `StorageFailed`."""
    place = settings.data_dir.resolve(), settings.server
    with _opening:
        shared = _open.get(place)
        if shared is None:
            shared = _open[place] = _Shared(backend=_make_backend(settings, place[0]), users=0)
        shared.users += 1
        return shared.backend


def open_temporary_backend() -> Backend:
    """A backend in a temporary folder of its own, which goes with its last user."""
    folder = Path(tempfile.mkdtemp(prefix="music-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return open_backend(Settings(data_dir=folder, storage_url=None, download_redirect=False))


def _make_backend(settings: Settings, folder: Path) -> Backend:
    files = make_files(settings)
    store = TrackStore(settings.server or f"sqlite:///{folder / 'music.db'}")
    workshop = make_workshop(settings, audio_place(settings))
    readiness = workshop.models.readiness(workshop.models.row(settings.model))
    if readiness.state != "ready" and settings.server is None:
        log.warning(
            "%s, the default model, cannot be used yet: %s. Run: %s", settings.model, readiness.lacks, readiness.command
        )
    clock = SystemClock()
    tally = make_tally(settings)
    queue: JobQueue = (
        _embedded_queue(settings, folder, store, files, workshop, clock, tally)
        if settings.server is None
        else _shared_queue(settings, settings.server, store, clock, tally)
    )
    queue.start()
    lessons = LessonFiles(folder / FINETUNES)
    look_in(lessons.styles)
    finetuner: Teaching = (
        Finetuner(store, lessons, partial(run_lesson, workshop), timeout_s=settings.job_timeout, clock=clock)
        if settings.server is None
        else SharedFinetuner(store, TaughtFiles(files, lessons), clock)
    )
    finetuner.start()
    clips = ClipShelf(
        store,
        files,
        ClipDecoder(run_clip),
        clock=clock,
        retention_s=settings.retention_s,
        storage_limit_bytes=settings.storage_limit_bytes,
    )
    clips.start()

    calling = make_calling(settings, store, clock) if settings.webhooks else None
    if calling is not None:
        calling.messenger.start()

    def release() -> None:
        with _opening:
            shared = _open[folder, settings.server]
            shared.users -= 1
            if shared.users == 0:
                del _open[folder, settings.server]
                clips.stop()
                finetuner.stop()
                if calling is not None:
                    calling.messenger.stop()
                queue.stop(drain_s=settings.drain)

    return Backend(
        queue=queue,
        store=store,
        finetuner=finetuner,
        clips=clips,
        files=files,
        clock=clock,
        models=workshop.models,
        default_model=settings.model,
        soundfont_sha256=partial(fingerprint_of, workshop.soundfont),
        release=release,
        tally=tally,
        hooks=None if calling is None else calling.hooks,
        replays=Replays(store, clock),
        quota=make_quota(settings, store) if settings.has_limits else None,
        access=make_access(settings, store, clock) if settings.auth == "keys" else None,
    )


def make_tally(settings: Settings) -> Tally:
    """What counts, or does not."""
    tallies: list[Tally] = [PrometheusTally()] if settings.metrics == "on" else []
    if settings.traces is not None:
        tallies.append(TraceTally(settings.traces))
    return Tallies(tallies) if tallies else NoTally()


def _embedded_queue(
    settings: Settings,
    folder: Path,
    store: TrackStore,
    files: AudioFiles,
    workshop: Workshop,
    clock: SystemClock,
    tally: Tally,
) -> EmbeddedQueue:
    return EmbeddedQueue(
        folder,
        store=store,
        files=files,
        body=partial(run_job, workshop),
        warm=partial(warm_up, workshop),
        preload=WORKERS_NEED,
        workers=settings.workers,
        max_queue=settings.max_queue,
        job_timeout_s=settings.job_timeout,
        retention_s=settings.retention_s,
        storage_limit_bytes=settings.storage_limit_bytes,
        clock=clock,
        residents=make_residents(settings, workshop),
        tally=tally,
    )


def _shared_queue(settings: Settings, address: str, store: TrackStore, clock: SystemClock, tally: Tally) -> JobQueue:
    store.open()  # says what is wrong before anything of the client's is imported
    from app.services.jobs.courier import Courier
    from app.services.jobs.node import MISSED
    from app.services.jobs.shared import SharedQueue

    return SharedQueue(
        store,
        Courier(),
        clock,
        address=address,
        max_queue=settings.max_queue,
        stale_s=MISSED * settings.heartbeat,
        tally=tally,
    )


def make_worker(settings: Settings, names: Sequence[str], concurrency: int | None) -> "WorkerNode":
    """A worker of a shared queue, for the engines or models named, else for all that can be used here.

    `SettingRefused` without a database, `InvalidField` for an engine nobody knows, `ModelNotReady` for one that lacks
    something, `StorageFailed`.
    """
    if settings.server is None:
        raise SettingRefused(
            "A worker needs the PostgreSQL that it shares with others: set MUSIC_DATABASE_URL. "
            "On one machine, serve works by itself"
        )
    folder = settings.data_dir.resolve()
    workshop = make_workshop(settings, audio_place(settings))
    files = make_files(settings)
    rows = _rows_for(workshop.models, names)
    concurrency = concurrency or settings.workers
    if not concurrency:
        raise SettingRefused("MUSIC_WORKERS is 0, so this worker has nothing to do: name --concurrency")
    store = TrackStore(settings.server)
    store.open()  # says what is wrong before anything of the client's is imported
    from app.services.jobs.bench import Bench
    from app.services.jobs.courier import ANYBODY, Courier
    from app.services.jobs.hand import Hand
    from app.services.jobs.node import MISSED, Lane, WorkerNode
    from app.services.jobs.orphans import Orphans
    from app.services.jobs.recovery import Recovery
    from app.services.jobs.teacher import Teacher

    clock = SystemClock()
    tally = make_tally(settings)
    folders = own_folder(folder / "work")
    lessons = LessonFiles(folder / FINETUNES)
    teacher = Teacher(
        store,
        TaughtFiles(files, lessons),
        folders,
        partial(run_lesson, workshop),
        bases=[row.name for row in rows if row.capabilities.fine_tune],
        timeout_s=settings.job_timeout,
        stale_s=MISSED * settings.heartbeat,
        clock=clock,
    )
    bench = Bench(
        folders,
        body=partial(run_job, workshop),
        warm=partial(warm_up, workshop),
        preload=WORKERS_NEED,
        workers=concurrency,
        job_timeout_s=settings.job_timeout,
        residents=make_residents(settings, workshop),
        tally=tally,
    )
    paced = tuple(row.name for row in rows if row.capabilities.paced)
    plain = tuple(row.name for row in rows if not row.resident and row.name not in paced)
    lanes = [Lane(engines=(ANYBODY,), places=concurrency)]
    lanes += [Lane(engines=plain, places=concurrency)] if plain else []
    lanes += [Lane(engines=paced, places=PACED_AT_ONCE)] if paced else []
    for row in rows:
        if row.resident:
            lanes.append(Lane(engines=(row.name,), places=min(settings.batch_max, row.capabilities.batch)))
    courier = Courier()
    return WorkerNode(
        store,
        bench,
        Hand(store, courier, bench, clock, bring=teacher.bring, tally=tally),
        Recovery(
            store,
            files,
            courier,
            clock,
            stale_s=MISSED * settings.heartbeat,
            retention_s=settings.retention_s,
            storage_limit_bytes=settings.storage_limit_bytes,
            tally=tally,
        ),
        orphans=Orphans(store, files, clock),
        address=settings.server,
        lanes=lanes,
        concurrency=concurrency,
        heartbeat_s=settings.heartbeat,
        drain_s=settings.drain,
        teacher=teacher,
        tally=tally,
    )


def _rows_for(models: Models, names: Sequence[str]) -> list[ModelRow]:
    if not names:  # a taught model's tracks wait with those of the model that it was taught on
        return [
            row for row in models.rows() if lives_with(row.name) == row.name and models.readiness(row).state == "ready"
        ]
    chosen: dict[str, ModelRow] = {}
    for name in names:
        named = [row for row in models.rows() if name in (row.engine, row.name)] or [models.row(name)]
        ready = [row for row in named if models.readiness(row).state == "ready"]
        if not ready:
            models.check(named[0])
        chosen |= {row.name: row for row in ready}
    return list(chosen.values())
