"""Soak: mixed use for a long time; memory, file handles, database and latency must stay what they were."""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from benchmarks.endurance.clients import Client, Seen
from benchmarks.servers import Server, serving

#: Seconds between two looks.
EVERY_S = 5.0
#: Part of the time after which everything that is loaded once has been, and counting begins.
WARM = 0.2
#: Part of the time at the beginning and the end of what counts that are compared.
EDGE = 0.2


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """How the server stood at a moment."""

    #: Seconds since the load began.
    at_s: float
    server_mb: float
    #: All worker processes together.
    workers_mb: float
    #: Files, sockets and pipes that the server has open.
    handles: int
    threads: int
    #: SQLite file and its log.
    database_mb: float
    #: All files of tracks.
    audio_mb: float
    #: 99 of 100 status answers of the clients since the last look came within this time; None where there were none.
    status_p99_ms: float | None
    #: Load of the machine, in processes that want a core.
    load: float


@dataclass(kw_only=True)
class Soaked:
    """What came of it."""

    minutes: float
    clients: int
    looks: list[Look] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    status_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    #: Files and jobs that were left once every track was removed.
    left: str = ""

    def edges(self, name: str) -> tuple[float, float]:
        """Median of a figure at the beginning and at the end of what counts."""
        counted = [look for look in self.looks if look.at_s >= WARM * 60 * self.minutes] or self.looks
        some = max(1, int(len(counted) * EDGE))
        first = [value for look in counted[:some] if (value := getattr(look, name)) is not None] or [0.0]
        last = [value for look in counted[-some:] if (value := getattr(look, name)) is not None] or [0.0]
        return statistics.median(first), statistics.median(last)


def soak(*, minutes: float, clients: int = 6) -> Soaked:
    """Use a real server for so long, and look at it every five seconds."""
    with tempfile.TemporaryDirectory(prefix="music-soak-") as folder:
        data = Path(folder, "data")
        with serving(environment={"MUSIC_DATA_DIR": str(data), "MUSIC_MAX_QUEUE": "40"}) as server:
            return asyncio.run(_soak(server, data, minutes, clients))


async def _soak(server: Server, data: Path, minutes: float, clients: int) -> Soaked:
    result = Soaked(minutes=minutes, clients=clients)
    seen = Seen()
    began = time.monotonic()
    until = began + 60 * minutes
    at_work = [asyncio.create_task(Client(server.url, seen, seed).run(until)) for seed in range(clients)]
    while time.monotonic() < until:
        await asyncio.sleep(min(EVERY_S, max(0.1, until - time.monotonic())))
        status_s, seen.status_s = seen.status_s, []
        result.status_s += status_s
        result.looks.append(await asyncio.to_thread(_look, server, data, time.monotonic() - began, status_s))
    await asyncio.gather(*at_work)
    result.status_s += seen.status_s
    result.asked, result.problems = seen.asked, seen.problems
    result.left = await _left(server, data)
    return result


def _look(server: Server, data: Path, at_s: float, status_s: list[float]) -> Look:
    process = psutil.Process(server.process.pid)
    workers = 0
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            workers += child.memory_info().rss
    took_s = sorted(status_s)
    return Look(
        at_s=at_s,
        server_mb=process.memory_info().rss / 1e6,
        workers_mb=workers / 1e6,
        handles=_handles(process),
        threads=process.num_threads(),
        database_mb=sum(path.stat().st_size for path in data.glob("music.db*")) / 1e6,
        audio_mb=_size(data / "audio") / 1e6,
        status_p99_ms=1000 * took_s[int(0.99 * len(took_s))] if took_s else None,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
    )


def _handles(process: psutil.Process) -> int:
    return int(getattr(process, "num_handles" if sys.platform == "win32" else "num_fds")())


def _size(folder: Path) -> int:
    size = 0
    for path in _files(folder):
        with suppress(FileNotFoundError):  # removed meanwhile
            size += path.stat().st_size
    return size


def _files(folder: Path) -> list[Path]:
    """All files below a folder; what goes while it is looked at is left out."""
    return [Path(where, name) for where, _, names in os.walk(folder) for name in names]


async def _left(server: Server, data: Path) -> str:
    """What is left though every track was removed: files go a moment after their record."""
    for _ in range(100):
        files, work = _files(data / "audio"), _files(data / "work")
        if not files and not work:
            break
        await asyncio.sleep(0.1)
    async with httpx.AsyncClient(base_url=server.url) as client:
        tracks = (await client.get("/music/tracks")).json()["tracks"]
    return f"{len(tracks)} tracks, {len(files)} files, {len(work)} drafts"
