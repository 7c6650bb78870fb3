"""How soon a track is heard from a node that was not asked for it, made by a machine that shares only a bucket."""

import os
import time
from contextlib import ExitStack
from pathlib import Path

import httpx

from benchmarks import hearing, tracks
from benchmarks.objects import S3Server
from benchmarks.scale.chaos import Part
from benchmarks.servers import SERVE, serving

#: Seconds that a worker may take to come up.
PATIENCE_S = 120.0


def hear_across(address: str, objects: S3Server, folder: Path, *, rounds: int) -> list[hearing.Heard]:
    """Tracks asked for at one node and listened to at another, one at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **objects.environment,
        "MUSIC_DATABASE_URL": address,
        "MUSIC_STORAGE_URL": f"s3://{objects.bucket()}/music",
        "MUSIC_LOG_LEVEL": "warning",
    }
    with ExitStack() as running:
        asked, heard_at = (
            running.enter_context(
                httpx.Client(
                    base_url=running.enter_context(serving([*SERVE, "--no-workers"], environment)).url, timeout=120
                )
            )
            for _ in range(2)
        )
        cores = os.cpu_count() or 1
        own = {**environment, "MUSIC_DATA_DIR": str(folder / "worker"), "MUSIC_WORKERS": str(cores)}
        worker = Part("worker", ["worker"], own, folder)
        running.callback(worker.end)
        until = time.monotonic() + PATIENCE_S
        while not worker.is_up:
            if time.monotonic() > until:
                raise RuntimeError("the worker did not start")
            time.sleep(0.1)
        tracks.warm(asked, cores)
        return [
            hearing.hear(asked, prompt, 30, 20 + turn, elsewhere=heard_at)
            for turn in range(rounds)
            for prompt in tracks.PROMPTS
        ]
