"""A queue that dies at a point that was chosen by lot: python -m tests.durability.dying FOLDER WHERE NUMBER.

It takes up what it finds in the folder, lives through one life of tracks (accepted, made, finished, cancelled, removed,
a form on demand) and says one JSON line for each thing once that is promised. WHERE is "service" or "worker": the
NUMBER-th step of our own code in that process ends both, as a power cut would. With number 0 it lives, and says how
many steps that took.
"""

import json
import os
import signal
import sys
import threading
import time
from functools import partial
from pathlib import Path

from app.errors import MusicError
from app.models.track import TrackFile
from app.services.jobs.base import Outcome, Progress
from app.services.storage.files import AudioFiles
from tests.jobs.conftest import Shop, a_track

#: Steps that count: calls into what keeps tracks, and returns from it.
OURS = tuple(str(Path(*parts)) for parts in (("services", "jobs"), ("services", "storage"), ("durability", "dying")))
HOOK = "https://example.org/hook"
SOUND = b"sound " * 2_000


class Lot:
    """Counts steps of this process, and ends it, and whoever it works for, at the one that was drawn."""

    def __init__(self, number, master=None):
        self.number = number
        self.master = master
        self.steps = 0
        self._lock = threading.Lock()

    def watch(self):
        threading.setprofile(self._step)
        sys.setprofile(self._step)

    def _step(self, frame, event, _argument):
        if event in ("call", "return") and any(part in frame.f_code.co_filename for part in OURS):
            with self._lock:
                self.steps += 1
                now = self.steps
            if now == self.number:
                if self.master is not None:
                    os.kill(self.master, signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)


def body(root, number, master, job, work, report):
    """Two files, written in two halves each; in the worker that is to die with its master, every step is counted."""
    lot = Lot(number, master)
    if number:
        lot.watch()
    files = []
    forms = (job.form,) if job.kind == "encode" else ("mp3", "wav")
    report(Progress(stage="rendering", fraction=0.4, facts={"plan": {"title": "A"}}))
    for form in forms:
        made = work / f"track.{form}"
        with made.open("wb") as file:
            for half in (SOUND[: len(SOUND) // 2], SOUND[len(SOUND) // 2 :]):
                _write(file, half)
        kept = TrackFile(
            form=form, key=f"tracks/{job.track.id}/{job.run}/track.{form}", size=len(SOUND), sha256="0" * 64
        )
        AudioFiles(Path(root) / "audio").put(made, kept.key)
        files.append(kept)
        report(Progress(stage="encoding", fraction=0.9))
    facts = {} if job.kind == "encode" else {"on_demand": ("ogg",), "timings": {"rendering": 0.1}}
    sys.setprofile(None)
    return Outcome(files=tuple(files), facts=facts)


def _write(file, half):
    file.write(half)
    file.flush()


def say(what, track_id):
    sys.stdout.write(json.dumps({"what": what, "track": track_id}) + "\n")
    sys.stdout.flush()


def ended(shop, track_id):
    while not ((track := shop.queue.get(track_id)) and track.finished):
        time.sleep(0.02)  # each look is some steps


def live(shop):
    """One life, with everything said that a client would be told."""
    tracks = [a_track("sing", webhook_url=HOOK) for _ in range(4)]
    for track in tracks:
        say("asked", track.id)
    answers = [shop.queue.submit(track) for track in tracks]
    for track, answer in zip(tracks, answers, strict=True):
        answer.result(60)
        say("accepted", track.id)
    made, form, stopped, removed = (track.id for track in tracks)
    say("stopping", stopped)
    try:
        shop.queue.cancel(stopped).result(60)
        say("stopped", stopped)
    except MusicError:  # it was finished before
        say("finished", stopped)
    ended(shop, form)
    say("finished", form)
    shop.queue.make_file(form, "ogg").result(60)
    say("formed", form)
    ended(shop, removed)
    say("removing", removed)
    shop.queue.delete(removed).result(60)
    say("removed", removed)
    ended(shop, made)
    say("finished", made)


def main():
    folder, where, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    lot = Lot(number if where == "service" else 0)
    lot.watch()
    shop = Shop(folder, workers=1, body=partial(body, str(folder), number if where == "worker" else 0, os.getpid()))
    shop.queue.start()
    live(shop)
    shop.queue.stop()
    sys.setprofile(None)
    say("steps", lot.steps)


if __name__ == "__main__":
    main()
