"""Models without music, for the queue's own tests: they do as the prompt's first word says, in real processes."""

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path

from app.errors import Cancelled, GenerationFailed
from app.services.jobs.base import Progress, TakeMade
from app.services.jobs.engine_floor import Residents
from app.services.jobs.engine_room import Loaded, Unusable

HELD_BYTES = 1_000


class FakeResident:
    """Holds 1,000 bytes. `root` keeps what it did: a line a load, and the takes at work."""

    def __init__(self, root, at_once, model, device, tell):
        self.free = threading.Semaphore(at_once)
        self.root, self.model, self.device, self.tell = Path(root), model, device, tell
        self.ready = False
        self.opening = threading.Lock()

    def load(self):
        with self.opening:
            if not self.ready:
                self.open()

    def open(self):
        self.note("loads", f"{self.model} {os.getpid()} {self.device}")
        if (self.root / f"broken-{self.model}").exists():
            self.tell(Unusable(reason="no weights"))
            raise GenerationFailed("no weights")
        self.ready = True
        devices = tuple((self.root / "devices").read_text().split()) if (self.root / "devices").exists() else ()
        device = devices[0] if devices and self.device == "auto" else self.device
        self.tell(
            Loaded(device=device, devices=devices, memory_bytes=HELD_BYTES, device_bytes=4 * HELD_BYTES, load_s=0.5)
        )

    def take(self, job, folder, watched):
        with self.free:
            return self.make(job, folder, watched, *job.track.prompt.split())

    def make(self, job, folder, watched, verb, *words):
        watched.at_work(True)
        self.load()
        watched.report(Progress(stage="rendering", fraction=0.5))
        if verb == "kill" and job.track.attempt <= int(words[0]):
            os.kill(os.getpid(), signal.SIGKILL)
        if verb == "hold":
            self.hold(words[0], watched.cancelled)
        if verb == "deaf":
            self.hold("never", lambda: False)
        if verb == "quiet":
            watched.at_work(False)
            os.kill(os.getpid(), signal.SIGKILL)
        if verb == "riddle":
            self.tell(Riddle())
            self.hold("never", lambda: False)
        if watched.cancelled():
            raise Cancelled("Cancelled")
        watched.report(Progress(stage="rendering", fraction=0.9))
        (folder / "take").write_text(job.track.prompt)
        return TakeMade(work_s=job.track.duration / 10, facts={"warnings": ("by a fake",), "seed": 99})

    def hold(self, name, cancelled):
        while not (self.root / name).exists() and not cancelled():
            time.sleep(0.002)

    def nudge(self):
        pass

    def close(self):
        self.note("unloads", f"{self.model} {os.getpid()}")
        if (self.root / f"clings-{self.model}").exists():
            self.hold("never", lambda: False)

    def note(self, name, line):
        with (self.root / name).open("a") as file:
            file.write(f"{line}\n")


class Riddle:
    """Cannot be read back."""

    def __reduce__(self):
        return _unreadable, ()


def _unreadable():
    raise ValueError("nobody can read this")


def fakes(root, at_once=2, **changes):
    """Models "m1", "m2" …, each makes so many takes at once."""
    values = {
        "resident": is_fake,
        "opens": partial(FakeResident, str(root), at_once),
        "batch": lambda _: at_once,
        "estimate_s": lambda track: track.duration * 2.0,
        "device": "cpu",
    }
    return Residents(**{**values, **changes})


def is_fake(model):
    return model[0] == "m" and model[1:].isdecimal()
