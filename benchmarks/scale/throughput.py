"""Tracks a second with several workers, against one; the jobs sleep, as the simulator's do."""

import time
from contextlib import ExitStack
from pathlib import Path

from app.services.jobs.shared import SharedQueue
from benchmarks.scale.pickup import a_track, finished, worker


def per_second(queue: SharedQueue, address: str, folder: Path, *, workers: int, each: int, job_s: float) -> float:
    """Tracks finished in a second by so many workers, `each` tracks for each of them, all enqueued before."""
    tracks = [queue.submit(a_track(job_s)) for _ in range(workers * each)]
    ids = [track.result().id for track in tracks]
    with ExitStack() as stack:
        for number in range(workers):
            stack.enter_context(worker(address, folder / f"{workers}-{number}"))
            if number == 0:
                began = time.time()  # work begins with the first; the time until the last is there is lost to it
        ready = time.time()
        done = [finished(queue, track_id) for track_id in ids]
    moments = sorted(track.finished_at.timestamp() for track in done if track.finished_at is not None)
    # Only the stretch in which all were at work counts: their start and the last tracks' tail say nothing.
    end = moments[-workers]
    counted = [moment for moment in moments if ready <= moment <= end]
    return len(counted) / (end - max(began, ready))
