"""Measures everything in one run and prints a Markdown table: `python -m benchmarks [--short] [--write-readme]`."""

import argparse
import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil

import run
from benchmarks import hearing, tracks
from benchmarks.load import Load, send
from benchmarks.servers import ROOT, SERVE, Server, serving

#: The part of the README that --write-readme writes.
MARKERS = re.compile(r"(<!-- benchmark:start -->\n).*?(<!-- benchmark:end -->)", re.DOTALL)

#: Clients at once, in every measurement of load.
CLIENTS = 50

#: Requests that these clients post in all.
POSTS = 90


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    measured: str
    #: What was aimed at, or what it is compared with.
    beside: str = ""


def main() -> None:
    """Measure, print, and with --write-readme put the table into the README."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the service; print a table.")
    parser.add_argument("--short", action="store_true", help="half a minute: no long tracks, one pass each")
    parser.add_argument("--write-readme", action="store_true", help="put the table into README.md")
    options = parser.parse_args()
    rows = []
    for row in measure(short=options.short):
        print(f"{row.what}: {row.measured}" + (f"  ({row.beside})" if row.beside else ""), file=sys.stderr, flush=True)
        rows.append(row)
    text = table(rows)
    print(text)
    if options.write_readme:
        write_readme(ROOT / "README.md", text)


def measure(*, short: bool) -> Iterator[Row]:
    """Every row, as it is measured."""
    yield cold_start()
    with serving() as server, httpx.Client(base_url=server.url, timeout=60) as client:
        tracks.warm(client, workers=1 if short else _workers())
        yield from finished_tracks(client, server, short=short)
        yield from first_sounds(client, rounds=1 if short else 3)
        yield from under_load(client, server, seconds=2 if short else 5)
    yield status_throughput(passes=1 if short else 3, seconds=2 if short else 4)
    if not short:
        yield from one_core()


def cold_start() -> Row:
    """From the command to an answer of /health, on a checkout that is set up."""
    set_up = run.is_set_up(run.VENV, [run.REQUIREMENTS])
    command = (sys.executable, str(ROOT / "run.py"), "--port", "0") if set_up else SERVE
    took_s = []
    for _ in range(3):
        began = time.perf_counter()
        with serving(command) as server:
            httpx.get(f"{server.url}/health").raise_for_status()
            took_s.append(time.perf_counter() - began)
    return Row(what="Start: `python3 run.py` until `/health` answers", measured=_seconds(took_s), beside="at most 3 s")


def finished_tracks(client: httpx.Client, server: Server, *, short: bool) -> Iterator[Row]:
    """How long a client waits for a track, where the time goes, and what a worker needs."""
    wanted = {30: "at most 1.5 s", 300: "at most 8 s"}
    with tracks.watched_memory(server) as most:
        for duration_s in (30,) if short else (30, 300):
            took_s, records = tracks.time_tracks(client, duration_s, tracks.PROMPTS)
            yield Row(
                what=f"{duration_s} s track, POST to completed, warm",
                measured=f"{took_s:.2f} s ({duration_s / took_s:.0f} × real time)",
                beside=wanted[duration_s],
            )
            stages = tracks.stage_times(records)
            yield Row(
                what=f"… of which, {duration_s} s",
                measured=", ".join(f"{stage} {spent_s:.2f} s" for stage, spent_s in stages.items()),
                beside=", ".join(
                    f"{stage} {duration_s / max(spent_s, 1e-4):.0f} ×" for stage, spent_s in stages.items()
                ),
            )
    yield Row(
        what=f"Memory of a worker, {'30' if short else '300'} s tracks, at most",
        measured=f"{most[0] / 1e6:.0f} MB",
        beside="at most 450 MB",
    )


def first_sounds(client: httpx.Client, *, rounds: int) -> Iterator[Row]:
    """How soon a track is heard, and whether it ever comes slower than it plays."""
    heard = [hearing.hear(client, prompt, 30, 20 + turn) for turn in range(rounds) for prompt in tracks.PROMPTS]
    first_s = sorted(one.seen_s["heard"] for one in heard)
    yield Row(
        what="First sound of a 30 s track, from the POST",
        measured=f"median {statistics.median(first_s):.2f} s, worst {first_s[-1]:.2f} s of {len(first_s)}",
        beside="median at most 0.5 s",
    )
    shares = ", ".join(f"{what} {1000 * spent_s:.0f} ms" for what, spent_s in hearing.median_shares_s(heard).items())
    yield Row(what="… of which, median", measured=shares)
    late_s = max(one.late_s for one in heard)
    yield Row(
        what="Sound that came later than it was played",
        measured="none" if late_s <= 0 else f"{late_s:.2f} s at most",
        beside="none",
    )


def under_load(client: httpx.Client, server: Server, *, seconds: float) -> Iterator[Row]:
    """Posting and polling while every core renders."""
    rendering = [tracks.post(client, prompt, 300) for prompt in tracks.PROMPTS[1:4]]
    while client.get(f"/music/status/{rendering[1]}").json()["stage"] in ("queued", "planning"):
        time.sleep(0.01)
    body = '{"prompt": "calm piano number #", "duration": 30}'
    posted = send(f"{server.url}/music/generate", clients=CLIENTS, requests=POSTS, body=body)
    yield _load_row(f"{CLIENTS} clients post {POSTS} tracks while two render", posted)
    polled = send(f"{server.url}/music/status/{rendering[1]}", clients=CLIENTS, seconds=seconds)
    yield _load_row(f"{CLIENTS} clients poll while two render", polled)
    last = client.get("/music/tracks", params={"status": "processing"}).json()["tracks"]
    if len(last) < 2:
        raise RuntimeError("the renders ended before the load did: nothing was measured")


def status_throughput(*, passes: int, seconds: float) -> Row:
    """Status answers a second, against a bare route under the same server and load, in turns."""
    ours: list[float] = []
    bare: list[float] = []
    with (
        serving() as server,
        serving((sys.executable, "-m", "benchmarks.bare", "serve", "--port", "0")) as yardstick,
        httpx.Client(base_url=server.url, timeout=60) as client,
    ):
        track_id = tracks.post(client, tracks.PROMPTS[0], 5)
        tracks.finished(client, track_id)
        for _ in range(passes):
            for address, seen in ((yardstick.url, bare), (server.url, ours)):
                load = send(f"{address}/music/status/{track_id}", clients=CLIENTS, seconds=seconds)
                if load.failures:
                    raise RuntimeError(f"{load.failures} requests to {address} failed")
                seen.append(load.per_second)
    mine, yours = statistics.median(ours), statistics.median(bare)
    return Row(
        what="Status answers a second",
        measured=f"{mine:,.0f}",
        beside=f"bare FastAPI route {yours:,.0f}: {mine / yours:.0%} of it (at least 80 %)",
    )


def one_core() -> Iterator[Row]:
    """Rendering on one core, against FluidSynth playing the same notes with the same soundfont."""
    alone = {"MUSIC_WORKERS": "1", "MUSIC_RENDER_THREADS": "1"}
    with serving(environment=alone) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        tracks.warm(client, workers=1)
        for prompt in (tracks.PROMPTS[2], tracks.PROMPTS[3]):
            record = tracks.finished(client, tracks.post(client, prompt, 300))
            spent_s = record["timings"]["rendering"]
            other_s = tracks.fluidsynth_s(client, record)
            yield Row(
                what=f"Playing and mixing 300 s of “{prompt}” on one core",
                measured=f"{300 / spent_s:.0f} × real time",
                beside="FluidSynth is not installed" if other_s is None else f"FluidSynth {300 / other_s:.0f} ×",
            )


def table(rows: list[Row]) -> str:
    """The rows as Markdown, the machine below them."""
    lines = [f"| {row.what} | {row.measured} | {row.beside} |" for row in rows]
    head = ["| what | measured | wanted, or beside it |", "|---|---|---|"]
    return "\n".join([*head, *lines, "", machine(), ""])


def machine() -> str:
    """What the figures were measured on."""
    memory_gb = psutil.virtual_memory().total / 1e9
    return (
        f"Measured in one run on {_processor()}, {os.cpu_count()} cores, {memory_gb:.0f} GB; "
        f"{platform.system()}, Python {platform.python_version()}, NumPy {np.__version__}."
    )


def write_readme(path: Path, text: str) -> None:
    """Put the table between the README's markers. ValueError where it has none."""
    whole = path.read_text(encoding="utf-8")
    if not MARKERS.search(whole):
        raise ValueError(f"{path.name} has no benchmark markers")
    path.write_text(MARKERS.sub(lambda found: found[1] + text + found[2], whole), encoding="utf-8")


def _processor() -> str:
    try:
        described = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        described = None
    return described[1] if described else platform.processor() or platform.machine()


def _workers() -> int:
    return max(1, min(4, os.cpu_count() or 1))


def _seconds(took_s: list[float]) -> str:
    return f"{statistics.median(took_s):.2f} s"


def _load_row(what: str, load: Load) -> Row:
    failed = f", {load.failures} failed" if load.failures else ", none failed"
    return Row(
        what=what,
        measured=f"p50 {load.p50_ms:.0f} ms, p99 {load.p99_ms:.0f} ms ({load.answers:,} answers{failed})",
        beside="p99 under 50 ms",
    )


if __name__ == "__main__":
    main()
