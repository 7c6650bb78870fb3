"""Bodies of jobs that do what tests need; they run in real worker processes."""

import os
import signal
import time
from pathlib import Path

from app.errors import GenerationFailed
from app.models.track import TrackFile
from app.services.jobs.base import CacheSize, Outcome, Progress
from app.services.storage.files import AudioFiles


def body(root, job, work, report):
    """Do as the prompt's first word says, or, for an encode job, its second; `root` is the data folder."""
    root = Path(root)
    (root / "seen").mkdir(exist_ok=True)
    with (root / "seen" / job.track.id).open("a") as log:
        log.write(f"{job.kind} {job.run} {os.getpid()} {os.getppid()}\n")
    verb, *words = job.track.prompt.split()
    if job.kind == "encode":
        verb, *words = words or ["succeed"]
    VERBS.get(verb, succeed)(root, job, work, report, *words)
    return finish(root, job, work)


def finish(root, job, work):
    """One small file, by way of the work folder, as a real body does it."""
    form = job.form or "mp3"
    made = work / f"track.{form}"
    made.write_bytes(b"sound " * 100)
    file = TrackFile(form=form, key=f"tracks/{job.track.id}/{job.run}/track.{form}", size=600, sha256="0" * 64)
    AudioFiles(root / "audio").put(made, file.key)
    facts = {} if job.kind == "encode" else {"on_demand": ("ogg", "flac"), "timings": {"rendering": 0.1}}
    kept = CacheSize(name="sounds", entries=2, size_bytes=500)
    return Outcome(files=(file,), facts=facts, caches=(kept,))


def succeed(root, job, work, report, *_):
    report(Progress(stage="planning", fraction=0.1, facts={"plan": {"title": "A"}}))


def wait(root, job, work, report, name="go", *_):
    """Write half a file, then wait until a file of that name is in the data folder."""
    report(Progress(stage="rendering", fraction=0.4))
    half = work / "half"
    half.write_bytes(b"half")
    AudioFiles(root / "audio").put(half, f"tracks/{job.track.id}/{job.run}/half.mp3")
    report(Progress(stage="rendering", fraction=0.5))
    while not (root / name).exists():
        time.sleep(0.005)


def steps(root, job, work, report, *_):
    """Take one step each time the data folder lets it."""
    for step in range(1, 11):
        while not (root / f"step{step}").exists():
            time.sleep(0.002)
        if step < 10:
            report(Progress(stage="rendering", fraction=step / 10))


def crash(root, job, work, report, times="9", how="exit", *_):
    """Die on the first runs."""
    if job.run <= int(times):
        leave_half(root, job)
        report(Progress(stage="rendering", fraction=0.6))
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(7)


def leave_half(root, job):
    """Leave a file in the store, so that a test sees whether it goes."""
    half = root / f"{job.track.id}-{job.run}"
    half.write_bytes(b"half")
    AudioFiles(root / "audio").put(half, f"tracks/{job.track.id}/{job.run}/half.mp3")


def refuse(root, job, work, report, name=None, *_):
    """Refuse, at once or once a file of that name is in the data folder."""
    if name:
        wait(root, job, work, report, name)
    raise GenerationFailed("This engine has no strings")


def full(*_):
    raise OSError(28, "No space left on device")


def stumble(root, job, work, report, times="9", *_):
    """Raise what nobody foresaw on the first runs."""
    if job.run <= int(times):
        raise ZeroDivisionError("a secret detail")


def lie(root, job, work, report, *_):
    report(Progress(stage="planning", fraction=0.1, facts={"status": "completed"}))


VERBS = {
    "succeed": succeed,
    "wait": wait,
    "steps": steps,
    "crash": crash,
    "refuse": refuse,
    "full": full,
    "stumble": stumble,
    "lie": lie,
}


def warm(root):
    """Leave a trace of the worker that warms up."""
    (Path(root) / "warm").mkdir(exist_ok=True)
    (Path(root) / "warm" / str(os.getpid())).touch()


def fail_to_warm():
    raise GenerationFailed("cold")
