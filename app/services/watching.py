"""Whether the service can do its work, and in figures how it does."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, cast

from app.errors import MusicError, NotReady, SettingRefused
from app.services.access import Limits
from app.services.generator import Backend, MusicGeneratorService
from app.services.jobs.base import CacheSize, LoadedModel
from app.services.planning import words_remembered

if TYPE_CHECKING:
    from prometheus_client import Metric
    from prometheus_client.registry import Collector

    from app.services.jobs.node import WorkerNode

#: Seconds that a part may take to answer.
PATIENCE_S = 3.0
#: Seconds that an answer is good for, so that many who ask cost no more than one.
GOOD_FOR_S = 1.0


class Lookout:
    """Looks at the parts that the service stands on."""

    def __init__(self, service: Callable[[], MusicGeneratorService]) -> None:
        self._service = service
        self._looking = asyncio.Lock()
        self._seen: dict[str, str | None] = {}
        self._seen_at = -GOOD_FOR_S

    async def check(self) -> list[str]:
        """The parts that were looked at. `NotReady` where one fails, with its reason."""
        async with self._looking:
            if time.monotonic() - self._seen_at >= GOOD_FOR_S:
                self._seen = await self._look()
                self._seen_at = time.monotonic()
        failing = {part: trouble for part, trouble in self._seen.items() if trouble is not None}
        if failing:
            raise NotReady(failing)
        return list(self._seen)

    async def _look(self) -> dict[str, str | None]:
        backend = await self._service().backend()
        parts: dict[str, Callable[[], str | None]] = {
            "database": lambda: _trouble(backend.store.ping),
            "storage": lambda: _trouble(backend.files.check),
            "queue": backend.queue.ailment,
            "engines": lambda: _engines_trouble(backend),
        }
        troubles = await asyncio.gather(*map(_patiently, parts.values()))
        return dict(zip(parts, troubles, strict=True))


async def _patiently(look: Callable[[], str | None]) -> str | None:
    try:
        return await asyncio.wait_for(asyncio.to_thread(look), PATIENCE_S)
    except asyncio.TimeoutError:
        return f"no answer within {PATIENCE_S:g} s"


def _trouble(call: Callable[[], None]) -> str | None:
    try:
        call()
    except MusicError as error:
        return error.detail
    return None


def _engines_trouble(backend: Backend) -> str | None:
    """Why the engine of requests that name none makes no music now."""
    model = backend.default_model
    try:
        row = backend.models.row(model)
        if backend.queue.remote:
            return None if backend.queue.load(model).elsewhere else f"no worker takes {model}"
        backend.models.check(row)
    except MusicError as error:
        return error.detail
    return None


async def figures(service: MusicGeneratorService, limits: Limits | None = None) -> list["Metric"]:
    """How the backend stands, as Prometheus reads it. `StorageFailed`."""
    backend = await service.backend()
    return await asyncio.to_thread(lambda: [*_figures(backend), *cache_figures(_caches(backend, limits))])


def serve_worker_figures(node: "WorkerNode", port: int) -> Callable[[], None]:
    """Tell Prometheus of a worker on a port of its own, on all addresses; what ends that. `SettingRefused`."""
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry(auto_describe=False)
    registry.register(cast("Collector", _Worker(node)))
    try:
        server, thread = start_http_server(port, registry=registry)
    except OSError as error:
        raise SettingRefused(f"MUSIC_WORKER_METRICS_PORT: {port} cannot be used: {error.strerror or error}") from error

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end


def _figures(backend: Backend) -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily as Gauge

    yield from backend.tally.families()
    tracks = Gauge("music_queue_jobs", "Jobs that wait or run.", labels=["engine", "kind", "state"])
    ages = Gauge("music_queue_oldest_seconds", "Age of the oldest such job.", labels=["engine", "kind", "state"])
    now = backend.clock.now()
    lines = backend.store.lines()
    for line in lines:
        labels = [line.engine, line.kind, line.state]
        tracks.add_metric(labels, line.count)
        ages.add_metric(labels, max(0.0, (now - line.oldest).total_seconds()))
    yield tracks
    yield ages
    places = Gauge("music_places", "Tracks of an engine that can be made at once.", labels=["engine"])
    for model in sorted({backend.default_model, *(line.engine for line in lines)}):
        load = backend.queue.load(model)
        places.add_metric([model], load.workers if load.elsewhere or not backend.queue.remote else 0)
    yield places
    yield from engine_figures(backend.queue.loaded().values())
    yield Gauge("music_tracks_remembered", "Tracks answered for from memory.", backend.queue.remembered())
    yield Gauge("music_stored_bytes", "Size of the files of all tracks.", backend.store.stored_bytes())


def _caches(backend: Backend, limits: Limits | None) -> Iterator[CacheSize]:
    """What this process and its worker processes keep; a cache that the settings leave out is not named."""
    yield CacheSize(name="tracks", entries=backend.queue.remembered())
    yield CacheSize(name="words", entries=words_remembered())
    if backend.access is not None:
        yield CacheSize(name="keys", entries=len(backend.access.keyring))
    if limits is not None:
        yield CacheSize(name="clients", entries=len(limits))
    yield from backend.queue.caches()


def exposition(families: Iterable["Metric"], accepted: str) -> tuple[bytes, str]:
    """The figures as text, and its media type: one that a client accepts, by its header."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(cast("Collector", _Told(list(families))))
    write, media_type = choose_encoder(accepted)
    return write(registry), media_type


class _Worker:
    """How a worker stands, in the shape of a collector."""

    def __init__(self, node: "WorkerNode") -> None:
        self._node = node

    def collect(self) -> Iterator["Metric"]:
        """As it stands now."""
        from prometheus_client.core import GaugeMetricFamily as Gauge

        yield from self._node.tally.families()
        yield from engine_figures(self._node.loaded().values())
        yield from cache_figures(self._node.caches())
        yield Gauge("music_worker_jobs", "Jobs in the hands of this worker.", self._node.in_hand)
        yield Gauge("music_worker_takes_jobs", "Whether it fetches jobs.", self._node.ready.is_set())


class _Told:
    """Figures that are there already, in the shape of a collector."""

    def __init__(self, families: list["Metric"]) -> None:
        self._families = families

    def collect(self) -> Iterable["Metric"]:
        """All of them."""
        return self._families


def engine_figures(models: Iterable[LoadedModel]) -> Iterator["Metric"]:
    """What models hold, as Prometheus reads it."""
    from prometheus_client.core import GaugeMetricFamily as Gauge

    loaded = Gauge("music_engine_loaded", "Whether a model is in memory.", labels=["model"])
    held = Gauge("music_engine_memory_bytes", "Memory that a model holds.", labels=["model"])
    running = Gauge("music_engine_running", "Tracks in a model's hands.", labels=["model"])
    for model in models:
        there = model.state == "loaded"
        loaded.add_metric([model.model], there)
        held.add_metric([model.model], model.memory_bytes if there else 0)
        running.add_metric([model.model], model.running)
    yield from (loaded, held, running)


def cache_figures(caches: Iterable[CacheSize]) -> Iterator["Metric"]:
    """What is kept in memory, as Prometheus reads it."""
    from prometheus_client.core import GaugeMetricFamily as Gauge

    entries = Gauge("music_cache_entries", "Entries of a cache in memory.", labels=["cache"])
    sizes = Gauge("music_cache_bytes", "Memory that a cache holds.", labels=["cache"])
    for cache in caches:
        entries.add_metric([cache.name], cache.entries)
        if cache.size_bytes is not None:
            sizes.add_metric([cache.name], cache.size_bytes)
    yield from (entries, sizes)
