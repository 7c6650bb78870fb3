"""From the moment that a track is enqueued to the start of its run in a worker process, on a queue that is idle."""

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from app.models.track import Track
from app.services.jobs.courier import Courier
from app.services.jobs.shared import SharedQueue
from app.services.storage import TrackStore
from app.utils.clock import SystemClock
from benchmarks.servers import ROOT

#: Seconds that a finished track may be waited for.
PATIENCE_S = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pickup:
    """Milliseconds of one track."""

    #: From the call to its answer, when it is durable.
    accepted_ms: float
    #: From the call until its body runs in a worker process.
    began_ms: float
    #: From its acceptance to that.
    picked_up_ms: float


@contextmanager
def worker(address: str, folder: Path, concurrency: int = 1) -> Iterator[None]:
    """A worker node whose jobs note when they begin."""
    command = [sys.executable, "-m", "benchmarks.scale.worker", address, str(folder), str(concurrency)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise RuntimeError("the worker did not start")
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def queue_on(address: str) -> Iterator[SharedQueue]:
    """An API node's side of the queue."""
    queue = SharedQueue(TrackStore(address), Courier(), SystemClock(), address=address, max_queue=100_000, stale_s=30.0)
    queue.start()
    try:
        yield queue
    finally:
        queue.stop()


def a_track(seconds: float = 0.0) -> Track:
    """A track whose job sleeps for so long."""
    return Track(
        id=f"track_{secrets.token_hex(8)}",
        prompt=f"{seconds:g}",
        duration=5,
        model="composer",
        seed=1,
        estimated_s=1,
        created_at=datetime.now(timezone.utc),
    )


def finished(queue: SharedQueue, track_id: str) -> Track:
    """The track, once it is."""
    patience = time.monotonic() + PATIENCE_S
    while (track := queue.get(track_id)) is None or not track.finished:
        if time.monotonic() > patience:
            raise RuntimeError(f"{track_id} was not finished within {PATIENCE_S:g} s")
        time.sleep(0.002)
    return track


def time_pickups(queue: SharedQueue, count: int, pause_s: float = 0.03) -> list[Pickup]:
    """Enqueue tracks one after the other, each when the last is done and things are quiet again."""
    seen = []
    for _ in range(count):
        time.sleep(pause_s)
        asked = time.time()
        track_id = queue.submit(a_track()).result().id
        accepted = time.time()
        track = finished(queue, track_id)
        began = track.timings["began"]
        seen.append(
            Pickup(
                accepted_ms=1000 * (accepted - asked),
                began_ms=1000 * (began - asked),
                picked_up_ms=1000 * max(0.0, began - accepted),
            )
        )
    return seen
