"""What one track costs: time, by stage, and memory; through a real server, as a client sees it."""

import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from app.services.instruments import find_soundfont
from benchmarks.servers import Server

#: Different music, because it costs differently.
PROMPTS = (
    "relaxing piano melody for meditation",
    "upbeat electronic dance music",
    "jazz piano with saxophone",
    "epic orchestral trailer",
    "calm acoustic guitar for background music",
)

#: Seconds that a track may take before the measurement gives up.
PATIENCE_S = 300.0


def post(client: httpx.Client, prompt: str, duration_s: int, seed: int = 7) -> str:
    """Ask for a track; its id."""
    answer = client.post("/music/generate", json={"prompt": prompt, "duration": duration_s, "seed": seed})
    answer.raise_for_status()
    return str(answer.json()["track_id"])


def finished(client: httpx.Client, track_id: str, *, every_s: float = 0.02) -> dict[str, Any]:
    """The record of a track, once it is completed; asked for `every_s` seconds. RuntimeError if it fails."""
    patience = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience:
        status = client.get(f"/music/status/{track_id}").json()
        if status["status"] == "completed":
            record: dict[str, Any] = client.get(f"/music/tracks/{track_id}").json()
            return record
        if status["status"] == "failed":
            raise RuntimeError(f"{track_id} failed: {status.get('error')}")
        time.sleep(every_s)
    raise RuntimeError(f"{track_id} was not finished within {PATIENCE_S:.0f} s")


def warm(client: httpx.Client, workers: int) -> None:
    """Let every worker make a track of every kind that is measured."""
    for prompt in PROMPTS:
        for track_id in [post(client, prompt, 30) for _ in range(workers)]:
            finished(client, track_id)


def time_tracks(client: httpx.Client, duration_s: int, prompts: tuple[str, ...]) -> tuple[float, list[dict[str, Any]]]:
    """Median seconds from the POST to completion, one track at a time, and the tracks' records."""
    took_s, records = [], []
    for prompt in prompts:
        began = time.perf_counter()
        # Asking takes a core's time from what is measured: as seldom as half a per cent of the goal allows.
        records.append(finished(client, post(client, prompt, duration_s, seed=11), every_s=duration_s / 5_000))
        took_s.append(time.perf_counter() - began)
    return statistics.median(took_s), records


def stage_times(records: list[dict[str, Any]]) -> dict[str, float]:
    """Median seconds of each stage."""
    return {stage: statistics.median(r["timings"][stage] for r in records) for stage in records[0]["timings"]}


@contextmanager
def watched_memory(server: Server) -> Iterator[list[int]]:
    """While the block lasts, the most memory in bytes that any one worker held; the list's only entry."""
    most = [0]
    stop = threading.Event()
    process = psutil.Process(server.process.pid)

    def watch() -> None:
        children = process.children(recursive=True)  # looking through every process takes longer than all else here
        while not stop.wait(0.05):
            for child in children:
                with suppress(psutil.NoSuchProcess):
                    most[0] = max(most[0], child.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        stop.set()
        watcher.join()


def fluidsynth_s(client: httpx.Client, record: dict[str, Any]) -> float | None:
    """CPU seconds that FluidSynth takes to render the track's MIDI with the same soundfont; None if not installed."""
    program = shutil.which("fluidsynth")
    if program is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "track.mid"), Path(folder, "track.wav")
        midi.write_bytes(client.get(record["files"]["mid"]["url"]).content)
        before = psutil.Process().cpu_times()
        command = [program, "-ni", "-q", "-r", "44100", "-F", str(wav), str(find_soundfont(None)), str(midi)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = psutil.Process().cpu_times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)
