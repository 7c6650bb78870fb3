"""How soon those who watch API nodes hear how far tracks are; workers share only the database with those nodes."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Timer
from typing import Any

from app.models.track import Track
from app.services.jobs.shared import SharedQueue
from benchmarks.scale.pickup import a_track, finished, queue_on
from benchmarks.servers import ROOT


@dataclass(frozen=True, kw_only=True, slots=True)
class Audience:
    """Who watches whom."""

    subscribers: int
    nodes: int = 2
    jobs: int = 100
    workers: int = 2
    #: Per cents that each job tells of, one every so many seconds.
    steps: int = 80
    step_s: float = 0.25
    #: Seconds until everybody must have heard the end.
    limit_s: float = 300.0


@dataclass(kw_only=True)
class Heard:
    """What came of it."""

    #: Seconds from the moment that a job told its worker until a subscriber heard it.
    progress_s: list[float] = field(default_factory=list)
    #: Seconds from the moment that is a track's end by its record until a subscriber heard it.
    ends_s: list[float] = field(default_factory=list)
    #: Most tracks that were at work at the same moment.
    at_once: int = 0
    #: What should not be, in sentences.
    problems: list[str] = field(default_factory=list)


def fan_out(address: str, folder: Path, audience: Audience) -> Heard:
    """Let so many jobs talk, and ask everybody what he heard."""
    tracks = [a_track() for _ in range(audience.jobs)]
    watched = [tracks[number % len(tracks)].id for number in range(audience.subscribers)]
    with ExitStack() as running:
        nodes = [running.enter_context(_node(address, watched[n :: audience.nodes])) for n in range(audience.nodes)]
        for number in range(audience.workers):
            running.enter_context(_worker(address, folder / f"worker-{number}", audience))
        queue = running.enter_context(queue_on(address))
        for accepted in [queue.submit(track) for track in tracks]:
            accepted.result()
        ends = {track.id: _end_of(queue, track) for track in tracks}
        subscribers = [one for node in nodes for one in _answer_of(node, audience.limit_s)]
    told, spans = _told(folder)
    return _compared(subscribers, told, spans, ends)


def _compared(
    subscribers: list[dict[str, Any]],
    told: dict[tuple[str, int], float],
    spans: list[tuple[float, float]],
    ends: dict[str, float],
) -> Heard:
    seen = Heard(at_once=max((sum(begin <= at <= end for begin, end in spans) for at, _ in spans), default=0))
    for one in subscribers:
        track_id = one["track"]
        delays = [at - told[track_id, percent] for percent, at in one["heard"] if (track_id, percent) in told]
        seen.progress_s += delays
        if not delays:
            seen.problems.append(f"nobody told a subscriber how far {track_id} is")
        if one["ended_at"] is None:
            seen.problems.append(f"a subscriber did not hear the end of {track_id}")
        else:
            seen.ends_s.append(one["ended_at"] - ends[track_id])
        if one["back"]:
            seen.problems.append(f"for a subscriber the progress of {track_id} went back")
    return seen


@contextmanager
def _node(address: str, watched: list[str]) -> Iterator["subprocess.Popen[str]"]:
    with _program("listening", address) as node:
        assert node.stdin is not None  # noqa: S101 - it is a pipe
        node.stdin.write(json.dumps(watched) + "\n")
        node.stdin.flush()
        _wait_until_ready(node)
        yield node


@contextmanager
def _worker(address: str, folder: Path, audience: Audience) -> Iterator[None]:
    concurrency = -(-audience.jobs // audience.workers)
    more = [str(folder), str(concurrency), str(audience.steps), str(audience.step_s)]
    with _program("talking", address, *more) as worker:
        _wait_until_ready(worker)
        yield


@contextmanager
def _program(module: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", f"benchmarks.scale.{module}", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _wait_until_ready(process: "subprocess.Popen[str]") -> None:
    if process.stdout is None or process.stdout.readline().strip() != "ready":
        raise RuntimeError("a part did not start")


def _answer_of(node: "subprocess.Popen[str]", limit_s: float) -> list[dict[str, Any]]:
    assert node.stdin is not None  # noqa: S101 - both are pipes
    assert node.stdout is not None  # noqa: S101
    give_up = Timer(limit_s, node.stdin.close)
    give_up.start()
    try:
        found: list[dict[str, Any]] = json.loads(node.stdout.readline())
    finally:
        give_up.cancel()
    return found


def _end_of(queue: SharedQueue, track: Track) -> float:
    ended = finished(queue, track.id).finished_at
    assert ended is not None  # noqa: S101 - it is finished
    return ended.timestamp()


def _told(folder: Path) -> tuple[dict[tuple[str, int], float], list[tuple[float, float]]]:
    """When each track told of each per cent; and the first and last moment of each."""
    told: dict[tuple[str, int], float] = {}
    for path in folder.glob("*/told.csv"):
        with path.open() as lines:
            told |= {(track_id, int(percent)): float(moment) for track_id, percent, moment in csv.reader(lines)}
    moments: dict[str, list[float]] = {}
    for (track_id, _), moment in told.items():
        moments.setdefault(track_id, []).append(moment)
    return told, [(min(of_one), max(of_one)) for of_one in moments.values()]
