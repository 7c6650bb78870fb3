"""A queue with real workers on a real database, and the words that the tests of it are told in."""

import os
import secrets
import time
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

import pytest

from app.models.track import Track
from app.services.jobs import EmbeddedQueue
from app.services.storage import AudioFiles, TrackStore
from app.utils.clock import SystemClock
from tests.jobs.bodies import body


def a_track(prompt="succeed", **changes):
    values = {"duration": 30, "model": "fake", "seed": 1, "estimated_s": 2, "created_at": datetime.now(timezone.utc)}
    return Track(id=f"track_{secrets.token_hex(8)}", prompt=prompt, **{**values, **changes})


def until(condition, within_s=90.0, every_s=0.002):
    """What the condition returns, once that is true."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(every_s)
    return found


class Shop:
    """A queue and its folder."""

    def __init__(self, folder, *, store=None, **changes):
        self.folder = folder
        self.store = store or TrackStore(folder / "music.db")
        self.files = AudioFiles(folder / "audio")
        settings = {
            "workers": 2,
            "max_queue": 1_000,
            "job_timeout_s": 60.0,
            "retention_s": float("inf"),
            "storage_limit_bytes": 10**9,
            "clock": SystemClock(),
        }
        self.queue = EmbeddedQueue(
            folder,
            store=self.store,
            files=changes.pop("files", self.files),
            body=changes.pop("body", partial(body, str(folder))),
            **{**settings, **changes},
        )

    def submit(self, prompt="succeed", **changes):
        return self.queue.submit(a_track(prompt, **changes)).result(10)

    def finished(self, track):
        return until(lambda: (now := self.queue.get(track.id)) and now.finished and now)

    def done(self, prompt="succeed", **changes):
        return self.finished(self.submit(prompt, **changes))

    def at(self, track, progress):
        return until(lambda: (now := self.queue.get(track.id)) and now.progress >= progress and now)

    def let(self, name):
        """Let bodies go on that wait for a file of that name."""
        (self.folder / name).touch()

    def seen(self, track):
        """(kind, run, worker, parent) of each run that began, in order."""
        path = self.folder / "seen" / track.id
        lines = path.read_text().splitlines() if path.exists() else []
        return [(kind, *map(int, numbers)) for kind, *numbers in map(str.split, lines)]

    def stored(self, track):
        """Names of the track's files in the file store."""
        root = self.folder / "audio" / "tracks" / track.id
        found = [Path(folder, name) for folder, _, names in os.walk(root) for name in names]  # may go while we look
        return sorted(path.relative_to(root).as_posix() for path in found)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One for all tests of a module that need nothing special."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.queue.start()
    yield shop
    shop.queue.stop()
    shop.store.close()


@pytest.fixture
def open_shop(tmp_path):
    """Opens shops for one test, all on one folder unless told otherwise, and closes them."""
    opened = []

    def open_one(folder=tmp_path, *, start=True, **changes):
        shop = Shop(folder, **changes)
        opened.append(shop)
        if start:
            shop.queue.start()
        return shop

    open_one.folder = tmp_path
    yield open_one
    for shop in opened:
        shop.queue.stop()
        shop.store.close()  # opened again by those who looked after the end
