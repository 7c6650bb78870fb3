"""A small family of models that make tones and do as their prompts say: slow, crash, too large, bad.

`python -m tests.tones serve …` is the service with these models, for tests to kill.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

from app import cli, single, wiring
from app.errors import Cancelled, GenerationFailed
from app.models.audio import BLOCK_FRAMES, Block
from app.services import workshop as workshops
from app.services.engines.base import Capabilities, Take
from app.services.engines.catalogue import CATALOGUE
from app.services.engines.estimates import composing_time_s
from app.services.engines.rows import ModelRow

RATE = 32_000
#: Bytes that each model says it holds.
HELD_BYTES = 1_000_000
MODELS = ("tone", "tone-b", "tone-alone")
STEPS = 20
PNG = b"\x89PNG\r\n\x1a\n a picture"


def capabilities_of(name):
    return Capabilities(sample_rate=RATE, channels=1, batch=4, seed_in_batch=name != "tone-alone", window_s=5.0)


class ToneEngine:
    """Eight steps a second go up and down; `folder` holds what it did and what it waits for."""

    def __init__(self, name, folder):
        self.name = name
        self.capabilities = capabilities_of(name)
        self.folder = Path(folder)
        self.ready = False

    def load(self, *, device="auto", dtype="auto", adapter=None):
        self._note("loads", f"{self.name} {os.getpid()} {device}")
        broken = self.folder / f"broken-{self.name}"
        if broken.exists():
            reason = broken.read_text()
            raise GenerationFailed(reason) if reason else OSError("header too large")
        if (self.folder / f"die-{self.name}").exists():
            os._exit(9)
        self._wait(f"hold-{self.name}", lambda: False, gone=True)
        self.ready = True

    def memory_bytes(self):
        return HELD_BYTES

    def batch_key(self, request):
        return ("tone",)

    def unload(self):
        self._note("unloads", f"{self.name} {os.getpid()}")
        self.ready = False

    def generate(self, requests):
        assert self.ready
        self._note("batches", " | ".join(request.prompt for request in requests))
        words = [request.prompt.split() for request in requests]
        for verb, *rest in words:
            if verb == "crash" and self._times("crashes") < int(rest[0]):
                os._exit(7)
            if verb == "large" and len(requests) > int(rest[0]):
                raise MemoryError("Tried to allocate 9.00 GiB")
            if verb == "stumble":
                raise ZeroDivisionError("a secret detail")
        answers = [None] * len(requests)
        for step in range(STEPS):
            for row, request in enumerate(requests):
                if answers[row] is None and request.cancelled():
                    answers[row] = Cancelled("Cancelled")
                if answers[row] is None:
                    request.progress("rendering", step / STEPS)
            if all(answer is not None for answer in answers):
                break
            if step == STEPS // 2:
                for row, (verb, *rest) in enumerate(words):
                    if verb == "wait":
                        self._wait(rest[0], requests[row].cancelled)
                    if verb == "stubborn":
                        self._wait("never", lambda: False)
                    if verb == "refuse":
                        answers[row] = GenerationFailed("This one is beyond me")
        return [
            answer if answer is not None else self._take(request)
            for request, answer in zip(requests, answers, strict=True)
        ]

    def _take(self, request):
        verb, *_ = request.prompt.split()
        silent = verb == "silent" or (verb == "shy" and self._times("shy") == 0)
        return Take(
            blocks=self._blocks(request.plan, silent=silent, broken=verb == "broken"),
            sample_rate=RATE,
            measured={"tone_hz": 220.0},
            extras={"mel.png": PNG} if verb == "paint" else {},
        )

    def _blocks(self, plan, *, silent, broken):
        frames = plan.duration_s * RATE
        rng = np.random.default_rng(plan.seed)
        pitches = 220.0 * 2 ** (rng.integers(0, 24, plan.duration_s * 8) / 12)
        if broken:
            yield Block(mix=np.full((frames, 2), np.nan, np.float32))
            return
        for first in range(0, frames, BLOCK_FRAMES):
            at = np.arange(first, min(first + BLOCK_FRAMES, frames))
            step = at // (RATE // 8)
            touch = np.exp(-6.0 * (at % (RATE // 8)) / (RATE // 8))
            sound = (0.4 * touch * np.sin(2 * np.pi * pitches[step] * at / RATE)).astype(np.float32)
            yield Block(mix=np.repeat(sound[:, None] * (not silent), 2, axis=1))

    def _note(self, name, line):
        with (self.folder / name).open("a") as file:
            file.write(f"{line}\n")

    def _times(self, name):
        """How often this was asked before."""
        path = self.folder / name
        self._note(name, "once")
        return len(path.read_text().splitlines()) - 1

    def _wait(self, name, cancelled, *, gone=False):
        """Until a file is there, or gone, or nobody wants it any more."""
        while (self.folder / name).exists() == gone and not cancelled():
            time.sleep(0.002)


def rows(folder):
    return [
        ModelRow(
            name=name,
            engine="tones",
            description="Makes tones.",
            capabilities=capabilities_of(name),
            make=lambda *_, name=name: ToneEngine(name, folder),
            estimate_s=composing_time_s,
            resident=True,
            phrased_for="musicgen",
        )
        for name in MODELS
    ]


def open_tones(workshop, model, device, tell):
    """`open_resident` in a process that knows no tones yet; they keep their notes beside the audio files."""
    CATALOGUE.update({row.name: row for row in rows(Path(workshop.files).parent)})
    return workshops.open_resident(workshop, model, device, tell)


def main():
    folder = Path(os.environ["MUSIC_DATA_DIR"])
    CATALOGUE.update({row.name: row for row in rows(folder)})
    single.open_resident = wiring.open_resident = open_tones
    return cli.main(sys.argv[1:])


def lines(folder, name):
    path = Path(folder) / name
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    # Engine processes find `open_tones` by its module's name, which is not __main__.
    from tests.tones import main as serve

    sys.exit(serve())
