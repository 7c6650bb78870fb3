"""A worker of the service whose jobs make no sound: each only tells how far it is, as often as a render does.

Run as a program: `python -m benchmarks.scale.talking ADDRESS FOLDER CONCURRENCY STEPS STEP_S`. What each job told, and
when, is written to `told.csv` in the folder.
"""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from app.models.track import Track
from app.services.jobs.base import Job, Outcome, Progress
from app.services.jobs.bench import Bench, Ended, Piece
from app.services.jobs.worker import Died
from app.services.planning import decide
from benchmarks.scale.worker import work

#: Per cent of a job that its first step stands for: a plan is made by then, and is part of the record.
FIRST = 2


class TalkingBench(Bench):
    """One thread a job."""

    def __init__(self, told: TextIO, *, steps: int, step_s: float) -> None:
        """`steps` of a per cent each, one every `step_s` seconds."""
        self.timeout_s = 600.0
        self._told = told
        self._steps = steps
        self._step_s = step_s
        self._dropped: set[Piece] = set()

    def start(self) -> None:
        """Nothing needs to be there."""

    def stop(self) -> None:
        """Nothing is there."""

    def begin(self, job: Job, hear: Callable[[Progress], None]) -> Piece:
        """Let a job talk."""
        piece = Piece(job=job, hear=hear)
        piece.future.set_running_or_notify_cancel()
        threading.Thread(target=self._talk, args=(piece,), daemon=True).start()
        return piece

    def drop(self, piece: Piece) -> None:
        """Let it say no more."""
        self._dropped.add(piece)

    def _talk(self, piece: Piece) -> None:
        facts = facts_of(piece.job.track)
        for step in range(FIRST, FIRST + self._steps):
            if piece in self._dropped:
                piece.future.set_result(Ended(ending=Died(), blameless=True))
                return
            self._told.write(f"{piece.job.track.id},{step},{time.time():.6f}\n")
            piece.hear(Progress(stage="rendering", fraction=(step + 0.5) / 100, facts=facts))
            facts = {}
            time.sleep(self._step_s)
        piece.future.set_result(Ended(ending=Outcome(files=())))


def facts_of(track: Track) -> dict[str, Any]:
    """What a render tells once it has planned: most of the record's size."""
    brief, plan = decide(track.prompt, None, duration_s=track.duration, seed=track.seed, soundfont_sha256="0" * 64)
    return {"brief": brief.model_dump(mode="json"), "plan": plan.model_dump(mode="json")}


def main(address: str, folder: Path, concurrency: int, steps: int, step_s: float) -> None:
    """Work until somebody ends it."""
    folder.mkdir(parents=True)
    with (folder / "told.csv").open("w", buffering=1) as told:
        asyncio.run(work(address, folder, concurrency, TalkingBench(told, steps=steps, step_s=step_s)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]))
