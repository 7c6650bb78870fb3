"""A worker of the service, but for the work: its jobs note when they began, and are done.

Run as a program: `python -m benchmarks.scale.worker ADDRESS FOLDER`.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.services.jobs.base import Job, Outcome, Progress

if TYPE_CHECKING:
    from app.services.jobs.bench import Bench


def note(job: Job, work: Path, report: Callable[[Progress], None]) -> Outcome:  # noqa: ARG001 - a body's signature
    """Say when it began, and how long the words ask it to sleep."""
    began = time.time()
    time.sleep(float(job.track.prompt))
    return Outcome(files=(), facts={"timings": {"began": began}})


async def work(address: str, folder: Path, concurrency: int, bench: "Bench | None" = None) -> None:
    """Work until somebody ends it; `bench` does the jobs in place of worker processes."""
    from app.services.jobs.bench import Bench
    from app.services.jobs.courier import ANYBODY, Courier
    from app.services.jobs.hand import Hand
    from app.services.jobs.node import MISSED, Lane, WorkerNode
    from app.services.jobs.orphans import Orphans
    from app.services.jobs.recovery import Recovery
    from app.services.storage import AudioFiles, TrackStore
    from app.services.storage.folders import own_folder
    from app.utils.clock import SystemClock

    store = TrackStore(address)
    clock, courier, heartbeat_s = SystemClock(), Courier(), 10.0
    bench = bench or Bench(own_folder(folder / "work"), body=note, workers=concurrency, job_timeout_s=600)
    files = AudioFiles(str(folder / "audio"))
    recovery = Recovery(
        store, files, courier, clock, stale_s=MISSED * heartbeat_s, retention_s=float("inf"),
        storage_limit_bytes=10**12,
    )  # fmt: skip
    node = WorkerNode(
        store,
        bench,
        Hand(store, courier, bench, clock),
        recovery,
        orphans=Orphans(store, files, clock),
        address=address,
        lanes=[Lane(engines=(ANYBODY,), places=concurrency), Lane(engines=("composer",), places=concurrency)],
        concurrency=concurrency,
        heartbeat_s=heartbeat_s,
        drain_s=1.0,
    )
    working = asyncio.create_task(node.run())
    await asyncio.wait({working, asyncio.create_task(node.ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
    print("ready", flush=True)
    await working


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
