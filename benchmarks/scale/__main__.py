"""Measures a queue that many machines share, all of them played by this one: `python -m benchmarks.scale [WHAT]`.

Needs what `requirements/distributed.txt` brings, as `python3 run_tests.py distributed` installs it.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from app.services.storage import TrackStore
from benchmarks.__main__ import Row, table
from benchmarks.objects import S3Server
from benchmarks.postgres import Cluster, cluster
from benchmarks.scale.chaos import Chaos, Faults
from benchmarks.scale.fanout import Audience, fan_out
from benchmarks.scale.hearing import hear_across
from benchmarks.scale.pickup import queue_on, time_pickups, worker
from benchmarks.scale.throughput import per_second

#: Tracks of a measurement of pick-up.
PICKUPS = 200
#: Workers whose throughput is compared with one's, tracks for each, and how long one takes.
WORKERS, EACH, JOB_S = 8, 30, 1.0
#: Those who watch two nodes.
SUBSCRIBERS = 1_000
#: Times that each prompt is listened to.
ROUNDS = 3


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


def fanout(address: str, folder: Path) -> Iterator[Row]:
    """Progress of many tracks, told to many at two nodes."""
    audience = Audience(subscribers=SUBSCRIBERS)
    heard = fan_out(address, folder, audience)
    what = f"{audience.jobs} jobs telling of {1 / audience.step_s:g} steps a second each, {SUBSCRIBERS} subscribers"
    yield Row(
        what=f"{what} of {audience.nodes} nodes' `watch()`: from a job's word until it is heard",
        measured=f"{_spread([1000 * delay for delay in heard.progress_s])}, {len(heard.progress_s)} times; "
        f"{heard.at_once} jobs at once at most",
        beside="; ".join(heard.problems[:20]) or "p99 at most 1 s",
    )
    yield Row(
        what="… from a track's end until it is heard",
        measured=_spread([1000 * delay for delay in heard.ends_s]),
        beside="everybody heard it",
    )


def hearing(address: str, folder: Path) -> Iterator[Row]:
    """Sound from a node that neither was asked for the track nor makes it."""
    objects = S3Server()
    try:
        heard = hear_across(address, objects, folder, rounds=ROUNDS)
    finally:
        objects.end()
    first_s = sorted(one.seen_s["heard"] for one in heard)
    late_s = max(one.late_s for one in heard)
    yield Row(
        what="First sound of a 30 s track, from the POST at one node to another node's stream, through a bucket",
        measured=f"median {statistics.median(first_s):.2f} s, worst {first_s[-1]:.2f} s of {len(first_s)}; "
        + ("never later than it was played" if late_s <= 0 else f"{late_s:.2f} s later than it was played, at most"),
        beside="at most 1.5 s",
    )


def chaos(server: Cluster, folder: Path, tracks: int, every_s: float, every_tracks: int) -> Iterator[Row]:
    """Parts killed every few seconds, the database restarted twice, the object store away once."""
    faults = Faults(tracks=tracks, every_s=every_s, every_tracks=every_tracks)
    objects = S3Server()
    try:
        seen = Chaos(server, objects, folder, faults).run()
    finally:
        objects.end()
    killed = ", ".join(f"{part} {count} times" for part, count in sorted(seen.kills.items()))
    yield Row(
        what=f"{seen.accepted} tracks, {faults.nodes} API nodes, {faults.workers} workers",
        measured=f"{seen.took_s:.0f} s; killed, one every {every_s:g} s and {every_tracks} tracks at most: {killed}; "
        f"database restarted {seen.database_restarts} times; "
        f"object store away {seen.store_absences} times, {faults.store_away_s:g} s each; "
        f"{seen.sent_again} requests sent again; {seen.runs} runs begun for {seen.stored} tracks; {seen.files} files; "
        f"{seen.unfinished_uploads} uploads left unfinished",
        beside="; ".join(seen.problems[:20]) or "each completed once, each file as its record says",
    )


MEASURES: dict[str, Callable[[str, Path], Iterator[Row]]] = {
    "pickup": pickup,
    "throughput": throughput,
    "fanout": fanout,
    "hearing": hearing,
}


def main() -> None:
    """Measure, and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    names = [*MEASURES, "chaos"]
    parser.add_argument("what", nargs="*", help=f"{', '.join(names)} (default: all but chaos)")
    parser.add_argument("--tracks", type=int, default=1000, help="of chaos (default: %(default)s)")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between chaos's kills (default: %(default)s)")
    parser.add_argument("--every-tracks", type=int, default=3, help="finished tracks between them (default: 3)")
    options = parser.parse_args()
    chosen = options.what or list(MEASURES)
    if unknown := set(chosen) - set(names):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    rows = []
    with cluster() as server, tempfile.TemporaryDirectory(prefix="music-scale-") as folder:
        for name in chosen:
            if name == "chaos":
                measured = chaos(server, Path(folder, name), options.tracks, options.every, options.every_tracks)
            else:
                address = server.database()
                TrackStore(address).migrate()
                measured = MEASURES[name](address, Path(folder, name))
            for row in measured:
                print(f"{row.what}: {row.measured}" + (f"  ({row.beside})" if row.beside else ""), file=sys.stderr)
                rows.append(row)
    print(table(rows))


def _spread(took_ms: list[float]) -> str:
    ordered = sorted(took_ms)
    return f"p50 {ordered[len(ordered) // 2]:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)]:.1f} ms"


if __name__ == "__main__":
    main()
