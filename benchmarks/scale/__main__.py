"""Measures a queue that many machines share, all of them played by this one: `python -m benchmarks.scale [WHAT]`.

Needs what `requirements/distributed.txt` brings, as `python3 run_tests.py distributed` installs it.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from app.services.storage import TrackStore
from benchmarks.__main__ import Row, table
from benchmarks.postgres import cluster
from benchmarks.scale.pickup import queue_on, time_pickups, worker
from benchmarks.scale.throughput import per_second

#: Tracks of a measurement of pick-up.
PICKUPS = 200
#: Workers whose throughput is compared with one's, tracks for each, and how long one takes.
WORKERS, EACH, JOB_S = 8, 30, 1.0


def pickup(address: str, folder: Path) -> Iterator[Row]:
    """From enqueueing to the start of the run, on an idle queue."""
    with worker(address, folder), queue_on(address) as queue:
        time_pickups(queue, 10)
        seen = time_pickups(queue, PICKUPS)
    yield Row(what="Enqueued, durable", measured=_spread([each.accepted_ms for each in seen]))
    yield Row(
        what="… from then until the run begins in a worker process",
        measured=_spread([each.picked_up_ms for each in seen]),
        beside="p50 at most 15 ms, p99 at most 50 ms",
    )


def throughput(address: str, folder: Path) -> Iterator[Row]:
    """Several workers against one."""
    with queue_on(address) as queue:
        one = per_second(queue, address, folder, workers=1, each=EACH, job_s=JOB_S)
        many = per_second(queue, address, folder, workers=WORKERS, each=EACH, job_s=JOB_S)
    yield Row(
        what=f"Tracks of {JOB_S:g} s a second, {WORKERS} workers against one",
        measured=f"{many:.2f} against {one:.2f}: {many / one / WORKERS:.3f} × {WORKERS}",
        beside=f"at least 0.95 × {WORKERS}",
    )


MEASURES: dict[str, Callable[[str, Path], Iterator[Row]]] = {"pickup": pickup, "throughput": throughput}


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("what", nargs="*", choices=[*MEASURES, []], help=", ".join(MEASURES))
    chosen = parser.parse_args().what or list(MEASURES)
    rows = []
    with cluster() as server, tempfile.TemporaryDirectory(prefix="music-scale-") as folder:
        for name in chosen:
            address = server.database()
            TrackStore(address).migrate()
            for row in MEASURES[name](address, Path(folder, name)):
                print(f"{row.what}: {row.measured}" + (f"  ({row.beside})" if row.beside else ""), file=sys.stderr)
                rows.append(row)
    print(table(rows))


def _spread(took_ms: list[float]) -> str:
    ordered = sorted(took_ms)
    return f"p50 {ordered[len(ordered) // 2]:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)]:.1f} ms"


if __name__ == "__main__":
    main()
